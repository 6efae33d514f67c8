#!/usr/bin/env bash
# Places what `make build` made, and takes it away again.
#
#   install.sh install PLUGIN...
#   install.sh uninstall PLUGIN...
#   install.sh fresh PLUGIN...       succeeds when all is built, and no older than its sources
#
# PREFIX is /usr, where NetworkManager, D-Bus and penstock itself look; another one is for
# those who link from there. DESTDIR is put in front to stage a package.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
prefix=${PREFIX-/usr}
to=${DESTDIR-}$prefix
plugins=lib/penstock/plugins.d

# each COMMAND: runs `COMMAND MODE SOURCE PLACE` for every file, PLACE below the prefix.
each() {
  "$1" 755 bin/penstock bin/penstock
  "$1" 755 bin/penstock-auth-dialog libexec/penstock-auth-dialog
  for name in "${names[@]}"; do
    "$1" 755 "bin/plugins/$name" "$plugins/$name"
    "$1" 644 "bin/plugins/$name.toml" "$plugins/$name.toml"
  done
  if [ -s bin/editor/folder ]; then
    for library in bin/editor/*.so; do
      "$1" 644 "$library" "$(<bin/editor/folder)/${library##*/}"
    done
  fi
  "$1" 644 packaging/nm-penstock-service.name lib/NetworkManager/VPN/nm-penstock-service.name
  "$1" 644 packaging/nm-penstock-service.conf share/dbus-1/system.d/nm-penstock-service.conf
  "$1" 644 packaging/penstock-callback.desktop share/applications/penstock-callback.desktop
}

there() {
  [ -s "$2" ] || { echo "$2 is missing: run \`make\` first" >&2 && return 1; }
}

# What runs or is watched is replaced, not written to.
place() {
  mkdir -p "$(dirname "$to/$3")"
  rm -f "$to/$3"
  case $2 in
  packaging/*) sed "s|@PREFIX@|$prefix|" "$2" | install -m "$1" /dev/stdin "$to/$3" ;;
  *) install -m "$1" "$2" "$to/$3" ;;
  esac
}

remove() {
  rm -f "$to/$3"
}

# Which program opens which scheme is in a cache; a package's is the package manager's business.
known() {
  [ -n "${DESTDIR-}" ] || ! command -v update-desktop-database >/dev/null || update-desktop-database -q "$to/share/applications"
}

action=${1:?install, uninstall or fresh}
names=("${@:2}")
case $action in
install)
  each there
  each place
  mkdir -p "$to/libexec"
  ln -sfn ../bin/penstock "$to/libexec/nm-penstock-service"
  known
  ;;
uninstall)
  if [ "$to" = /usr ] && [ -x /usr/bin/penstock ]; then # what others served before is theirs again
    /usr/bin/penstock takeover disable all >/dev/null || true
  fi
  each remove
  rm -f "$to/libexec/nm-penstock-service"
  for dir in "$plugins" "${plugins%/*}"; do
    [ ! -d "$to/$dir" ] || rmdir --ignore-fail-on-non-empty "$to/$dir"
  done
  known
  ;;
fresh)
  each there 2>/dev/null
  newer=$(find go.mod host nm plugins sdk vpnc-script -type f ! -name '*_test.go' ! -name '*.md' ! -name '*.png' -newer bin/penstock -print -quit)
  [ -z "$newer" ]
  ;;
*)
  echo "install.sh: there is no $action" >&2
  exit 2
  ;;
esac

#!/usr/bin/env bash
# Makes packages of what `make build` made:  package.sh deb|rpm PLUGIN...
#
#   install.sh     places everything below bin/stage/FORMAT/all
#   editor         builds the form of GNOME's programs anew: hardened, stripped
#   split          gives each file to the package that it belongs to
#   pages, about   manual pages, completions, licences, SBOM
#   nfpm           PACKAGE_OUT/*.deb or *.rpm, bin/packages by default
#
# The same source, SOURCE_DATE_EPOCH and PACKAGE_VERSION give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
export LC_ALL=C TZ=UTC

format=${1:?deb or rpm}
plugins=("${@:2}")
names=(penstock penstock-plugins network-manager-penstock network-manager-penstock-gnome)
stage=bin/stage/$format
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0 # later ones need modules that Go's proxy refuses
zsh=usr/share/zsh/vendor-completions
[ "$format" = deb ] || zsh=usr/share/zsh/site-functions
: "${GO:=go}" "${PACKAGE_OUT:=bin/packages}" "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
day=$(date -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)
# A tagged version, or one that sorts before all of those, and by time.
: "${PACKAGE_VERSION:=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null || echo "v0~git$day.$(git rev-parse --short=8 HEAD)")}"
PACKAGE_VERSION=${PACKAGE_VERSION#v}
PACKAGE_ARCH=$($GO env GOARCH)
PACKAGE_FORMAT=$format
export SOURCE_DATE_EPOCH PACKAGE_VERSION PACKAGE_ARCH PACKAGE_FORMAT

# owner PATH: the package of an installed file.
owner() {
  case $1 in
  usr/lib/penstock/plugins.d/*) echo penstock-plugins ;;
  *-vpn-plugin-penstock-editor.so) echo network-manager-penstock-gnome ;;
  *NetworkManager/* | usr/libexec/* | usr/share/dbus-1/*) echo network-manager-penstock ;;
  *) echo penstock ;;
  esac
}

# put MODE SOURCE PACKAGE PLACE
put() {
  install -D -m "$1" "$2" "$stage/$3/$4"
}

editor() {
  local out=$PWD/$stage/editor library
  make --no-print-directory -sC nm/editor OUT="$out" LDFLAGS='-Wl,--as-needed,-z,relro,-z,now,-s' \
    CFLAGS='-O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2'
  [ -s "$out/folder" ] || { echo "the editor cannot be built (make packages)" >&2 && exit 1; }
  for library in "$out"/*.so; do
    install -D -m 644 "$library" "$stage/all/usr/$(<"$out/folder")/${library##*/}"
  done
}

split() {
  local path
  while read -r path; do
    mkdir -p "$stage/$(owner "$path")/$(dirname "$path")"
    mv "$stage/all/$path" "$stage/$(owner "$path")/$path"
  done < <(cd "$stage/all" && find . ! -type d -printf '%P\n' | sort)
  rm -r "$stage/all"
}

# Other distributions have other folders for libraries.
folders() {
  local name triplet
  triplet=usr/$(<"$stage/editor/folder")
  [ "$format" = rpm ] || return 0
  for name in network-manager-penstock network-manager-penstock-gnome; do
    mkdir -p "$stage/$name/usr/lib64"
    mv "$stage/$name/$triplet" "$stage/$name/usr/lib64/NetworkManager"
    rmdir --ignore-fail-on-non-empty "$stage/$name/${triplet%/*}"
    [ ! -d "$stage/$name/usr/lib" ] || rmdir --ignore-fail-on-non-empty "$stage/$name/usr/lib"
  done
}

# What a page or a completion says comes from the program and the plugins' schemas.
pages() {
  local page name
  rm -rf bin/man
  bin/penstock man bin/man --plugin-dir bin/plugins --date "$(date -d "@$SOURCE_DATE_EPOCH" +%F)"
  for page in bin/man/*; do
    name=penstock
    [[ $page != *.7 ]] || name=penstock-plugins
    mkdir -p "$stage/$name/usr/share/man/man${page##*.}"
    gzip -9nc "$page" >"$stage/$name/usr/share/man/man${page##*.}/${page##*/}.gz"
  done
  put 644 <(bin/penstock completion bash) penstock usr/share/bash-completion/completions/penstock
  put 644 <(bin/penstock completion zsh) penstock "$zsh/_penstock"
  put 644 <(bin/penstock completion fish) penstock usr/share/fish/vendor_completions.d/penstock.fish
}

# about PACKAGE: changelog, copyright, and what modules its programs consist of.
about() {
  local doc=usr/share/doc/$1 programs program
  put 644 packaging/copyright "$1" "$doc/copyright"
  put 644 <(changelog "$1" | gzip -9nc) "$1" "$doc/changelog.gz"
  [ "$format" = deb ] || put 644 LICENSE "$1" "usr/share/licenses/$1/LICENSE"
  [ "$format" != deb ] || [ ! -s "packaging/lintian/$1" ] || put 644 "packaging/lintian/$1" "$1" "usr/share/lintian/overrides/$1"
  mapfile -t programs < <(find "$stage/$1" -type f -perm /111 ! -name '*script' | sort)
  [ "${#programs[@]}" -gt 0 ] || return 0
  put 644 <(bin/tools/modules licences "${programs[@]}" | gzip -9nc) "$1" "$doc/third-party-licences.gz"
  for program in "${programs[@]}"; do
    put 644 <(bin/tools/modules sbom "$program") "$1" "$doc/sbom/${program##*/}.cdx.json"
  done
}

changelog() {
  cat <<END
$1 ($PACKAGE_VERSION) unstable; urgency=medium

  * What has changed is told by the history of the source, up to the commit
    that the version names.

 -- Penstock developers <penstock-vpn@users.noreply.github.com>  $(date -R -d "@$SOURCE_DATE_EPOCH")
END
}

# The field License is rpm's alone. nfpm takes a link's mode from where the link leads to from
# the folder that it runs in: there must be nothing of that name.
build() {
  local config=$PWD/$stage/$1.yaml log=$PWD/$stage/$1.log
  sed -E "s|(: )(bin\|packaging)/|\1$PWD/\2/|" "packaging/nfpm/$1.yaml" >"$config"
  [ "$format" != deb ] || sed -i '/^license:/d' "$config"
  (cd "$stage" && $GO run "$nfpm" package --packager "$format" --config "$config" --target "$PACKAGE_OUT") >"$log" 2>&1 || { cat "$log" >&2 && exit 1; }
}

rm -rf "$stage"
mkdir -p "$stage" "$PACKAGE_OUT"
PACKAGE_OUT=$(realpath "$PACKAGE_OUT")
rm -f "$PACKAGE_OUT"/*."$format"
PREFIX=/usr DESTDIR=$stage/all packaging/install.sh install "${plugins[@]}"
editor
split
folders
put 755 vpnc-script/penstock-vpnc-script penstock usr/share/penstock/penstock-vpnc-script
put 644 packaging/io.github.penstock_vpn.penstock.metainfo.xml network-manager-penstock-gnome usr/share/metainfo/io.github.penstock_vpn.penstock.metainfo.xml
pages
GOBIN=$PWD/bin/tools $GO install ./packaging/modules
for name in "${names[@]}"; do
  about "$name"
  build "$name"
done
(cd "$PACKAGE_OUT" && sha256sum ./*."$format")

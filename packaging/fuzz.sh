#!/usr/bin/env bash
# Runs every fuzz target of the project for the time given, one a processor at once.
set -euo pipefail
cd "$(dirname "$0")/.."
export FUZZTIME=${1:-10s}

# one PACKAGE TARGET: prints one line when it went well, everything when not. Interesting
# inputs are made shorter a few times only: a minute each, as by default, leaves no time to try
# others. The fuzzer reports a worker that is busy when the time is over as a failure, without
# an input that fails; such a run is repeated.
one() {
  local out
  for _ in 1 2 3; do
    if out=$(go test -run '^$' -fuzz "^$2\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 5x -parallel 1 "./$1" 2>&1); then
      echo "fuzz $1 $2: $(grep -oE 'execs: [0-9]+' <<<"$out" | tail -n 1)"
      return
    fi
    if grep -q 'Failing input' <<<"$out" || ! grep -q 'context deadline exceeded' <<<"$out"; then
      break
    fi
  done
  echo "$out"
  return 1
}
export -f one

# shellcheck disable=SC2016 # the inner shell expands them
grep -rn --include='*_test.go' '^func Fuzz' . |
  sed -E 's|^\./(.*)/[^/]+:[0-9]+:func (Fuzz[A-Za-z0-9_]+).*|\1 \2|' |
  xargs -P "$(nproc)" -n 2 bash -c 'one "$0" "$1" || exit 255'

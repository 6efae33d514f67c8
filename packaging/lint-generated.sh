#!/usr/bin/env bash
# Fails when generated code differs from what `make generate` makes now.
set -euo pipefail
cd "$(dirname "$0")/.."

before=$(git ls-files -z '*.pb.go' '*_pb2.py' | xargs -0 sha256sum)
make --no-print-directory generate >/dev/null
after=$(git ls-files -z '*.pb.go' '*_pb2.py' | xargs -0 sha256sum)
if [ "$before" != "$after" ]; then
  diff <(echo "$before") <(echo "$after") || true
  echo "generated code was stale: commit what make generate made" >&2
  exit 1
fi
echo "generated code is fresh"

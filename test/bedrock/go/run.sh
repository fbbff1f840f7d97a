#!/usr/bin/env bash
# Builds the demo with Dragonfly and gophertunnel, and runs it: TIMES=3 for three in a row, which stop at the first
# failure. The repository must be built. Exit code 0 only if all claims of all runs were true.
set -euo pipefail
cd "$(dirname "$0")"
command -v go > /dev/null || { echo "demo-go: Go is not here" >&2; exit 1; }
program=$(mktemp -d)/demo-go
trap 'rm -rf "$(dirname "$program")"' EXIT
go build -o "$program" .
for ((time = 1; time <= ${TIMES:-1}; time++)); do
  "$program"
done

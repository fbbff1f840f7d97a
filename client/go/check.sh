#!/usr/bin/env bash
# Checks the Go client: generated code, format, vet, staticcheck, and the tests with the race detector against real
# coordinators (dist must be built: npx tsc). Arguments go to go test.
set -euo pipefail
cd "$(dirname "$0")"
./generate.sh --check
odd=$(gofmt -l . ../../test/conformance/drivers/go ../../test/bedrock/go)
[ -z "$odd" ] || { echo "gofmt -w $odd"; exit 1; }
go mod tidy -diff
go vet ./...
go -C examples/gophertunnel vet .
go -C ../../test/bedrock/go vet .
"$(go -C tools tool -n staticcheck)" ./...
go test -race "$@" ./...

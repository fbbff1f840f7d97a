# Go: the plugins are tools of go.mod, so that it pins them like the libraries.
. "$(dirname "$0")/../common.sh"
need go

# -modcacherw: Go's cache is read-only otherwise, and nobody could delete it.
export GOMODCACHE=$cache/go GOFLAGS=-modcacherw
# The `tool` lines of go.mod came with 1.24. An older Go may fetch a newer one by itself.
go list -m >/dev/null 2>&1 || not_here 'go 1.24 or newer'

cp go.mod go.sum plugin.go "$out"
buf generate "$protos" --template buf.gen.yaml --output "$out"
cd "$out"
go build ./...
say "$(generated '*.pb.go') generated files and plugin.go, with $(go env GOVERSION)"

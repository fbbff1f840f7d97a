# The Go client: its generated code is fresh, it is formatted, vet and staticcheck find nothing, and its tests pass.
. "$(dirname "$0")/../part.sh"
need go node
cd "$root/client/go"
bash generate.sh --check
unformatted=$(gofmt -l .)
[[ -z $unformatted ]] || { echo "gofmt would change: $unformatted"; exit 1; }
go vet ./...
go build -C tools -o "$cache/staticcheck" honnef.co/go/tools/cmd/staticcheck
"$cache/staticcheck" ./...
CGO_ENABLED=1 go test -race ./...
say "$(go list ./... | wc -l) packages, with the race detector and $(go env GOVERSION)"

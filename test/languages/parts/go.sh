# The Go client: its generated code is fresh, it is formatted, vet and staticcheck find nothing, and its tests pass.
. "$(dirname "$0")/../part.sh"
need go node
bash "$root/client/go/check.sh"
say "$(cd "$root/client/go" && go list ./... | wc -l) packages, with the race detector and $(go env GOVERSION)"

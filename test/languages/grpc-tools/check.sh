# Tools that know nothing of Kelpie, against a coordinator: what protos/README.md shows of them is run again.
. "$(dirname "$0")/../common.sh"
need go node

# tool <package> <version>: installs a program into its own folder, once.
tool() {
  GOBIN=$tools/$(basename "$1")@$2 go install "$1@$2"
  PATH=$tools/$(basename "$1")@$2:$PATH
}

tools=$cache/grpc-tools
tool github.com/fullstorydev/grpcurl/cmd/grpcurl v1.9.4
tool github.com/grpc-ecosystem/grpc-health-probe v0.4.62
tool github.com/bojand/ghz/cmd/ghz v0.121.0

cd "$root"
node_modules/.bin/mocha --no-config --exit --forbid-pending --timeout 30000 dist/test/languages/grpc-tools/check.js
say 'grpcurl, grpc-health-probe and ghz: the commands of protos/README.md'

# Tools that know nothing of Kelpie, against a coordinator: what protos/README.md shows of them is run again.
. "$(dirname "$0")/../part.sh"
need go node

# tool <package> <version>: installs a program into a folder of this version, once.
tool() {
  local folder
  folder=$cache/$(basename "$1")@$2
  [[ -d $folder ]] || GOBIN=$folder go install "$1@$2"
  PATH=$folder:$PATH
}

tool github.com/fullstorydev/grpcurl/cmd/grpcurl v1.9.4
tool github.com/grpc-ecosystem/grpc-health-probe v0.4.62
tool github.com/bojand/ghz/cmd/ghz v0.121.0
tests languages/grpc-tools/check.js
say 'grpcurl, grpc-health-probe and ghz print what protos/README.md shows'

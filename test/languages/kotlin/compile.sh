# Kotlin: the code of Java below, the DSL of protobuf and the coroutine stubs, with Plugin.kt.
. "$(dirname "$0")/../common.sh"
need java mvn
generate
version() { sed -n "s:.*<$1.version>\(.*\)</$1.version>.*:\1:p" "$root/client/java/pom.xml"; }
compile() {
  mvn --quiet --batch-mode --no-transfer-progress -Dout="$out" -Dprotobuf.version="$(version protobuf)" \
    -Dgrpc.version="$(version grpc)" compile
}
once "$(javac -version 2>&1)" compile
say "$(generated '*.kt') generated files and Plugin.kt$unchanged"

# Java: Maven brings protoc and the gRPC plugin, as it does for whoever writes a plugin.
. "$(dirname "$0")/../common.sh"
need javac mvn
[[ $(javac -version | grep -oE '[0-9]+' | head -1) -ge 17 ]] || not_here 'javac 17 or newer'

mvn --quiet --batch-mode --no-transfer-progress -Dmaven.repo.local="$cache/maven" \
  -Dprotos="$protos" -Dout="$out" compile
say "$(generated '*.java') generated files and Plugin.java, with $(javac -version)"

# C++: compiles every generated file, the stubs too, and runs plugin.cpp.
. "$(dirname "$0")/../common.sh"
need g++
debian 'command -v pkg-config && pkg-config --exists grpc++ protobuf' pkg-config libgrpc++-dev libprotobuf-dev
generate
compile() {
  local libraries
  read -ra libraries <<<"$(pkg-config --libs grpc++ protobuf)"
  find "$out" -name '*.cc' -print0 | xargs -0 -P "$(nproc)" -I{} g++ -std=c++17 -O0 "-I$out" -c {} -o {}.o
  g++ -std=c++17 -O0 -Wall -Werror "-I$out" plugin.cpp "$out"/kelpie/v1/*.o "${libraries[@]}" -o "$out/plugin"
  "$out/plugin" <../frames.json
}
version=$(g++ -dumpfullversion)
once "$version" compile
say "$(generated '*.cc') generated files and plugin.cpp, with g++ $version$unchanged"

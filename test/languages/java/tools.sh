# protoc and its plugins must fit the libraries: these are the versions of client/java.
command -v java >/dev/null || not_here java
version() { sed -n "s:.*<$1.version>\(.*\)</$1.version>.*:\1:p" "$root/client/java/pom.xml"; }
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) machine=linux-x86_64 ;;
  Linux-aarch64) machine=linux-aarch_64 ;;
  Darwin-*) machine=osx-x86_64 ;;
  *) not_here "protoc of Maven Central for $(uname -sm)" ;;
esac
tools=$cache/java-plugins-$(version protobuf)-$(version grpc)
maven "com.google.protobuf:protoc:$(version protobuf):exe:$machine" "$tools/protoc"
maven "io.grpc:protoc-gen-grpc-java:$(version grpc):exe:$machine" "$tools/protoc-gen-grpc-java"
export PATH=$tools:$PATH

# Debian's protoc fits Debian's runtime: the code of newer ones does not load on it.
debian 'command -v protoc grpc_php_plugin' protobuf-compiler protobuf-compiler-grpc

debian 'command -v protoc grpc_ruby_plugin' protobuf-compiler protobuf-compiler-grpc

debian 'command -v protoc grpc_cpp_plugin' protobuf-compiler protobuf-compiler-grpc

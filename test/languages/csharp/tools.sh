debian 'command -v protoc' protobuf-compiler
# Only NuGet has the plugin for services, in Grpc.Tools; Debian's protobuf-compiler-grpc leaves it out.
LEFT_OUT='without the services, whose plugin grpc_csharp_plugin comes only with Grpc.Tools of NuGet'

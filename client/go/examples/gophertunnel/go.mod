// A module of its own keeps the game's library out of the programs that use the client.
module example.com/kelpie/examples/gophertunnel

go 1.24.0

replace example.com/kelpie => ../..

require (
	example.com/kelpie v0.0.0
	github.com/sandertv/gophertunnel v1.41.0
)

require (
	github.com/go-gl/mathgl v1.1.0 // indirect
	github.com/go-jose/go-jose/v3 v3.0.3 // indirect
	github.com/golang/snappy v0.0.4 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/klauspost/compress v1.17.9 // indirect
	github.com/muhammadmuzzammil1998/jsonc v1.0.0 // indirect
	github.com/sandertv/go-raknet v1.14.1 // indirect
	golang.org/x/crypto v0.47.0 // indirect
	golang.org/x/image v0.17.0 // indirect
	golang.org/x/net v0.49.0 // indirect
	golang.org/x/oauth2 v0.34.0 // indirect
	golang.org/x/sys v0.40.0 // indirect
	golang.org/x/text v0.33.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260120221211-b8f7ae30c516 // indirect
	google.golang.org/grpc v1.80.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

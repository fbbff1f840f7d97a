// Package kelpie makes a Go program a node of a Kelpie network: it reads and publishes events, handles and issues
// commands, shares values, and moves players. A client connects in the background, and comes back by itself.
//
//	client, err := kelpie.Connect(ctx, kelpie.Options{
//		Name:    "lobby-1",
//		Role:    kelpie.Downstream,
//		Address: &kelpie.Address{Port: 19132},
//	})
//
// All methods may be called from any goroutine. Only methods that take a ctx wait. Handlers run on goroutines of the
// client, those of one subscription one at a time; a handler may call every method of the client.
package kelpie

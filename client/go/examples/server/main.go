// The server of README.md.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"example.com/kelpie"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client, err := kelpie.Connect(ctx, kelpie.Options{
		Name: "lobby-1", Role: kelpie.Downstream, Address: &kelpie.Address{Port: 19132},
	})
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range client.Events(ctx, "chat.global") {
		if err == nil {
			fmt.Printf("<%s> %s\n", event.Source, event.Content.Text())
		}
	}
	<-client.Done()
	if err := client.Err(); err != nil {
		log.Fatal(err) // The coordinator refused the node, for example with NODE_NAME_IN_USE.
	}
}

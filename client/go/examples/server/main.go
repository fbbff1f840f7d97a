// A server in a few lines: it registers, greets, and prints the chat.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"example.com/kelpie"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := kelpie.Connect(ctx, kelpie.Options{
		Name: "lobby-1", Role: kelpie.Downstream, Address: &kelpie.Address{Port: 19132},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for event, err := range client.Events(ctx, "chat.global") {
			if err != nil {
				return
			}
			fmt.Printf("<%s> %s\n", event.Source, event.Content.Text())
		}
	}()
	if err := client.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	if err := client.Publish(ctx, "chat.global", "lobby-1 is open"); err != nil {
		log.Fatal(err)
	}
	<-client.Done()
}

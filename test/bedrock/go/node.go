package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"example.com/kelpie"
)

// How long a node may take to leave.
const leaveTimeout = 5 * time.Second

// runNode joins the network, says so on stdout, and leaves on SIGTERM or when the director is gone: then its end of stdin
// is closed. stop runs after the goodbye.
func runNode(client *kelpie.Client, stop func()) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	client.Start(context.Background())
	if err := client.Ready(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	select {
	case <-ctx.Done():
	case <-client.Done():
		return client.Err()
	}
	leaving, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	err := client.Close(leaving)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	select {
	case <-stopped:
	case <-leaving.Done(): // Dragonfly may wait for players whose connections are dead.
	}
	return err
}

func addressOf(host, port string) *kelpie.Address {
	number, err := strconv.Atoi(port)
	if err != nil {
		panic(err)
	}
	return &kelpie.Address{Host: host, Port: number}
}

func firstOf(errs ...error) error { return errors.Join(errs...) }

package kelpie_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"example.com/kelpie"
	"example.com/kelpie/internal/testkelpied"
)

// How long a test waits for anything.
const patience = 10 * time.Second

var (
	sharedOnce sync.Once
	shared     *testkelpied.Kelpied
)

// A coordinator for all tests that need none of their own. It lives until the tests end.
func coordinator(t testing.TB) string {
	t.Helper()
	sharedOnce.Do(func() { shared = testkelpied.Start(lasting{t}) })
	if shared == nil {
		t.Fatal("kelpied did not start")
	}
	return shared.Endpoint
}

// A test whose clean-up comes at the end of all tests.
type lasting struct{ testing.TB }

func (lasting) Cleanup(func()) {}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		shared.Kill()
	}
	os.Exit(code)
}

// Ends with the test.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// A client that the test starts itself.
func newClient(t testing.TB, options kelpie.Options) *kelpie.Client {
	t.Helper()
	if options.Role == 0 {
		options.Role = kelpie.Downstream
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	client, err := kelpie.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = client.Close(ctx)
		select {
		case <-client.Done():
		case <-time.After(patience):
			t.Error("the client did not end")
		}
	})
	return client
}

// A client that runs.
func connect(t testing.TB, options kelpie.Options) *kelpie.Client {
	t.Helper()
	client := newClient(t, options)
	client.Start(context.Background())
	return client
}

// A client with a session at the shared coordinator.
func join(t testing.TB, name string) *kelpie.Client {
	t.Helper()
	client := connect(t, kelpie.Options{Name: name, Endpoints: []string{coordinator(t)}})
	ready(t, client)
	return client
}

func ready(t testing.TB, client *kelpie.Client) {
	t.Helper()
	if err := client.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
}

// Subscribes, and returns the events as they come.
func received(t testing.TB, client *kelpie.Client, pattern string) <-chan *kelpie.Event {
	t.Helper()
	events := make(chan *kelpie.Event, 100_000)
	_, err := client.Subscribe(pattern, func(_ context.Context, event *kelpie.Event) error {
		events <- event
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// The next value of a channel.
func next[T any](t testing.TB, values <-chan T) T {
	t.Helper()
	select {
	case value := <-values:
		return value
	case <-time.After(patience):
		t.Fatalf("no %T came", *new(T))
		panic("not reached")
	}
}

// The statuses of a client of one kind, from now on.
func statuses(t testing.TB, client *kelpie.Client, kind kelpie.StatusKind) <-chan kelpie.Status {
	found := make(chan kelpie.Status, 1000)
	loop := client.Status(context.Background())
	go func() {
		for status := range loop {
			if status.Kind == kind {
				found <- status
			}
		}
	}()
	return found
}

// A port that is free now.
func freePort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come true", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

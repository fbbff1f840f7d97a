package kelpie_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/kelpie"
)

// Connections that break at random moments lose no event, repeat none, and change no order. A shared value that both
// sides of the break write ends with the last write.
func TestConnectionsThatBreak(t *testing.T) {
	t.Parallel()
	const count = 3000
	relay := startRelay(t, coordinator(t))
	writer := connect(t, kelpie.Options{Name: "break-writer", Endpoints: []string{relay.endpoint}})
	reader := newClient(t, kelpie.Options{Name: "break-reader", Endpoints: []string{relay.endpoint}})
	events := received(t, reader, "break.x")
	values := make(chan kelpie.Value, count)
	if _, err := reader.State().Watch("break", "*", func(_ context.Context, value kelpie.Value) error {
		values <- value
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	reader.Start(context.Background())
	ready(t, reader)
	settled := make(chan error, count)
	go func() {
		for i := range count {
			if err := writer.PublishAsync("break.x", fmt.Sprint(i), func(err error) { settled <- err }); err != nil {
				settled <- err
			}
			if i%10 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	for range 15 {
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		relay.cut()
	}
	for i := range count {
		if err := next(t, settled); err != nil {
			t.Fatal(err)
		}
		if got := next(t, events).Content.Text(); got != fmt.Sprint(i) {
			t.Fatalf("event %d is %s", i, got)
		}
	}
	eventually(t, "the last write", func() bool {
		_, err := writer.State().Put(within(t), "break", "x", "last")
		if err != nil && !errors.Is(err, kelpie.ReasonUnavailable) && !errors.Is(err, kelpie.ReasonOutcomeUnknown) {
			t.Fatal(err)
		}
		return err == nil
	})
	for next(t, values).Content.Text() != "last" {
	}
	eventually(t, "no pending request", func() bool { return writer.Pending()+reader.Pending() == 0 })
}

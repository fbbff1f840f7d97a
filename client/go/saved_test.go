package kelpie_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie"
	"example.com/kelpie/internal/scripted"
	"example.com/kelpie/kelpiev1"
)

// A client with a cursor file and an open session.
func clientWithFile(t *testing.T, handler kelpie.Handler) (client *kelpie.Client, stream *scripted.Stream, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "cursor")
	client, _, stream = scriptedClient(t, kelpie.Options{CursorFile: path}, func(client *kelpie.Client) {
		if _, err := client.Subscribe("x", handler); err != nil {
			t.Fatal(err)
		}
	})
	return client, stream, path
}

// Ends the client in order.
func leave(t *testing.T, client *kelpie.Client, stream *scripted.Stream) {
	t.Helper()
	go func() {
		stream.Rest()
		stream.End(nil)
	}()
	must(t, client.Close(within(t)))
}

// The position in a cursor file.
func storedIn(t *testing.T, path string) uint64 {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	var cursor kelpiev1.Cursor
	must(t, proto.Unmarshal(content, &cursor))
	return cursor.Sequence
}

// The end of a client interrupts a handler, and drops the events that wait behind it. The next process gets all of them
// again.
func TestCloseDoesNotPassUnhandledEvents(t *testing.T) {
	t.Parallel()
	began, ended := make(chan uint64, 10), make(chan struct{}, 10)
	client, stream, path := clientWithFile(t, func(ctx context.Context, event *kelpie.Event) error {
		began <- event.Sequence
		if event.Sequence == 2 {
			return nil
		}
		<-ctx.Done()
		ended <- struct{}{}
		return ctx.Err()
	})
	stream.Batch("x", 1, 2)
	stream.Batch("x", 2, 3, 4)
	stream.Batch("x", 4, 5, 6)
	next(t, began)
	next(t, began)
	leave(t, client, stream)
	next(t, ended)
	// A write that comes after the end waits for half a second.
	time.Sleep(700 * time.Millisecond)
	if at := storedIn(t, path); at != 2 || len(began) > 0 {
		t.Errorf("the handler handled the events up to 2, and the file has %d", at)
	}
}

// A position that lies before the present one changes nothing.
func TestOlderPositionIsNotStored(t *testing.T) {
	t.Parallel()
	handled := make(chan uint64, 10)
	client, stream, path := clientWithFile(t, func(_ context.Context, event *kelpie.Event) error {
		handled <- event.Sequence
		return nil
	})
	stream.Batch("x", 1, 2, 3, 4)
	stream.Batch("x", 1, 2, 3)
	older := &kelpiev1.HeartbeatAck{Cursor: scripted.Cursor(2)}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_HeartbeatAck{HeartbeatAck: older}})
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_HeartbeatRequested{}})
	stream.Until("the heartbeat", isHeartbeat)
	for range 3 {
		next(t, handled)
	}
	leave(t, client, stream)
	if at := storedIn(t, path); at != 4 || len(handled) > 0 {
		t.Errorf("the file has %d instead of 4", at)
	}
}

package kelpie

import (
	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

// The default window of a Hello.
const (
	windowEvents = 4096
	windowBytes  = 1024 * 1024
)

// backlog is the received batches that the handlers have not finished. A coordinator sends up to one window on each
// stream, and does not count the events of older streams: without a bound of its own, a node with a slow handler would
// collect another window with each reconnect. If the batches of older streams fill one window, the client delays all
// further frames, in order, and does not acknowledge them. If the stream breaks, the next one brings them again.
type backlog struct {
	// The batches that handlers work on. Those of older streams have their sizes.
	running     map[*kelpiev1.EventBatch]*batchSize
	olderEvents int
	olderBytes  int
	delayed     []func()
}

type batchSize struct{ events, bytes int }

// Whether further work must wait: there is no room, or earlier work waits already.
func (b *backlog) full() bool { return b.noRoom() || len(b.delayed) > 0 }

func (b *backlog) noRoom() bool { return b.olderEvents >= windowEvents || b.olderBytes >= windowBytes }

// Does the work now; or, if earlier work waits, in its turn when there is room.
func (b *backlog) inOrder(work func()) {
	if b.full() {
		b.delayed = append(b.delayed, work)
	} else {
		work()
	}
}

// Handlers begin to work on a batch.
func (b *backlog) begin(batch *kelpiev1.EventBatch) {
	if b.running == nil {
		b.running = map[*kelpiev1.EventBatch]*batchSize{}
	}
	b.running[batch] = nil
}

// All handlers of the batch have finished.
func (b *backlog) end(batch *kelpiev1.EventBatch) {
	size := b.running[batch]
	delete(b.running, batch)
	if size == nil {
		return
	}
	b.olderEvents -= size.events
	b.olderBytes -= size.bytes
	for len(b.delayed) > 0 && !b.noRoom() {
		next := b.delayed[0]
		b.delayed = b.delayed[1:]
		next()
	}
}

// A new stream is open: the running batches are those of older streams. It brings the delayed frames again.
func (b *backlog) restart() {
	b.delayed = nil
	for batch, size := range b.running {
		if size != nil {
			continue
		}
		size = &batchSize{len(batch.Events), proto.Size(batch)}
		b.running[batch] = size
		b.olderEvents += size.events
		b.olderBytes += size.bytes
	}
}

package kelpie

import (
	"fmt"
	"slices"

	"example.com/kelpie/kelpiev1"
)

// reading is the events that a node reads: for its handlers, for its watches, for its roster, and for its position. The
// lock of the session guards all fields.
type reading struct {
	session       *session
	position      position
	saved         savedState
	backlog       backlog
	subscriptions subscriptions
	watches       watches
	roster        *rosterTable
	// Whether the Snapshot on its way answers topics of the roster.
	ofRoster bool
}

// A new stream begins: its topics and its start.
func (r *reading) restart() (topics []string, start *kelpiev1.Start) {
	topics = r.subscriptions.patterns()
	start = r.position.restart()
	r.watches.restart(topics, r.position.loading)
	return topics, start
}

// Whether the roster must ask for a Snapshot itself, because reading did not start with one.
func (r *reading) unloaded() bool { return !r.roster.complete() && !r.position.loading }

// Takes a batch. handled is called when all its handlers have finished.
func (r *reading) take(batch *kelpiev1.EventBatch, fail func(*Error), handled func()) {
	r.backlog.inOrder(func() {
		if err := r.takeNow(batch, handled); err != nil {
			fail(err)
		}
	})
}

// PROTOCOL if events are missing.
func (r *reading) takeNow(batch *kelpiev1.EventBatch, handled func()) *Error {
	reached := r.position.sequence()
	if batch.AfterSequence > reached {
		return fail(ReasonProtocol, fmt.Sprintf(
			"a batch begins after %d, but the events after %d are missing", batch.AfterSequence, reached))
	}
	// The batch itself is one part of its own handling, so that it does not end before all events are delivered.
	left := 1
	var one *piece
	settled := func() {
		if left--; left > 0 {
			return
		}
		r.saved.processed(one)
		r.backlog.end(batch)
		handled()
	}
	for _, event := range batch.Events {
		if event.Sequence <= reached {
			continue
		}
		r.roster.applyEvent(event)
		r.watches.applyEvent(event)
		left += r.subscriptions.deliver(event, settled)
	}
	r.position.reach(batch.UpTo)
	one = r.saved.received(r.position.received)
	r.backlog.begin(batch)
	settled()
	return nil
}

// The session is open, and reading starts at this cursor.
func (r *reading) begin(cursor *kelpiev1.Cursor) {
	r.backlog.restart()
	if cursor != nil {
		r.position.reach(cursor)
	}
	r.keep()
}

// Stores the position for the next process, also before the first event.
func (r *reading) keep() {
	if r.position.resume != nil {
		r.saved.processed(r.saved.received(r.position.resume))
	}
}

// The node has no further events up to this cursor.
func (r *reading) reach(cursor *kelpiev1.Cursor) {
	r.backlog.inOrder(func() {
		r.position.reach(cursor)
		r.saved.processed(r.saved.received(r.position.received))
	})
}

func (r *reading) load(part *kelpiev1.Snapshot) {
	r.backlog.inOrder(func() {
		r.position.load(part)
		if part.Cursor != nil {
			r.ofRoster = r.answersRoster(part.Topics)
		}
		if r.ofRoster {
			r.roster.applySnapshot(part)
		}
		r.watches.applySnapshot(part)
		if part.Complete {
			r.keep()
		}
	})
}

// A Snapshot that a watch asked for has no nodes, so the roster must not lose its own.
func (r *reading) answersRoster(topics []string) bool {
	return len(topics) == 0 || slices.ContainsFunc(r.roster.topics(), func(one string) bool {
		return slices.Contains(topics, one)
	})
}

func (r *reading) lose(gap *kelpiev1.Gap) {
	r.backlog.inOrder(func() {
		// A gap of some topics only: the events of all other topics still come.
		if len(gap.Topics) == 0 {
			r.position.lose(gap)
		}
		r.roster.applyGap(gap)
		r.watches.applyGap(gap)
	})
}

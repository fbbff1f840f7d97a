package kelpie

import "example.com/kelpie/kelpiev1"

// An acknowledgement is due after this many events or batches: late enough to be cheap, early enough that the
// coordinator does not wait for it. The default window of a Hello (4096 events, 1 MiB) has room for three batches with
// one event of the largest size each, and not for four.
const (
	dueEvents  = 1024
	dueBatches = 3
)

// processing is the received pieces of the journal that are not processed yet: up to where the client may acknowledge,
// and when it must.
type processing struct {
	pieces  []*piece
	events  int
	batches int
}

type piece struct {
	upTo   *kelpiev1.Cursor
	events int
	done   bool
}

func (p *processing) begin(upTo *kelpiev1.Cursor, events int) *piece {
	one := &piece{upTo: upTo, events: events}
	p.pieces = append(p.pieces, one)
	return one
}

// A piece is processed. Returns the cursor up to which everything is processed, nil while an earlier piece is not; and
// whether the acknowledgement is due.
func (p *processing) finish(one *piece) (upTo *kelpiev1.Cursor, due bool) {
	one.done = true
	for len(p.pieces) > 0 && p.pieces[0].done {
		upTo = p.pieces[0].upTo
		p.events += p.pieces[0].events
		p.batches++
		p.pieces[0] = nil
		p.pieces = p.pieces[1:]
	}
	if upTo == nil {
		return nil, false
	}
	due = p.events >= dueEvents || p.batches >= dueBatches
	if due {
		p.events, p.batches = 0, 0
	}
	return upTo, due
}

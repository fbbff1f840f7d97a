package kelpie

import "example.com/kelpie/kelpiev1"

// position is the place of a node in the journal: the last event that it has received, and the start of its next
// stream. The two differ while the node waits for the end of a Snapshot: if the stream breaks in the middle of one, the
// node must get the whole Snapshot again, so the next stream starts where the present one did.
type position struct {
	first    Start
	received *kelpiev1.Cursor
	// nil as long as the next stream starts where the first one did.
	resume *kelpiev1.Cursor
	// Whether the node waits for the end of a Snapshot.
	loading bool
}

func (p *position) sequence() uint64 { return p.received.GetSequence() }

// A new stream begins: its start.
func (p *position) restart() *kelpiev1.Start {
	p.received = p.resume
	p.loading = p.resume == nil && p.first.isSnapshot()
	if p.resume != nil {
		return FromAfter(p.resume).wire()
	}
	return p.first.wire()
}

// The node has received everything up to this cursor. An older cursor than the present one changes nothing.
func (p *position) reach(cursor *kelpiev1.Cursor) {
	if cursor.Sequence < p.sequence() {
		return
	}
	p.received = cursor
	if !p.loading {
		p.resume = cursor
	}
}

// A Gap is followed by a Snapshot, since every client reads resources for its roster.
func (p *position) lose(gap *kelpiev1.Gap) {
	p.loading = true
	p.received = gap.ResumesAt
}

func (p *position) load(part *kelpiev1.Snapshot) {
	if part.Cursor != nil {
		p.reach(part.Cursor)
	}
	if part.Complete {
		p.loading = false
		p.resume = p.received
	}
}

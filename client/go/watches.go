package kelpie

import (
	"context"
	"slices"

	"example.com/kelpie/kelpiev1"
)

// ValueHandler takes a change: the new value, or its end. The next call of the watch waits for it; of the changes that
// come to one value meanwhile, the handler gets the newest. An error or a panic is a status HandlerFailed. The ctx ends
// with the watch.
type ValueHandler func(ctx context.Context, value Value) error

// Watch calls the handler with the values that are there, and then with each change: of one value, or of all values of
// a bucket for the key "*". It works over reconnects: after a Gap or a new epoch the handler gets what is different.
// KEY_INVALID, PATTERN_LIMIT or HELLO_TOO_LARGE; OUT_OF_RANGE for a node with ExcludeOwn, which would not see its own
// writes.
func (s *SharedState) Watch(bucket, key string, handler ValueHandler) (*ValueWatch, error) {
	pattern := bucketPattern(bucket)
	err := checkBucket(bucket)
	if key != "*" {
		pattern = valueTopic(bucket, key)
		err = checkPlace(bucket, key)
	}
	if err == nil && handler == nil {
		err = invalid("handler", "the handler is nil")
	}
	if err != nil {
		return nil, err
	}
	return s.session.watch(pattern, handler)
}

func (s *session) watch(pattern string, handler ValueHandler) (*ValueWatch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.endError(); err != nil {
		return nil, err
	}
	if s.facts.ExcludeOwn {
		return nil, outOfRange("ExcludeOwn", "with ExcludeOwn a watch would not see the own writes of this node")
	}
	if err := s.checkTopicRoom(pattern); err != nil {
		return nil, err
	}
	return s.reading.watches.add(pattern, handler), nil
}

// watches are the watches of shared values. They follow the sequences of the values, so that repeated Snapshots and lost
// events cause no false change: after a Gap, the Snapshot decides which values are there. The lock of the session guards
// all fields.
type watches struct {
	session *session
	all     []*ValueWatch
	// The topics of the Hello whose Snapshot is still to come.
	awaited []string
}

func (w *watches) add(pattern string, handler ValueHandler) *ValueWatch {
	one := newValueWatch(w.session, pattern, handler)
	w.session.reading.subscriptions.want(pattern)
	w.all = append(w.all, one)
	w.requestSnapshot([]string{pattern})
	return one
}

func (w *watches) remove(one *ValueWatch) {
	if index := slices.Index(w.all, one); index >= 0 {
		w.all = slices.Delete(w.all, index, index+1)
		w.session.reading.subscriptions.unwant(one.pattern)
	}
}

// Asks for a Snapshot of topics that the stream reads already. Does nothing while no session is open.
func (w *watches) requestSnapshot(patterns []string) {
	if l := w.session.link(); l != nil {
		l.changes.requestSnapshot(l.send, patterns)
	}
}

// A new stream begins. loading: it begins with a Snapshot of its topics.
func (w *watches) restart(topics []string, loading bool) {
	w.awaited = nil
	if loading {
		w.awaited = topics
	}
	for _, one := range w.all {
		one.named = nil
	}
}

// The session is open: asks for each Snapshot that would not come otherwise.
func (w *watches) begin() {
	var lacking []string
	for _, one := range w.all {
		if !one.complete && !slices.Contains(w.awaited, one.pattern) && !slices.Contains(lacking, one.pattern) {
			lacking = append(lacking, one.pattern)
		}
	}
	if len(lacking) > 0 {
		w.requestSnapshot(lacking)
	}
}

func (w *watches) applySnapshot(part *kelpiev1.Snapshot) {
	for _, one := range w.all {
		if part.Cursor != nil && slices.Contains(part.Topics, one.pattern) {
			one.begin(part.Cursor.Sequence)
		}
	}
	for _, row := range part.Rows {
		if value := row.GetState(); value != nil {
			w.put(value, row.Sequence)
		}
	}
	if part.Complete {
		for _, one := range w.all {
			one.finish()
		}
	}
}

func (w *watches) applyEvent(event *kelpiev1.Event) {
	if len(w.all) == 0 {
		return
	}
	switch body := event.Body.(type) {
	case *kelpiev1.Event_StateChanged:
		w.put(body.StateChanged.Value, event.Sequence)
	case *kelpiev1.Event_StateDeleted:
		value := body.StateDeleted.Value
		end := Value{
			Bucket: value.GetBucket(), Key: value.GetKey(), Sequence: event.Sequence, Ended: true,
			Reason: body.StateDeleted.Reason,
		}
		for _, one := range w.of(end.Bucket, end.Key) {
			one.end(end)
		}
	}
}

func (w *watches) put(value *kelpiev1.StateValue, sequence uint64) {
	for _, one := range w.of(value.GetBucket(), value.GetKey()) {
		one.put(valueOf(value, sequence))
	}
}

// After a Gap that is no trim, the values are from another history, so any value of the next one is newer.
func (w *watches) applyGap(gap *kelpiev1.Gap) {
	if gap.Reason == kelpiev1.GapReason_GAP_REASON_TRIMMED {
		return
	}
	for _, one := range w.all {
		one.outdate()
	}
}

func (w *watches) of(bucket, key string) []*ValueWatch {
	topic, pattern := valueTopic(bucket, key), bucketPattern(bucket)
	var found []*ValueWatch
	for _, one := range w.all {
		if one.pattern == topic || one.pattern == pattern {
			found = append(found, one)
		}
	}
	return found
}

// The client has ended.
func (w *watches) close() {
	for _, one := range w.all {
		one.stop()
	}
}

package kelpie

import (
	"context"
	"slices"
)

// ValueWatch is a watch that runs.
type ValueWatch struct {
	session *session
	pattern string
	handler ValueHandler
	ctx     context.Context
	cancel  context.CancelFunc
	// The values that are there, by bucket and key. Sequence 0: the value is from another history, and no Snapshot has
	// confirmed it.
	present map[valueName]uint64
	// The newest change of each value that the handler has not taken, in the order of their coming.
	waiting map[valueName]Value
	order   []valueName
	running bool
	// The values that the Snapshot on its way has named; nil: none is. at is its position.
	named map[valueName]bool
	at    uint64
	// Whether a Snapshot was complete.
	complete bool
	loaded   chan struct{}
}

type valueName struct{ bucket, key string }

func newValueWatch(s *session, pattern string, handler ValueHandler) *ValueWatch {
	one := &ValueWatch{
		session: s, pattern: pattern, handler: handler, loaded: make(chan struct{}),
		present: map[valueName]uint64{}, waiting: map[valueName]Value{},
	}
	one.ctx, one.cancel = context.WithCancel(context.Background())
	return one
}

// Loaded is closed when the handler got, or is about to get, all values that are there; also at the end of the client.
func (w *ValueWatch) Loaded() <-chan struct{} { return w.loaded }

// Close ends the watch: no further change reaches the handler. Calling it again does nothing.
func (w *ValueWatch) Close() {
	w.session.mu.Lock()
	defer w.session.mu.Unlock()
	w.stop()
	w.session.reading.watches.remove(w)
}

func (w *ValueWatch) stop() {
	w.cancel()
	w.waiting, w.order = map[valueName]Value{}, nil
	if !w.complete {
		w.complete = true
		close(w.loaded)
	}
}

// A Snapshot begins that answers the pattern.
func (w *ValueWatch) begin(sequence uint64) { w.named, w.at = map[valueName]bool{}, sequence }

// Takes a value if it is newer than the present one.
func (w *ValueWatch) put(value Value) {
	name := valueName{value.Bucket, value.Key}
	if w.named != nil {
		w.named[name] = true
	}
	if value.Sequence <= w.present[name] {
		return
	}
	w.present[name] = value.Sequence
	w.report(name, value)
}

// Takes the end of a value if it is newer than the value.
func (w *ValueWatch) end(value Value) {
	name := valueName{value.Bucket, value.Key}
	if sequence, is := w.present[name]; !is || value.Sequence <= sequence {
		return
	}
	delete(w.present, name)
	w.report(name, value)
}

// The Snapshot is complete: values that it does not name have ended.
func (w *ValueWatch) finish() {
	if w.named == nil {
		return
	}
	for name := range w.present {
		if !w.named[name] {
			delete(w.present, name)
			w.report(name, Value{Bucket: name.bucket, Key: name.key, Sequence: w.at, Ended: true})
		}
	}
	w.named = nil
	if !w.complete {
		w.complete = true
		close(w.loaded)
	}
}

func (w *ValueWatch) outdate() {
	for name := range w.present {
		w.present[name] = 0
	}
}

func (w *ValueWatch) report(name valueName, value Value) {
	if w.ctx.Err() != nil {
		return
	}
	if _, waits := w.waiting[name]; !waits {
		w.order = append(w.order, name)
	}
	w.waiting[name] = value
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *ValueWatch) run() {
	w.session.mu.Lock()
	defer w.session.mu.Unlock()
	for len(w.order) > 0 {
		name := w.order[0]
		w.order = slices.Delete(w.order, 0, 1)
		value := w.waiting[name]
		delete(w.waiting, name)
		err := w.session.unlocked(func() error { return w.handler(w.ctx, value) })
		if err != nil {
			w.session.handlerFailed(w.pattern, err)
		}
	}
	w.running = false
}

package kelpie

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"example.com/kelpie/kelpiev1"
)

const (
	// How long a heartbeat waits for what the program measures. Without it, the values before stay.
	measureTimeout = time.Second
	// A larger number of ticks a second is not a measurement.
	mostTPS = 1_000_000
)

// meter calls a function of the program that measures something for the heartbeats. A function that fails or hangs must
// not stop them.
type meter[T any] struct {
	session *session
	// The name of the function in the options.
	name     string
	measured func() (T, error)
	mu       sync.Mutex
	// The call that runs; nil if none does.
	running *measurement[T]
}

type measurement[T any] struct {
	value T
	// Closed when the function has returned.
	done chan struct{}
}

// The zero value if the function fails or takes too long, or if the program has none.
func (m *meter[T]) measure() (value T) {
	if m == nil {
		return value
	}
	m.mu.Lock()
	running := m.running
	if running == nil {
		running = &measurement[T]{done: make(chan struct{})}
		m.running = running
		go m.call(running)
	}
	m.mu.Unlock()
	select {
	case <-running.done:
		return running.value
	case <-time.After(measureTimeout):
		m.session.handlerFailed(m.name, fail(ReasonHandlerTimeout,
			fmt.Sprintf("the function %s did not return within %v", m.name, measureTimeout)))
		return value
	}
}

func (m *meter[T]) call(running *measurement[T]) {
	err := call(func() (err error) {
		running.value, err = m.measured()
		return err
	})
	m.mu.Lock()
	m.running = nil
	m.mu.Unlock()
	if err != nil {
		m.session.handlerFailed(m.name, err)
	}
	close(running.done)
}

// nil: the program measures no load.
func newLoadMeter(s *session, load func() Load) *meter[*kelpiev1.NodeLoad] {
	if load == nil {
		return nil
	}
	return &meter[*kelpiev1.NodeLoad]{session: s, name: "load", measured: func() (*kelpiev1.NodeLoad, error) { return load().wire() }}
}

func (l Load) wire() (*kelpiev1.NodeLoad, error) {
	if l.TPS != nil && !(*l.TPS >= 0 && *l.TPS <= mostTPS) {
		return nil, errors.New("TPS is no number of ticks a second: " + fmt.Sprint(*l.TPS))
	}
	return &kelpiev1.NodeLoad{
		Tps: l.TPS, MemoryUsedBytes: capped(l.MemoryUsed), MemoryMaxBytes: capped(l.MemoryMax),
	}, nil
}

// The contract has no greater number than 2^53 - 1.
func capped(bytes *uint64) *uint64 {
	if bytes == nil || *bytes < 1<<53 {
		return bytes
	}
	most := uint64(math.MaxUint64 >> 11)
	return &most
}

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
	// How long a heartbeat waits for the load of the program. Without one, the load before stays.
	loadTimeout = time.Second
	// A larger number of ticks a second is not a measurement.
	mostTPS = 1_000_000
)

// loadMeter calls the program's function for the load. A function that fails or hangs must not stop the heartbeats.
type loadMeter struct {
	session  *session
	measured func() Load
	mu       sync.Mutex
	// Receives the load of the call that runs; nil if none does.
	running chan *kelpiev1.NodeLoad
}

// nil: there is no load to report.
func (m *loadMeter) measure() *kelpiev1.NodeLoad {
	if m.measured == nil {
		return nil
	}
	m.mu.Lock()
	running := m.running
	if running == nil {
		running = make(chan *kelpiev1.NodeLoad, 1)
		m.running = running
		go m.call(running)
	}
	m.mu.Unlock()
	select {
	case load := <-running:
		return load
	case <-time.After(loadTimeout):
		m.session.handlerFailed("load", fail(ReasonHandlerTimeout,
			fmt.Sprintf("the function Load did not return within %v", loadTimeout)))
		return nil
	}
}

func (m *loadMeter) call(result chan<- *kelpiev1.NodeLoad) {
	var wire *kelpiev1.NodeLoad
	err := call(func() (err error) {
		wire, err = m.measured().wire()
		return err
	})
	m.mu.Lock()
	m.running = nil
	m.mu.Unlock()
	if err != nil {
		m.session.handlerFailed("load", err)
	}
	result <- wire
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

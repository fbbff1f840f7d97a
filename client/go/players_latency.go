package kelpie

import (
	"fmt"
	"math"
	"time"

	"example.com/kelpie/kelpiev1"
)

const (
	// The most latencies of a Heartbeat.
	mostLatencies = 10_000
	// The most bytes of their ids, so that a Heartbeat fits in a message. The next one has the rest.
	mostLatencyBytes = 256 * 1024
)

// latencies are the latencies that the coordinator has, in milliseconds.
type latencies struct{ sent map[string]uint32 }

func (l *latencies) restart() { l.sent = nil }

// nil: the program measures none.
func newLatencyMeter(s *session, measured func() map[string]time.Duration) *meter[map[string]time.Duration] {
	if measured == nil {
		return nil
	}
	return &meter[map[string]time.Duration]{
		session: s, name: "Latencies", measured: func() (map[string]time.Duration, error) { return measured(), nil },
	}
}

// measure asks the program, without the lock of the session.
func (r *reporting) measure(heartbeat *kelpiev1.Heartbeat) {
	measured := r.measured.measure()
	if measured == nil {
		return
	}
	r.session.mu.Lock()
	defer r.session.mu.Unlock()
	heartbeat.Latencies = r.newLatencies(measured)
}

// The latencies that have changed, as many as fit.
func (r *reporting) newLatencies(measured map[string]time.Duration) []*kelpiev1.PlayerLatency {
	before := r.latencies.sent
	r.latencies.sent = map[string]uint32{}
	var news []*kelpiev1.PlayerLatency
	bytes := 0
	for id, latency := range measured {
		millis := max(0, latency.Round(time.Millisecond).Milliseconds())
		if millis > math.MaxUint32 {
			r.session.handlerFailed("Latencies", invalid("Latencies", fmt.Sprintf("%v is not a latency", latency)))
			continue
		}
		if r.list.Get(id) == nil {
			continue
		}
		known, had := before[id]
		isNew := !had || known != uint32(millis)
		if isNew && (len(news) == mostLatencies || bytes > mostLatencyBytes) {
			continue
		}
		r.latencies.sent[id] = uint32(millis)
		if isNew {
			news = append(news, &kelpiev1.PlayerLatency{PlayerId: id, LatencyMs: uint32(millis)})
			bytes += len(id)
		}
	}
	return news
}

// The part of a heartbeat that is about players, with the lock.
func (r *reporting) heartbeat(heartbeat *kelpiev1.Heartbeat) {
	if r.options != nil {
		heartbeat.Presence = r.digest()
	}
}

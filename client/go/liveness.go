package kelpie

import (
	"fmt"
	"time"

	"example.com/kelpie/kelpiev1"
)

func (l *link) beatEvery(interval time.Duration) {
	l.stopHeartbeat = l.session.after(interval, func() {
		l.beatSoon()
		l.beatEvery(interval)
	})
}

// Sends a heartbeat. One that is about to go out answers all requests until then.
func (l *link) beatSoon() {
	if !l.beating {
		l.beating = true
		go l.beat()
	}
}

// Sends a heartbeat. The program measures the load without the lock.
func (l *link) beat() {
	heartbeat := &kelpiev1.Heartbeat{Load: l.session.load.measure()}
	l.session.reporting.measure(heartbeat)
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	l.beating = false
	if !l.isOpen() {
		return
	}
	if l.retired { // The facts are for the newer stream.
		l.send(&kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_Heartbeat{Heartbeat: &kelpiev1.Heartbeat{}}})
		return
	}
	if heartbeat.Load != nil && l.roundTrip > 0 {
		millis := uint32(l.roundTrip.Round(time.Millisecond).Milliseconds())
		heartbeat.Load.RoundTripMs = &millis
	}
	l.session.reporting.heartbeat(heartbeat)
	l.beatAt = time.Now()
	l.send(&kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_Heartbeat{Heartbeat: heartbeat}})
}

func (l *link) watchSilence(most time.Duration) {
	l.stopSilence()
	l.receivedAt = time.Now()
	l.checkSilence(most)
}

// The timer looks at the time of the last message when it fires, so that a message costs no timer.
func (l *link) checkSilence(most time.Duration) {
	left := most - time.Since(l.receivedAt)
	if left > 0 {
		l.stopSilence = l.session.after(left, func() { l.checkSilence(most) })
		return
	}
	l.fail(fail(ReasonUnavailable, fmt.Sprintf("the coordinator sent nothing for %v", most)))
}

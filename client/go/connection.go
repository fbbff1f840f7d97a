package kelpie

import (
	"math/rand/v2"
	"slices"
	"time"

	"example.com/kelpie/kelpiev1"
)

const (
	// A stream that lived this long was healthy: the next attempt does not wait.
	healthyTime = 10 * time.Second
	// How often the client looks whether somebody has replaced a refused token.
	renewedPause = 500 * time.Millisecond
	// If a coordinator asks for a longer wait than this, the client still waits only this long.
	longestRetryAfter = 5 * time.Minute
	// A coordinator that stops waits this long for its nodes to leave, if it names no time.
	defaultDrainGrace = 10 * time.Second
	// If it names a longer time, the client still waits only this long for the answers to its requests.
	longestDrainGrace = time.Minute
	// The feature of a client that keeps its stream where a coordinator that cannot reach its storage asks it to move, and
	// no other one welcomes it.
	featureMayStay = "drain-may-stay"
)

// connection keeps one stream to a coordinator: it opens a new one whenever the stream ends, and moves to another
// coordinator without a break when its own coordinator is about to stop. The lock of the session guards all fields.
type connection struct {
	session *session
	routes  []*route
	turn    int
	// The stream that requests use.
	current *link
	// A second stream, opened beside the current one. It becomes the current one at its Welcome.
	successor *link
	// The link whose coordinator sent Drain. A second Drain changes nothing.
	leaving *link
	// Whether the node keeps the stream to that coordinator if no other one welcomes it.
	mayStay bool
	// When the client must have left it.
	leaveBy time.Time
	// The streams that another one has replaced, some of which may have ended.
	retired []*link
	closed  bool
	// Closed by close: ends all pauses.
	closing chan struct{}
}

// Runs until close, or until a final error, which it returns. All streams have ended then.
func (c *connection) run() *Error {
	err := c.untilFinal()
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	for _, one := range c.retired {
		if err != nil {
			one.fail(err)
		}
		c.wait(one.ended)
	}
	return err
}

func (c *connection) untilFinal() *Error {
	for attempt := 0; ; {
		started := time.Now()
		err, final := c.untilBroken(attempt)
		if final {
			return err
		}
		if attempt++; time.Since(started) > healthyTime {
			attempt = 0
		}
		if !c.rest(err, attempt) {
			return nil
		}
	}
}

// Opens a stream and waits until it, and each stream that took its place, has ended.
func (c *connection) untilBroken(attempt int) (err *Error, final bool) {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.closed {
		return nil, true
	}
	to := c.nextRoute()
	s.post(Status{Kind: Connecting, Endpoint: to.endpoint, Attempt: attempt})
	c.current = s.newLink(to)
	for {
		one := c.current
		c.wait(one.over)
		// The stream has ended, but a successor that is under way may still take its place.
		if next := c.successor; next != nil {
			c.wait(next.welcomed)
		}
		switch {
		case c.closed:
			return nil, true
		case c.current == one:
			return one.err, s.isFinal(one.err)
		}
	}
}

// Waits without the lock.
func (c *connection) wait(done <-chan struct{}) {
	c.session.mu.Unlock()
	<-done
	c.session.mu.Lock()
}

// Waits before an attempt. Returns false if the client closes meanwhile.
func (c *connection) rest(err *Error, attempt int) bool {
	s := c.session
	s.mu.Lock()
	// The wait that a coordinator asks for holds for its own route, not for the others.
	if err != nil && err.RetryAfter > 0 {
		c.current.route.notBefore = time.Now().Add(min(err.RetryAfter, longestRetryAfter))
	}
	asked := max(0, time.Until(c.upcoming().notBefore))
	// The back-off comes on top: else all clients that were asked for the same wait would come at the same moment.
	wait := asked + backoffTime(attempt, s.grace()/3)
	s.locks.disconnected()
	s.post(Status{Kind: Disconnected, Err: asError(err), RetryIn: wait})
	renewed := c.upcoming().tokens.renewed
	s.mu.Unlock()
	return c.pauseUntil(wait, renewed)
}

// Waits before an attempt, but no longer than until somebody has replaced the refused token.
func (c *connection) pauseUntil(wait time.Duration, renewed func() bool) bool {
	for ; wait > renewedPause; wait -= renewedPause {
		if renewed() {
			c.forgetWaits()
			return true
		}
		if !c.pause(renewedPause) {
			return false
		}
	}
	return c.pause(wait)
}

func (c *connection) forgetWaits() {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	for _, one := range c.routes {
		one.notBefore = time.Time{}
	}
}

// Waits without the lock. Returns false if the client closes meanwhile.
func (c *connection) pause(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.closing:
		return false
	}
}

func (c *connection) upcoming() *route { return c.routes[c.turn%len(c.routes)] }

func (c *connection) nextRoute() *route {
	to := c.upcoming()
	c.turn++
	return to
}

// The endpoint of the present stream, or of the next attempt.
func (c *connection) endpoint() string {
	if c.current != nil {
		return c.current.route.endpoint
	}
	return c.upcoming().endpoint
}

// The number of requests that wait for answers.
func (c *connection) pending() (count int) {
	for _, one := range append([]*link{c.current}, c.retired...) {
		if one != nil {
			count += len(one.requests.waiting)
		}
	}
	return count
}

// A stream is open. If it is the successor, it takes the place of the older one, which ends.
func (c *connection) welcomed(one *link) {
	if c.successor != one {
		return
	}
	former := c.current
	c.current, c.successor = one, nil
	c.retired = append(slices.DeleteFunc(c.retired, (*link).hasEnded), former)
	if !c.closed {
		former.retire(time.Until(c.leaveBy))
	}
}

// Leaves a coordinator that is about to stop: opens a stream to another coordinator first, then ends the old one. If no
// other coordinator accepts the node, it ends the old stream all the same, and run connects again. If the old stream
// breaks meanwhile, the attempt that is under way is the last one here, and run waits for its Welcome. movable: another
// coordinator can go on where this one stops. If the node may stay, it keeps the old stream instead.
func (c *connection) move(from *link, drain *kelpiev1.Drain, movable bool) {
	if c.leaving == from {
		// The coordinator could not reach its storage, and now it stops.
		c.mayStay = c.mayStay && drain.MayStay
		return
	}
	window := durationOr(drain.ReconnectWindow, time.Second)
	c.leaving, c.mayStay = from, drain.MayStay
	c.leaveBy = time.Now().Add(min(durationOr(drain.Grace, defaultDrainGrace), longestDrainGrace))
	elsewhere := len(c.routes) - 1
	if !movable {
		elsewhere = 0
	}
	go func() {
		if elsewhere > 0 {
			c.pause(time.Duration(rand.Float64() * float64(window)))
		}
		c.session.mu.Lock()
		defer c.session.mu.Unlock()
		// A later stream may have got a Drain of its own meanwhile.
		if c.follow(from, elsewhere) || c.leaving != from {
			return
		}
		if c.mayStay {
			c.leaving = nil
		} else if c.stays(from) {
			from.leaveAnswered(time.Until(c.leaveBy))
		}
	}()
}

// Opens a stream to one of the other coordinators. Returns false if none of them accepts the node.
func (c *connection) follow(from *link, elsewhere int) bool {
	for ; elsewhere > 0 && c.stays(from); elsewhere-- {
		to := c.nextRoute()
		if to == from.route {
			to = c.nextRoute()
		}
		next := c.session.newLink(to)
		c.successor = next
		c.wait(next.welcomed)
		if next.welcome != nil {
			return true
		}
		c.successor = nil
	}
	return false
}

func (c *connection) stays(from *link) bool { return c.current == from && from.isOpen() && !c.closed }

// Makes no further attempt. The node leaves on all streams, also on one without a Welcome: the client cannot tell yet
// which of them the coordinators count as the session of the node.
func (c *connection) close() {
	if c.closed {
		return
	}
	c.closed = true
	close(c.closing)
	for _, one := range []*link{c.current, c.successor} {
		if one != nil {
			one.leave(kelpiev1.GoodbyeReason_GOODBYE_REASON_STOP)
		}
	}
	for _, one := range c.retired {
		one.leave(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED)
	}
}

// Breaks all streams, also a stream that the client has left and its coordinator has not ended yet.
func (c *connection) fail(err *Error) {
	for _, one := range append([]*link{c.current, c.successor}, c.retired...) {
		if one != nil {
			one.fail(err)
		}
	}
}

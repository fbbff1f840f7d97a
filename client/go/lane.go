package kelpie

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// lane calls the handler of one subscription with its events, one after the other, on a goroutine that lives while
// there are events. An event that takes too long counts as processed: then another goroutine goes on with the next one.
// The lock of the session guards all fields.
type lane struct {
	session *session
	pattern string
	handler Handler
	// Ends with the subscription or the client.
	ctx    context.Context
	cancel context.CancelFunc
	queue  []delivery
	// The goroutine that works on the queue. 0: none. One that was too slow finds another number here.
	worker  int
	started int
}

// A delivery is an event on its way to a handler. settled is called once, with the lock.
type delivery struct {
	event   *Event
	settled func()
}

func (l *lane) push(one delivery) {
	l.queue = append(l.queue, one)
	if l.worker == 0 {
		l.work()
	}
}

// A goroutine begins to work on the queue.
func (l *lane) work() {
	l.started++
	l.worker = l.started
	go l.run(l.worker)
}

func (l *lane) run(worker int) {
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	for l.worker == worker {
		if len(l.queue) == 0 {
			l.worker = 0
			return
		}
		one := l.queue[0]
		l.queue[0] = delivery{}
		l.queue = l.queue[1:]
		if l.ctx.Err() == nil {
			l.handle(one, worker)
		} else {
			one.settled()
		}
	}
}

// Calls the handler without the lock. Settles the event, unless it took too long: then the timer did.
func (l *lane) handle(one delivery, worker int) {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	late := l.session.after(l.session.handlerTimeout, func() {
		if l.worker != worker {
			return
		}
		cancel()
		one.settled()
		l.session.handlerFailed(l.pattern, fail(ReasonHandlerTimeout,
			fmt.Sprintf("the handler of %q did not return within %v", l.pattern, l.session.handlerTimeout)))
		l.work()
	})
	err := l.session.unlocked(func() error { return l.handler(ctx, one.event) })
	late()
	if l.worker != worker {
		return
	}
	one.settled()
	if err != nil {
		l.session.handlerFailed(l.pattern, err)
	}
}

// The subscription or the client has ended: no further event reaches the handler, and those that wait are settled.
func (l *lane) close() {
	l.cancel()
	for _, one := range l.queue {
		one.settled()
	}
	l.queue = nil
}

// Calls a function of the program. A panic is an error with its stack: it must not end the program's process.
func call(work func() error) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("panic: %v\n%s", thrown, debug.Stack())
		}
	}()
	return work()
}

// Calls a function of the program without the lock, which is held before and after it.
func (s *session) unlocked(work func() error) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	return call(work)
}

// Calls a function of the client with the lock.
func (s *session) locked(work func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	work()
}

// after calls work with the lock, unless stop is called with the lock before.
func (s *session) after(d time.Duration, work func()) (stop func()) {
	stopped := false
	timer := time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !stopped {
			stopped = true
			work()
		}
	})
	return func() {
		stopped = true
		timer.Stop()
	}
}

package kelpie

import (
	"context"
	"fmt"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

// The most bytes of answers that wait to be read.
const unreadBytes = 16 * 1024 * 1024

// answers are the answers to a request that has many, until a loop takes them. The lock of the session guards all
// fields.
type answers[T any] struct {
	session *session
	// The answer in the form of programs, whether the frame is one, and whether it is the last one.
	read func(*kelpiev1.CoordinatorFrame) (one T, is, last bool)
	// The error where the stream broke before the last answer.
	unknown func() *Error
	// Withdraws the request; nil: it cannot be withdrawn.
	withdraw func(*link, uint32)

	link   *link
	number uint32
	unread []unread[T]
	bytes  int
	ended  bool
	err    error
	// The client has withdrawn the request.
	withdrawn bool
	// Has room for one wake-up of the loop.
	woken chan struct{}
	// Ends the watch over the ctx of the program.
	release func() bool
}

type unread[T any] struct {
	one   T
	bytes int
}

func newAnswers[T any](s *session, read func(*kelpiev1.CoordinatorFrame) (T, bool, bool)) *answers[T] {
	return &answers[T]{session: s, read: read, woken: make(chan struct{}, 1)}
}

// Sends the request at once. The loop is over its answers.
func (a *answers[T]) send(ctx context.Context, frame *kelpiev1.NodeFrame) iter.Seq2[T, error] {
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	var err error
	if a.link, err = a.session.usableLink(); err == nil {
		a.number, err = a.link.issue(frame, waiter{answer: a.take, fail: a.fail})
	}
	if err != nil {
		return failed[T](err)
	}
	a.release = context.AfterFunc(ctx, func() {
		a.session.mu.Lock()
		defer a.session.mu.Unlock()
		a.giveUp()
	})
	return func(yield func(T, error) bool) { a.loop(ctx, yield) }
}

func (a *answers[T]) take(frame *kelpiev1.CoordinatorFrame) bool {
	one, is, last := a.read(frame)
	if !is || a.ended {
		return last
	}
	bytes := proto.Size(frame)
	a.unread = append(a.unread, unread[T]{one, bytes})
	a.bytes += bytes
	if last {
		a.end(nil)
	} else if a.bytes > unreadBytes {
		a.giveUp()
		a.end(fail(ReasonResultsUnread, fmt.Sprintf("more than %d bytes of answers wait to be read; read them faster", unreadBytes)))
	}
	a.wake()
	return last
}

// The stream broke, or the coordinator refused the request. The client does not send it again.
func (a *answers[T]) fail(err *Error) {
	if err.Reason == ReasonUnavailable {
		err = a.unknown()
	}
	a.end(err)
}

func (a *answers[T]) end(err error) {
	if !a.ended {
		a.ended, a.err = true, err
		a.release()
	}
	a.wake()
}

func (a *answers[T]) giveUp() {
	if a.withdraw != nil && !a.ended && !a.withdrawn {
		a.withdrawn = true
		a.withdraw(a.link, a.number)
	}
}

func (a *answers[T]) wake() {
	select {
	case a.woken <- struct{}{}:
	default:
	}
}

func (a *answers[T]) loop(ctx context.Context, yield func(T, error) bool) {
	defer a.stop()
	var none T
	done, late := ctx.Done(), (<-chan time.Time)(nil)
	for {
		one, is, ended, err := a.next()
		switch {
		case is:
			if !yield(one, nil) {
				return
			}
			continue
		case ended:
			if err != nil {
				yield(none, err)
			}
			return
		}
		select {
		case <-a.woken:
		case <-done:
			if a.withdraw == nil {
				yield(none, ctx.Err())
				return
			}
			done, late = nil, time.After(withdrawTimeout)
		case <-late:
			yield(none, ctx.Err())
			return
		}
	}
}

// The loop has ended: nobody reads further answers.
func (a *answers[T]) stop() {
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	a.giveUp()
	a.end(nil)
	a.unread = nil
}

func (a *answers[T]) next() (one T, is, ended bool, err error) {
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	if len(a.unread) > 0 {
		first := a.unread[0]
		a.unread[0] = unread[T]{}
		a.unread = a.unread[1:]
		a.bytes -= first.bytes
		return first.one, true, false, nil
	}
	return one, false, a.ended, a.err
}

// A loop with nothing but an error.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

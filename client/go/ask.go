package kelpie

import (
	"context"
	"errors"

	"example.com/kelpie/kelpiev1"
)

// ask sends a request and waits for its answer, for a call of the program. The error that ended the client, CLOSED,
// UNAVAILABLE, the refusal, or the error of ctx: then the request is on its way all the same, and a later refusal is a
// status. With NoWait it returns an empty answer.
func (s *session) ask(ctx context.Context, frame *kelpiev1.NodeFrame) (*kelpiev1.CoordinatorFrame, error) {
	return s.askThen(ctx, frame, func(*link) {})
}

// As ask. then is called with the lock when the coordinator has carried the request out, also after the end of ctx, with
// the stream of the answer.
func (s *session) askThen(ctx context.Context, frame *kelpiev1.NodeFrame, then func(*link)) (*kelpiev1.CoordinatorFrame, error) {
	if ctx != NoWait && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	type outcome struct {
		answer *kelpiev1.CoordinatorFrame
		err    *Error
	}
	done := make(chan outcome, 1)
	alone := false // The lock guards it.
	err := s.sendRequest(frame, func(from *link, answer *kelpiev1.CoordinatorFrame, err *Error) {
		if err == nil {
			then(from)
		} else if alone {
			s.post(Status{Kind: Refused, Err: err})
		}
		done <- outcome{answer, err}
	})
	if err != nil {
		return nil, err
	}
	select {
	case one := <-done:
		return one.answer, asError(one.err)
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case one := <-done:
		return one.answer, asError(one.err)
	default:
		alone = true
	}
	if ctx == NoWait {
		return &kelpiev1.CoordinatorFrame{}, nil
	}
	return nil, ctx.Err()
}

func (s *session) sendRequest(frame *kelpiev1.NodeFrame, done func(*link, *kelpiev1.CoordinatorFrame, *Error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.usableLink()
	if err != nil {
		return err
	}
	return l.request(frame, func(answer *kelpiev1.CoordinatorFrame, err *Error) { done(l, answer, err) })
}

// As ask, for a request that is sent once: nobody can tell whether the coordinator took it when the stream breaks.
func (s *session) askOnce(ctx context.Context, frame *kelpiev1.NodeFrame) (*kelpiev1.CoordinatorFrame, error) {
	s.mu.Lock()
	l, err := s.usableLink()
	open := err == nil && l.isOpen()
	s.mu.Unlock()
	if err == nil && !open {
		err = unanswered()
	}
	if err != nil {
		return nil, err
	}
	answer, err := s.ask(ctx, frame)
	if errors.Is(err, ReasonUnavailable) {
		err = fail(ReasonOutcomeUnknown, "the stream broke before the answer; the slots may be held or released, and end with their time")
	}
	return answer, err
}

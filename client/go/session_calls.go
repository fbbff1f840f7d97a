package kelpie

import (
	"context"
	"slices"

	"example.com/kelpie/kelpiev1"
)

// See Client.Ready.
func (s *session) ready(ctx context.Context) error {
	select {
	case <-s.reading.roster.loaded:
		return nil
	case <-s.done:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.endError()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// See Client.Err.
func (s *session) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return asError(s.final)
}

// See Client.Close.
func (s *session) close(ctx context.Context) error {
	go s.closeOnce()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		s.connection.close()
		s.connection.fail(closedError())
		return ctx.Err()
	}
}

func (s *session) closeOnce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.closing {
		return
	}
	s.closing = true
	if !s.started {
		s.finish(nil)
		return
	}
	// It waits also while no stream is open: one may open in time.
	idle := make(chan struct{})
	stop := s.after(closeTimeout, func() { s.publisher.close(closedError()) })
	s.publisher.whenIdle(func() { close(idle) })
	s.connection.wait(idle)
	stop()
	s.connection.close()
	giveUp := s.after(closeTimeout, func() { s.connection.fail(closedError()) })
	s.connection.wait(s.done)
	giveUp()
}

// See Client.Subscribe.
func (s *session) subscribe(given string, handler Handler) (*Subscription, error) {
	pattern, err := checkPattern(given, s.name)
	if err != nil {
		return nil, err
	}
	if handler == nil {
		return nil, invalid("handler", "the handler is nil")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.endError(); err != nil {
		return nil, err
	}
	if err := s.checkTopicRoom(pattern); err != nil {
		return nil, err
	}
	return s.reading.subscriptions.add(pattern, handler), nil
}

// settle is called with the lock if publish returns nil.
func (s *session) publish(topic string, content any, options []MessageOption, settle settle) error {
	draft, err := draftOf(topic, content, options)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.endError(); err != nil {
		return err
	}
	if s.closing {
		return closedError()
	}
	return s.publisher.publish(draft, settle)
}

// See Client.PublishAsync.
func (s *session) publishAsync(topic string, content any, options []MessageOption, done func(error)) error {
	return s.publish(topic, content, options, func(err error, free func()) {
		if done != nil {
			s.callbacks.run(func() {
				defer s.locked(free)
				done(err)
			})
			return
		}
		free()
		if err != nil {
			s.post(Status{Kind: Refused, Err: err})
		}
	})
}

// See Client.Update.
func (s *session) update(ctx context.Context, given NodeChange) error {
	change, err := given.wire()
	if err != nil {
		return err
	}
	frame := &kelpiev1.NodeFrame_UpdateOwnNode{UpdateOwnNode: &kelpiev1.UpdateOwnNode{Change: change}}
	_, err = s.askThen(ctx, &kelpiev1.NodeFrame{Frame: frame}, func(from *link) {
		changeHello(s.facts, change)
		for _, newer := range []*link{s.connection.current, s.connection.successor} {
			if newer != nil && newer != from {
				newer.change(change)
			}
		}
	})
	return err
}

// See Client.Features.
func (s *session) features() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.welcome.GetFeatures())
}

// See Client.Pending.
func (s *session) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.handlers.running) + s.reporting.pending() + s.connection.pending()
}

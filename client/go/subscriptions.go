package kelpie

import (
	"context"
	"iter"
	"slices"
	"strings"

	"example.com/kelpie/kelpiev1"
)

// Handler handles an event. Its ctx ends with the subscription, with the client, and when it takes longer than
// HandlerTimeout. An error, or a panic, is a status HandlerFailed; the event counts as processed all the same.
type Handler func(ctx context.Context, event *Event) error

// The most topics whose lanes are cached.
const cachedTopics = 4096

// Subscription is a handler that runs.
type Subscription struct {
	// The pattern as the coordinator has it.
	Pattern string
	close   func()
}

// Close ends the subscription: no further event reaches the handler. The ctx of a handler that runs ends. Calling it
// again does nothing.
func (s *Subscription) Close() { s.close() }

// subscriptions are the handlers of a node by pattern. A slow handler delays the acknowledgement of its events, up to
// the window, but not the handlers of other subscriptions.
type subscriptions struct {
	session *session
	lanes   []*lane
	// A cache: the lanes of each topic that has come.
	ofTopic map[string][]*lane
	// The patterns in their order, and how many need each of them.
	wanted []string
	counts map[string]int
	// The patterns have changed.
	onPatterns func()
}

// The patterns for the coordinator. It sends a node the events of its own inbox without a pattern.
func (s *subscriptions) patterns() []string {
	patterns := make([]string, 0, len(s.wanted))
	for _, pattern := range s.wanted {
		if !strings.HasPrefix(pattern, "inbox.") {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

func (s *subscriptions) add(pattern string, handler Handler) *Subscription {
	one := &lane{session: s.session, pattern: pattern, handler: handler}
	one.ctx, one.cancel = context.WithCancel(context.Background())
	s.lanes = append(s.lanes, one)
	s.ofTopic = nil
	s.want(pattern)
	return &Subscription{Pattern: pattern, close: func() { s.remove(one) }}
}

func (s *subscriptions) remove(one *lane) {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	index := slices.Index(s.lanes, one)
	if index < 0 {
		return
	}
	s.lanes = slices.Delete(s.lanes, index, index+1)
	s.ofTopic = nil
	one.close()
	s.unwant(one.pattern)
}

// Adds a pattern without a handler: the client itself needs its events.
func (s *subscriptions) want(pattern string) {
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[pattern]++
	if s.counts[pattern] == 1 {
		s.wanted = append(s.wanted, pattern)
		s.onPatterns()
	}
}

// Takes back one want.
func (s *subscriptions) unwant(pattern string) {
	s.counts[pattern]--
	if s.counts[pattern] > 0 {
		return
	}
	delete(s.counts, pattern)
	s.wanted = slices.DeleteFunc(s.wanted, func(one string) bool { return one == pattern })
	s.onPatterns()
}

// Gives an event to its handlers. settled is called once for each of them; returns their number.
func (s *subscriptions) deliver(wire *kelpiev1.Event, settled func()) int {
	lanes := s.lanesOf(wire.Topic)
	if len(lanes) == 0 {
		return 0
	}
	event := eventOf(wire)
	for _, one := range lanes {
		one.push(delivery{event, settled})
	}
	return len(lanes)
}

func (s *subscriptions) lanesOf(topic string) []*lane {
	if lanes, cached := s.ofTopic[topic]; cached {
		return lanes
	}
	if s.ofTopic == nil || len(s.ofTopic) >= cachedTopics {
		s.ofTopic = map[string][]*lane{}
	}
	var lanes []*lane
	for _, one := range s.lanes {
		if matches(one.pattern, topic) {
			lanes = append(lanes, one)
		}
	}
	s.ofTopic[topic] = lanes
	return lanes
}

func (s *subscriptions) close() {
	for _, one := range s.lanes {
		one.close()
	}
}

// An event that a loop over Events has, and handled, which the loop closes.
type looped struct {
	event   *Event
	handled chan struct{}
}

// See Client.Events.
func (s *session) events(ctx context.Context, pattern string) iter.Seq2[*Event, error] {
	events := make(chan looped)
	subscription, err := s.subscribe(pattern, func(handling context.Context, event *Event) error {
		one := looped{event, make(chan struct{})}
		select {
		case events <- one:
		case <-handling.Done():
			return nil
		}
		select {
		case <-one.handled:
		case <-handling.Done():
		}
		return nil
	})
	if err != nil {
		return func(yield func(*Event, error) bool) { yield(nil, err) }
	}
	return func(yield func(*Event, error) bool) {
		defer subscription.Close()
		for {
			select {
			case one := <-events:
				goOn := yield(one.event, nil)
				close(one.handled)
				if !goOn {
					return
				}
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			case <-s.done:
				return
			}
		}
	}
}

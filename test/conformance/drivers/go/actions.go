package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"example.com/kelpie"
)

// What the driver does with a client, by the name of the action.
var actions = map[string]func(*session, request){
	"ready":       waiting(func(s *session, _ int, _ struct{}) (map[string]any, error) { return s.ready() }),
	"subscribe":   now(func(s *session, given subscribed) error { return s.subscribe(given) }),
	"unsubscribe": now(func(s *session, given subscribed) error { s.subscriptions[given.Subscription].Close(); return nil }),
	"release":     now(func(s *session, given subscribed) error { s.release(given.Subscription); return nil }),
	"publish":     waiting(func(s *session, _ int, given published) (map[string]any, error) { return nil, s.publish(given) }),
	"publishMany": publishMany,
	"handle":      now(func(s *session, given handled) error { return s.handle(given) }),
	"answer":      now(func(s *session, given answered) error { s.answer(given); return nil }),
	"issue":       waiting(func(s *session, id int, given issued) (map[string]any, error) { return s.issue(id, given) }),
	"cancel":      now(func(s *session, given issued) error { s.cancel(given.Request); return nil }),
	"update":      waiting(func(s *session, _ int, given updated) (map[string]any, error) { return nil, s.update(given) }),
	"putValue":    waiting(func(s *session, _ int, given place) (map[string]any, error) { return s.putValue(given) }),
	"getValue":    waiting(func(s *session, _ int, given place) (map[string]any, error) { return s.getValue(given) }),
	"watchValue":  now(func(s *session, given place) error { return s.watchValue(given) }),
	"acquire":     waiting(func(s *session, _ int, given login) (map[string]any, error) { return s.acquire(given) }),
	"releasePlayer": waiting(func(s *session, _ int, given moved) (map[string]any, error) {
		return nil, s.client.Players().Release(s.ctx, given.Player)
	}),
	"joined": waiting(func(s *session, _ int, given login) (map[string]any, error) {
		return nil, s.client.Players().Joined(s.ctx, s.named(given.Player))
	}),
	"moved": waiting(func(s *session, _ int, given moved) (map[string]any, error) {
		return nil, s.client.Players().Moved(s.ctx, given.Player, given.Server)
	}),
	"changed": waiting(func(s *session, _ int, given moved) (map[string]any, error) {
		change := kelpie.PlayerFactsChange{Language: &given.Language}
		return nil, s.client.Players().Changed(s.ctx, given.Player, change)
	}),
	"left":    waiting(func(s *session, _ int, given moved) (map[string]any, error) { return nil, s.left(given) }),
	"players": waiting(func(s *session, _ int, _ struct{}) (map[string]any, error) { return s.ownPlayers() }),
	"roster":  waiting(func(s *session, _ int, _ struct{}) (map[string]any, error) { return s.roster() }),
	"pick":    waiting(func(s *session, _ int, given picking) (map[string]any, error) { return s.pick(given) }),
	"move":    waiting(func(s *session, _ int, given moved) (map[string]any, error) { return s.move(given) }),
	"pending": waiting(func(s *session, _ int, _ struct{}) (map[string]any, error) {
		return map[string]any{"pending": s.client.Pending()}, nil
	}),
	"close": waiting(func(s *session, _ int, _ struct{}) (map[string]any, error) { return nil, s.close() }),
}

// How long the next request waits at most until an action that waits has begun.
const beginning = 3 * time.Millisecond

// An action that waits. The client takes a call at once, and the actions begin in the order of the requests.
func waiting[T any](act func(*session, int, T) (map[string]any, error)) func(*session, request) {
	return func(s *session, one request) {
		var given T
		if err := json.Unmarshal(one.line, &given); err != nil {
			answer(one.ID, nil, err)
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			ok, err := act(s, one.ID, given)
			answer(one.ID, ok, err)
		}()
		select {
		case <-done:
		case <-time.After(beginning):
		}
	}
}

// An action that does not wait.
func now[T any](act func(*session, T) error) func(*session, request) {
	return func(s *session, one request) {
		var given T
		err := json.Unmarshal(one.line, &given)
		if err == nil {
			err = act(s, given)
		}
		answer(one.ID, nil, err)
	}
}

func (s *session) ready() (map[string]any, error) {
	if err := s.client.Ready(s.ctx); err != nil {
		return nil, err
	}
	for status := range s.client.Status(s.ctx) {
		if status.Kind == kelpie.Connected {
			welcome := status.Welcome
			return map[string]any{
				"outcome": outcomeOf(welcome), "sessionId": welcome.SessionId, "generation": welcome.Generation,
			}, nil
		}
	}
	return nil, s.client.Err()
}

func (s *session) publish(given published) error {
	return s.client.Publish(s.ctx, given.Topic, given.value(), given.options()...)
}

func (p published) options() []kelpie.MessageOption {
	options := []kelpie.MessageOption{kelpie.WithType(p.Type), kelpie.WithAttributes(p.Attributes)}
	if p.Origin == "NODE" {
		options = append(options, kelpie.FromThisNode())
	}
	return options
}

// Publishes without waiting in between, in order.
func publishMany(s *session, one request) {
	var given published
	if err := json.Unmarshal(one.line, &given); err != nil {
		answer(one.ID, nil, err)
		return
	}
	settled := make(chan error, given.Count)
	for number := range given.Count {
		text := fmt.Sprintf("%-*s", given.Bytes, strconv.Itoa(number+1))
		if err := s.client.PublishAsync(given.Topic, text, func(err error) { settled <- err }); err != nil {
			settled <- err
		}
	}
	go func() {
		var first error
		for range given.Count {
			if err := <-settled; first == nil {
				first = err
			}
		}
		answer(one.ID, map[string]any{"stored": given.Count}, first)
	}()
}

func (s *session) update(given updated) error {
	return s.client.Update(s.ctx, kelpie.NodeChange{
		Labels: given.Labels, RemovedLabels: given.RemoveLabels, State: stateOf(given.State), MaxPlayers: given.MaxPlayers,
	})
}

func (s *session) putValue(given place) (map[string]any, error) {
	var options []kelpie.WriteOption
	if given.Sequence != nil {
		options = append(options, kelpie.Expect(*given.Sequence))
	}
	sequence, err := s.client.State().Put(s.ctx, given.Bucket, given.Key, given.value(), options...)
	return map[string]any{"sequence": sequence}, err
}

func (s *session) getValue(given place) (map[string]any, error) {
	value, err := s.client.State().Get(s.ctx, given.Bucket, given.Key)
	if errors.Is(err, kelpie.ReasonValueNotFound) {
		return nil, nil
	}
	return contentInto(map[string]any{"sequence": value.Sequence}, value.Content), err
}

func (s *session) move(given moved) (map[string]any, error) {
	arrived, err := s.client.Move(s.ctx, kelpie.Transfer{
		Players: kelpie.PlayerByID(given.Player), To: kelpie.Server(given.Server), Timeout: millis(given.TimeoutMs),
	})
	return map[string]any{"target": arrived.Target}, err
}

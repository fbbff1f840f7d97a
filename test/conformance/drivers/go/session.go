package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

// session is one scenario: a client, and what its handlers wait for.
type session struct {
	client *kelpie.Client
	ctx    context.Context
	mu     sync.Mutex
	over   bool
	// By the names of the scenario.
	subscriptions map[string]*kelpie.Subscription
	// The handlers that hold an event, oldest first.
	held map[string][]chan struct{}
	// The handlers that hold a command, and the number of commands.
	commands map[int]chan answered
	count    int
	// The commands that were issued, by the id of their request.
	issued map[int]context.CancelFunc
	// The ids of the players that were named.
	players []string
}

func newSession(one request) (*session, error) {
	var given connecting
	if err := json.Unmarshal(one.line, &given); err != nil {
		return nil, err
	}
	s := &session{
		ctx: context.Background(), subscriptions: map[string]*kelpie.Subscription{}, held: map[string][]chan struct{}{},
		commands: map[int]chan answered{}, issued: map[int]context.CancelFunc{},
	}
	options := given.Options.kelpie()
	if err := s.addPlayers(&options, given.Options.Players); err != nil {
		return nil, err
	}
	var err error
	if s.client, err = kelpie.New(options); err != nil {
		return nil, err
	}
	for _, one := range given.Subscribe {
		if err := s.subscribe(one); err != nil {
			return nil, err
		}
	}
	for _, one := range given.Handle {
		if err := s.handle(one); err != nil {
			return nil, err
		}
	}
	reading := make(chan struct{})
	go s.report(reading)
	<-reading
	s.client.Start(s.ctx)
	return s, nil
}

func (s *session) see(line map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		print(line)
	}
}

func (s *session) report(reading chan<- struct{}) {
	next := s.client.Status(s.ctx)
	close(reading)
	for status := range next {
		line := map[string]any{"saw": "status", "type": status.Kind.String()}
		switch status.Kind {
		case kelpie.Connecting:
			line["endpoint"] = status.Endpoint
		case kelpie.Connected:
			line["endpoint"], line["outcome"] = status.Endpoint, outcomeOf(status.Welcome)
		case kelpie.Gap:
			line["reason"] = strings.TrimPrefix(status.Gap.Reason.String(), "GAP_REASON_")
			line["topics"] = append([]string{}, status.Gap.Topics...)
		case kelpie.HandlerFailed:
			line["pattern"] = status.Pattern
		case kelpie.Disconnected, kelpie.Refused, kelpie.Closed:
			if status.Err != nil {
				line["reason"] = reasonOf(status.Err)
			}
		}
		s.see(line)
	}
}

func outcomeOf(welcome *kelpiev1.Welcome) string {
	return strings.TrimPrefix(welcome.Outcome.String(), "WELCOME_OUTCOME_")
}

func (s *session) subscribe(given subscribed) error {
	subscription, err := s.client.Subscribe(given.Topic, func(ctx context.Context, event *kelpie.Event) error {
		s.see(eventAs(given.Subscription, event))
		switch given.Behaviour {
		case "throw":
			return errors.New("the handler fails")
		case "hold":
			s.hold(given.Subscription)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions[given.Subscription] = subscription
	return nil
}

func (s *session) hold(subscription string) {
	released := make(chan struct{})
	s.mu.Lock()
	s.held[subscription] = append(s.held[subscription], released)
	s.mu.Unlock()
	<-released
}

func (s *session) release(subscription string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.held[subscription]; len(held) > 0 {
		close(held[0])
		s.held[subscription] = held[1:]
	}
}

func eventAs(subscription string, event *kelpie.Event) map[string]any {
	origin := "UNSPECIFIED"
	if event.FromNode {
		origin = "NODE"
	}
	attributes := event.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	line := map[string]any{
		"saw": "event", "subscription": subscription, "topic": event.Topic, "sequence": event.Sequence,
		"source": event.Source, "type": event.Type, "attributes": attributes, "origin": origin,
	}
	if body := bodyAs(event.Body); body != nil {
		line["body"] = body
	}
	return contentInto(line, event.Content)
}

func bodyAs(body any) map[string]any {
	switch body := body.(type) {
	case *kelpiev1.NodeJoined:
		return map[string]any{"kind": "nodeJoined", "name": body.Node.GetName()}
	case *kelpiev1.NodeUpdated:
		return map[string]any{"kind": "nodeUpdated", "name": body.Node.GetName()}
	case *kelpiev1.NodeLeft:
		reason := strings.TrimPrefix(body.Reason.String(), "NODE_LEAVE_REASON_")
		return map[string]any{"kind": "nodeLeft", "name": body.Node.GetName(), "reason": reason}
	case *kelpiev1.PlayerJoined:
		return map[string]any{"kind": "playerJoined", "id": body.Player.GetId()}
	case *kelpiev1.PlayerMoved:
		return map[string]any{"kind": "playerMoved", "id": body.Player.GetId()}
	case *kelpiev1.PlayerUpdated:
		return map[string]any{"kind": "playerUpdated", "id": body.Player.GetId()}
	case *kelpiev1.PlayerLeft:
		reason := strings.TrimPrefix(body.Reason.String(), "PLAYER_LEAVE_REASON_")
		return map[string]any{"kind": "playerLeft", "id": body.Player.GetId(), "reason": reason}
	case *kelpiev1.RoutingChanged:
		return map[string]any{"kind": "routingChanged"}
	case *kelpiev1.SettingsChanged:
		return map[string]any{"kind": "settingsChanged"}
	case *kelpiev1.StateChanged:
		return map[string]any{"kind": "stateChanged", "key": body.Value.GetKey()}
	case *kelpiev1.StateDeleted:
		return map[string]any{"kind": "stateDeleted", "key": body.Value.GetKey()}
	case *kelpiev1.AuditRecord:
		return map[string]any{"kind": "auditRecorded"}
	}
	return nil
}

// The client has ended: nothing of it reaches the output any more.
func (s *session) close() error {
	_ = s.client.Close(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	// Not before: a handler that returns has handled its event.
	for _, held := range s.held {
		for _, released := range held {
			close(released)
		}
	}
	return nil
}

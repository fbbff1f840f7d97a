package kelpie

import (
	"context"

	"example.com/kelpie/kelpiev1"
)

// The topic of all players.
const allPlayers = "players.*"

// OnJoined calls the handler with each player of the whole network who comes online, in order, one at a time. Like OnMoved,
// OnUpdated and OnLeft it is a subscription of "players.*", with the rules of Client.Subscribe: handlers of two calls run
// beside each other, so one that needs the order of joins and leaves subscribes once and looks at Event.Body. The
// players who are online now are in the roster, with RosterOptions.Players.
func (p *Players) OnJoined(handler func(context.Context, *kelpiev1.PlayerJoined) error) (*Subscription, error) {
	return onBody(p.session, allPlayers, handler)
}

// OnMoved calls the handler with each player who changes server. See OnJoined.
func (p *Players) OnMoved(handler func(context.Context, *kelpiev1.PlayerMoved) error) (*Subscription, error) {
	return onBody(p.session, allPlayers, handler)
}

// OnUpdated calls the handler with each player who changes in another way. See OnJoined.
func (p *Players) OnUpdated(handler func(context.Context, *kelpiev1.PlayerUpdated) error) (*Subscription, error) {
	return onBody(p.session, allPlayers, handler)
}

// OnLeft calls the handler with each player who goes offline. See OnJoined.
func (p *Players) OnLeft(handler func(context.Context, *kelpiev1.PlayerLeft) error) (*Subscription, error) {
	return onBody(p.session, allPlayers, handler)
}

// A subscription of one kind of body.
func onBody[Body any](s *session, pattern string, handler func(context.Context, *Body) error) (*Subscription, error) {
	if handler == nil {
		return nil, invalid("handler", "the handler is nil")
	}
	return s.subscribe(pattern, func(ctx context.Context, event *Event) error {
		if body, ok := event.Body.(*Body); ok {
			return handler(ctx, body)
		}
		return nil
	})
}

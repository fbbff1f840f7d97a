package kelpie

import (
	"time"

	"example.com/kelpie/kelpiev1"
)

// Event is an event as a handler gets it: a message, or an event of the coordinator.
type Event struct {
	// The position in the journal. It grows with every event of the network.
	Sequence uint64
	Topic    string
	// The name of the node that published it; empty if the publisher had no session.
	Source string
	// When the coordinator took the event, by its own clock. For display only: Sequence gives the order.
	Time time.Time
	// Whether the publisher's own program wrote all of the content. If not, a player's client may have written it, so
	// do not trust it.
	FromNode bool
	// The kind of message; empty for events that are no messages.
	Type string
	// The content of the message; zero for events that are no messages.
	Content    Content
	Attributes map[string]string
	// The change of a node, a player, the rules, the settings or a shared value: *kelpiev1.NodeJoined,
	// *kelpiev1.PlayerLeft … nil for messages, and for events that this version does not have.
	Body any
}

func eventOf(wire *kelpiev1.Event) *Event {
	event := &Event{Sequence: wire.Sequence, Topic: wire.Topic, Source: wire.Source}
	if wire.Time != nil {
		event.Time = wire.Time.AsTime()
	}
	switch body := wire.Body.(type) {
	case *kelpiev1.Event_MessagePublished:
		message := body.MessagePublished
		event.FromNode = message.Origin == kelpiev1.MessageOrigin_MESSAGE_ORIGIN_NODE
		event.Type = message.Type
		event.Content = Content{message.Content}
		event.Attributes = message.Attributes
	case *kelpiev1.Event_NodeJoined:
		event.Body = body.NodeJoined
	case *kelpiev1.Event_NodeUpdated:
		event.Body = body.NodeUpdated
	case *kelpiev1.Event_NodeLeft:
		event.Body = body.NodeLeft
	case *kelpiev1.Event_PlayerJoined:
		event.Body = body.PlayerJoined
	case *kelpiev1.Event_PlayerMoved:
		event.Body = body.PlayerMoved
	case *kelpiev1.Event_PlayerUpdated:
		event.Body = body.PlayerUpdated
	case *kelpiev1.Event_PlayerLeft:
		event.Body = body.PlayerLeft
	case *kelpiev1.Event_RoutingChanged:
		event.Body = body.RoutingChanged
	case *kelpiev1.Event_SettingsChanged:
		event.Body = body.SettingsChanged
	case *kelpiev1.Event_StateChanged:
		event.Body = body.StateChanged
	case *kelpiev1.Event_StateDeleted:
		event.Body = body.StateDeleted
	case *kelpiev1.Event_AuditRecorded:
		event.Body = body.AuditRecorded
	}
	return event
}

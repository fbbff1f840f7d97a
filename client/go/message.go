package kelpie

import "example.com/kelpie/kelpiev1"

// MessageOption is a fact that goes with a message.
type MessageOption func(*kelpiev1.Payload)

// WithType names the kind of message, for its readers.
func WithType(kind string) MessageOption {
	return func(p *kelpiev1.Payload) { p.Type = kind }
}

// WithAttributes adds small facts beside the content.
func WithAttributes(attributes map[string]string) MessageOption {
	return func(p *kelpiev1.Payload) {
		if p.Attributes == nil {
			p.Attributes = map[string]string{}
		}
		for name, value := range attributes {
			p.Attributes[name] = value
		}
	}
}

// FromThisNode marks a message whose content this program wrote itself, all of it. Without it readers do not trust the
// content: a player's client may have written it.
func FromThisNode() MessageOption {
	return func(p *kelpiev1.Payload) { p.Origin = kelpiev1.MessageOrigin_MESSAGE_ORIGIN_NODE }
}

// A copy. TOPIC_INVALID, TOPIC_RESERVED, VALUE_INVALID or CONTENT_TOO_DEEP.
func draftOf(topic string, content any, options []MessageOption) (*kelpiev1.EventDraft, error) {
	if err := checkTopic(topic); err != nil {
		return nil, err
	}
	wire, err := contentOf(content)
	if err != nil {
		return nil, err
	}
	payload := &kelpiev1.Payload{Content: wire}
	for _, option := range options {
		option(payload)
	}
	if err := checkTexts(payload.Type, payload.Attributes); err != nil {
		return nil, err
	}
	return &kelpiev1.EventDraft{Topic: topic, Payload: payload}, nil
}

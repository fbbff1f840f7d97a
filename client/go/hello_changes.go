package kelpie

import "example.com/kelpie/kelpiev1"

// helloChanges are the topics and commands that the coordinator has for a stream: those of its Hello, and the changes
// since.
type helloChanges struct {
	topics, commands []string
}

// Sends a frame. Returns false before Welcome, and sends nothing then.
type sendFrame func(*kelpiev1.NodeFrame) bool

func (h *helloChanges) begin(hello *kelpiev1.Hello) {
	h.topics, h.commands = hello.Topics, hello.Commands
}

// Asks for a Snapshot of topics that the stream reads already.
func (h *helloChanges) requestSnapshot(send sendFrame, topics []string) {
	send(updateSubscription(topics, nil, kelpiev1.StartAt_START_AT_SNAPSHOT))
}

// Makes these the topics of the stream. Added topics start with new events.
func (h *helloChanges) setTopics(send sendFrame, topics []string) {
	added, removed := missing(topics, h.topics), missing(h.topics, topics)
	if len(added)+len(removed) == 0 {
		return
	}
	if send(updateSubscription(added, removed, kelpiev1.StartAt_START_AT_LATEST)) {
		h.topics = topics
	}
}

// Makes these the commands of the node.
func (h *helloChanges) setCommands(send sendFrame, names []string) {
	change := &kelpiev1.NodeChange{AddedCommands: missing(names, h.commands), RemovedCommands: missing(h.commands, names)}
	if len(change.AddedCommands)+len(change.RemovedCommands) == 0 {
		return
	}
	update := &kelpiev1.NodeFrame_UpdateOwnNode{UpdateOwnNode: &kelpiev1.UpdateOwnNode{Change: change}}
	if send(&kelpiev1.NodeFrame{Frame: update}) {
		h.commands = names
	}
}

func updateSubscription(added, removed []string, at kelpiev1.StartAt) *kelpiev1.NodeFrame {
	update := &kelpiev1.UpdateSubscription{AddedTopics: added, RemovedTopics: removed, StartAt: at}
	return &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_UpdateSubscription{UpdateSubscription: update}}
}

// The items of some that are not in others.
func missing(some, others []string) []string {
	there := make(map[string]bool, len(others))
	for _, one := range others {
		there[one] = true
	}
	var lacking []string
	for _, one := range some {
		if !there[one] {
			lacking = append(lacking, one)
		}
	}
	return lacking
}

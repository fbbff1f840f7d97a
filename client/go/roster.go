package kelpie

import "example.com/kelpie/kelpiev1"

// RosterOptions say what the roster has beside the nodes.
type RosterOptions struct {
	// The online players of the network.
	Players bool
}

// Roster is the nodes of the network, and its players if the options ask for them: live, from memory.
type Roster struct{ table *rosterTable }

// rosterTable is the rows of the roster. The session calls its methods with its lock held; readers of the program call
// those of Roster without it.
type rosterTable struct {
	session *session
	players bool
	// Closed when the first Snapshot is complete.
	loaded    chan struct{}
	isLoaded  bool
	onChanged func()
}

// OUT_OF_RANGE for a node that does not get its own events.
func newRosterTable(s *session, options Options) (*rosterTable, error) {
	return &rosterTable{session: s, players: options.Roster.Players, loaded: make(chan struct{})}, nil
}

func (r *rosterTable) view() *Roster { return &Roster{r} }

// The patterns that the roster reads.
func (r *rosterTable) topics() []string {
	topics := []string{"nodes.*", "routing", "kelpie.settings"}
	if r.players {
		topics = append(topics, "players.*")
	}
	return topics
}

// Whether a Snapshot of the topics was complete.
func (r *rosterTable) complete() bool { return r.isLoaded }

// An event above the position of the node.
func (r *rosterTable) applyEvent(event *kelpiev1.Event) {}

// A part of a Snapshot that answers the topics of the roster.
func (r *rosterTable) applySnapshot(part *kelpiev1.Snapshot) {
	if part.Complete && !r.isLoaded {
		r.isLoaded = true
		close(r.loaded)
	}
}

func (r *rosterTable) applyGap(gap *kelpiev1.Gap) {}

func (r *rosterTable) applyLoads(loads *kelpiev1.NodeLoads) {}

// The content of the roster file, and the roster from it.
func (r *rosterTable) save() []byte               { return nil }
func (r *rosterTable) restore(bytes []byte) error { return nil }

// The client has ended.
func (r *rosterTable) close() {}

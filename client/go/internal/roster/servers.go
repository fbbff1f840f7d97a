package roster

import (
	"maps"

	"example.com/kelpie/internal/routing"
	v1 "example.com/kelpie/kelpiev1"
)

type counted struct {
	routing.Candidate
	players, reserved int
}

// Servers are the servers of a roster as a pick sees them. Counts change in place: a pick needs no new list for them.
type Servers struct {
	servers map[string]*counted
	// The slots that reservations hold, by server, also of servers whose row has not come yet.
	reserved  map[string]int
	playersOn func(name string) int
	// Called if a server comes, goes, or has other labels.
	onChange func()
}

// NewServers makes an empty list.
func NewServers(playersOn func(name string) int, onChange func()) *Servers {
	return &Servers{map[string]*counted{}, map[string]int{}, playersOn, onChange}
}

// Take takes a node after its change.
func (s *Servers) Take(node *v1.Node) {
	name := node.Name
	before := s.servers[name]
	if node.Role != v1.NodeRole_NODE_ROLE_DOWNSTREAM {
		if before != nil {
			delete(s.servers, name)
			s.onChange()
		}
		return
	}
	if before != nil && maps.Equal(before.Labels, node.Labels) {
		before.State, before.LastState, before.Drained = node.State, node.LastState, node.Drained
		before.MaxPlayers = node.MaxPlayers
		return
	}
	one := &counted{players: s.playersOn(name), reserved: s.reserved[name]}
	one.Candidate = routing.Candidate{
		Name: name, Labels: node.Labels, State: node.State, LastState: node.LastState, Drained: node.Drained,
		MaxPlayers: node.MaxPlayers, Used: one.players + one.reserved,
	}
	s.servers[name] = one
	s.onChange()
}

// Leave takes that a node left.
func (s *Servers) Leave(name string) {
	delete(s.reserved, name)
	if s.servers[name] != nil {
		delete(s.servers, name)
		s.onChange()
	}
}

// Count takes that the players of a server changed.
func (s *Servers) Count(name string) {
	if one := s.servers[name]; one != nil {
		one.players = s.playersOn(name)
		one.Used = one.players + one.reserved
	}
}

// Reserve takes the number of slots that reservations hold.
func (s *Servers) Reserve(name string, slots int) {
	if slots == 0 {
		delete(s.reserved, name)
	} else {
		s.reserved[name] = slots
	}
	if one := s.servers[name]; one != nil {
		one.reserved = slots
		one.Used = one.players + slots
	}
}

// ReleaseAll takes that no slots are reserved any more.
func (s *Servers) ReleaseAll() {
	for name := range s.reserved {
		s.Reserve(name, 0)
	}
}

// All returns the servers. They change in place.
func (s *Servers) All() []*routing.Candidate {
	all := make([]*routing.Candidate, 0, len(s.servers))
	for _, one := range s.servers {
		all = append(all, &one.Candidate)
	}
	return all
}

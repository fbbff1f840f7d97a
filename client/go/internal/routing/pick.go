// Package routing picks a server for a player by the rules of the network, as routing.proto states. The pick is a
// function of its inputs alone. The scenarios of test/contract/routing hold it and the coordinator to the same answers.
package routing

import (
	"cmp"
	"slices"
	"strings"

	v1 "example.com/kelpie/kelpiev1"
)

// Candidate is a server that may be picked. Its counts may change between two picks.
type Candidate struct {
	Name             string
	Labels           map[string]string
	State, LastState v1.NodeState
	Drained          bool
	// nil: the server has no limit.
	MaxPlayers *uint32
	// Players and reserved slots together.
	Used int
}

// Need is the player who needs a server, and why. Names are in lower case, and empty if there is none.
type Need struct {
	Occasion   v1.RoutingOccasion
	Reason     v1.FallbackReason
	Host       string
	Properties map[string]string
	From       string
	LastServer string
	// A number that the picker drew.
	Random uint32
	// The number of picks by this rule before.
	Turns func(rule string) uint64
}

// Picked is the server for a player.
type Picked struct {
	Server string
	// The rule that decided; empty if the network has no rules.
	Rule string
	// Whether the server is UNREACHABLE: no other one takes players, and this one may come back.
	LastResort bool
}

type test func(need *Need, from *Candidate) bool

// A rule that is ready for picks: its tests, and its servers by name.
type ready struct {
	rule    *v1.RoutingRule
	tests   []test
	servers []*Candidate
}

// Rules is a table that is ready for picks among some servers.
type Rules struct {
	ready   []ready
	servers map[string]*Candidate
}

// New makes a table ready. The order of the servers does not matter.
func New(table *v1.RoutingTable, servers []*Candidate) *Rules {
	sorted := slices.Clone(servers)
	slices.SortFunc(sorted, func(a, b *Candidate) int { return strings.Compare(a.Name, b.Name) })
	rules := &Rules{servers: make(map[string]*Candidate, len(sorted))}
	for _, server := range sorted {
		rules.servers[server.Name] = server
	}
	all := table.GetRules()
	if len(all) == 0 {
		all = []*v1.RoutingRule{{}}
	}
	for _, rule := range all {
		selected := sorted
		if to := rule.GetTo(); to != nil {
			selected = slices.DeleteFunc(slices.Clone(sorted), func(s *Candidate) bool { return !isIn(to, s) })
		}
		rules.ready = append(rules.ready, ready{rule, testsOf(rule.GetWhen()), selected})
	}
	slices.SortStableFunc(rules.ready, func(a, b ready) int { return cmp.Compare(b.rule.Priority, a.rule.Priority) })
	return rules
}

// Pick returns the server for this player, or false if there is none.
func (r *Rules) Pick(need Need) (Picked, bool) {
	from := r.servers[need.From]
	var left, lost *Candidate
	var lostRule string
	if need.Occasion == v1.RoutingOccasion_ROUTING_OCCASION_FALLBACK {
		left = from
	}
	for _, one := range r.ready {
		if !one.holds(&need, from) {
			continue
		}
		if open := one.best(&need, left, v1.NodeState_NODE_STATE_READY); open != nil {
			return Picked{Server: open.Name, Rule: one.rule.Name}, true
		}
		if lost == nil {
			lost = one.best(&need, left, v1.NodeState_NODE_STATE_UNREACHABLE)
			lostRule = one.rule.Name
		}
	}
	if lost == nil {
		return Picked{}, false
	}
	return Picked{Server: lost.Name, Rule: lostRule, LastResort: true}, true
}

func (r *ready) holds(need *Need, from *Candidate) bool {
	for _, holds := range r.tests {
		if !holds(need, from) {
			return false
		}
	}
	return true
}

// best is the server that the strategy of the rule prefers. left is the server that the player must not come back to.
func (r *ready) best(need *Need, left *Candidate, wanted v1.NodeState) *Candidate {
	fits := func(s *Candidate) bool { return s != left && r.takes(s, wanted) }
	strategy := r.rule.Strategy
	if strategy == v1.RoutingStrategy_ROUTING_STRATEGY_STICKY {
		strategy = r.rule.Otherwise
		for _, server := range r.servers {
			if need.LastServer != "" && server.Name == need.LastServer && fits(server) {
				return server
			}
		}
	}
	switch strategy {
	case v1.RoutingStrategy_ROUTING_STRATEGY_RANDOM:
		return nth(r.servers, fits, uint64(need.Random))
	case v1.RoutingStrategy_ROUTING_STRATEGY_ROUND_ROBIN:
		return nth(r.servers, fits, need.Turns(r.rule.Name))
	case v1.RoutingStrategy_ROUTING_STRATEGY_MOST_PLAYERS:
		return extreme(r.servers, fits, -1)
	}
	return extreme(r.servers, fits, 1)
}

// takes reports whether a server in the wanted state may take one player more by the rule.
func (r *ready) takes(s *Candidate, wanted v1.NodeState) bool {
	if s.State != wanted || s.Drained {
		return false
	}
	if wanted == v1.NodeState_NODE_STATE_UNREACHABLE && s.LastState != v1.NodeState_NODE_STATE_READY {
		return false
	}
	hasRoom := s.MaxPlayers == nil || s.Used < int(*s.MaxPlayers)
	return hasRoom && (r.rule.Limit == 0 || s.Used < int(r.rule.Limit))
}

func nth(servers []*Candidate, fits func(*Candidate) bool, index uint64) *Candidate {
	open := slices.DeleteFunc(slices.Clone(servers), func(s *Candidate) bool { return !fits(s) })
	if len(open) == 0 {
		return nil
	}
	return open[index%uint64(len(open))]
}

// extreme is the fullest server (sign -1) or the emptiest one (sign 1); of equal ones the first.
func extreme(servers []*Candidate, fits func(*Candidate) bool, sign int) *Candidate {
	var found *Candidate
	for _, server := range servers {
		if (found == nil || sign*server.Used < sign*found.Used) && fits(server) {
			found = server
		}
	}
	return found
}

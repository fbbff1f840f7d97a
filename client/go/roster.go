package kelpie

import (
	"fmt"
	"strings"

	"example.com/kelpie/kelpiev1"
)

// Roster is a live copy of the network's nodes, routing rules and settings, and of its players with
// RosterOptions.Players. It answers at once, from memory, also while no coordinator is connected. Do not change the
// messages that it returns.
type Roster struct{ table *rosterTable }

// Complete reports whether a coordinator has sent the whole roster once. Client.Ready waits for it.
func (r *Roster) Complete() bool {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	return r.table.isLoaded
}

// Nodes returns all nodes, by name.
func (r *Roster) Nodes() []*kelpiev1.Node {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	return r.table.nodes.All()
}

// Node returns the node of a name, in any case, and whether there is one.
func (r *Roster) Node(name string) (*kelpiev1.Node, bool) {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	return r.table.nodes.Get(strings.ToLower(name))
}

// ReadyNodes returns the nodes of a role that are READY and have all these labels, by name. labels may be nil.
func (r *Roster) ReadyNodes(role Role, labels map[string]string) []*kelpiev1.Node {
	var ready []*kelpiev1.Node
	for _, node := range r.Nodes() {
		if node.Role == role && node.State == Ready && hasLabels(node, labels) {
			ready = append(ready, node)
		}
	}
	return ready
}

func hasLabels(node *kelpiev1.Node, labels map[string]string) bool {
	for name, value := range labels {
		if found, ok := node.Labels[name]; !ok || found != value {
			return false
		}
	}
	return true
}

// IsStale reports whether the client has a node only from before the coordinator lost its history, or from the file,
// and no coordinator has confirmed the node since.
func (r *Roster) IsStale(name string) bool {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	return r.table.nodes.IsStale(strings.ToLower(name))
}

// Load returns the load that a node reported last: ticks a second, bytes of memory, round trip in milliseconds. It may
// be old. False if there is none.
func (r *Roster) Load(name string) (*kelpiev1.NodeLoad, bool) {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	load, ok := r.table.loads[strings.ToLower(name)]
	return load, ok
}

// Routing returns the rules by which players find a server, in the order of the table. None if the network has none.
func (r *Roster) Routing() []*kelpiev1.RoutingRule {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	return r.table.routing.table().GetRules()
}

// Settings returns the settings of the network: whether it is in maintenance, and for whom.
func (r *Roster) Settings() *kelpiev1.NetworkSettings {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	return r.table.networkSettings()
}

func (r *rosterTable) networkSettings() *kelpiev1.NetworkSettings {
	if settings, ok := r.settings.Get("settings"); ok {
		return settings
	}
	return &kelpiev1.NetworkSettings{}
}

// PlayerLookup finds a player by one field: by id if it is set, else by XUID, by UUID, or by name. Names and UUIDs match
// in any case; if several names match, an exactly equal one wins.
type PlayerLookup struct{ ID, XUID, UUID, Name string }

// Players returns all online players, by id. ROSTER_WITHOUT_PLAYERS, as the next two.
func (r *Roster) Players() ([]*kelpiev1.Player, error) {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	if r.table.players == nil {
		return nil, withoutPlayers()
	}
	return r.table.players.All(), nil
}

// Player returns an online player, or nil. PLAYER_AMBIGUOUS if several names differ from this one only in case and none
// is equal to it; VALUE_INVALID if the lookup is empty.
func (r *Roster) Player(lookup PlayerLookup) (*kelpiev1.Player, error) {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	if r.table.players == nil {
		return nil, withoutPlayers()
	}
	if lookup == (PlayerLookup{}) {
		return nil, invalid("the player", "the lookup is empty; it must have an ID, a XUID, a UUID or a name")
	}
	return r.table.find(lookup)
}

// PlayerCount returns the number of online players: in all, on a proxy, on a server, or on both. An empty name counts
// everywhere.
func (r *Roster) PlayerCount(proxy, server string) (int, error) {
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	players := r.table.players
	if players == nil {
		return 0, withoutPlayers()
	}
	proxy, server = strings.ToLower(proxy), strings.ToLower(server)
	switch {
	case proxy != "" && server != "":
		return players.OnBoth(server, proxy), nil
	case proxy != "":
		return players.OnProxy(proxy), nil
	case server != "":
		return players.OnServer(server), nil
	}
	return players.Len(), nil
}

// The most players that the message of PLAYER_AMBIGUOUS names.
const mostCandidates = 10

func (r *rosterTable) find(lookup PlayerLookup) (*kelpiev1.Player, error) {
	var found []*kelpiev1.Player
	switch {
	case lookup.ID != "" || lookup.XUID != "":
		id := lookup.ID
		if id == "" {
			id = lookup.XUID
		}
		player, _ := r.players.Get(id)
		return player, nil
	case lookup.UUID != "":
		found = r.players.ByUUID(lookup.UUID)
	default:
		found = r.players.ByName(lookup.Name)
		if len(found) > 1 {
			return nil, ambiguous(lookup.Name, found)
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}

func ambiguous(name string, players []*kelpiev1.Player) *Error {
	var candidates []string
	for _, one := range players[:min(len(players), mostCandidates)] {
		candidates = append(candidates, fmt.Sprintf("%s (%s)", one.Name, one.Id))
	}
	return refuse(ReasonPlayerAmbiguous,
		fmt.Sprintf("%q may be %s; name the player by id", name, strings.Join(candidates, ", ")))
}

func withoutPlayers() *Error {
	return refuse(ReasonRosterWithoutPlayers, "this roster has no players; use the option Roster.Players")
}

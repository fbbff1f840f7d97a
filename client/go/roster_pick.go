package kelpie

import (
	"strings"

	"example.com/kelpie/kelpiev1"
)

// Occasion is why a player needs a server.
type Occasion = kelpiev1.RoutingOccasion

// The occasions.
const (
	// The player joins the network.
	Join = kelpiev1.RoutingOccasion_ROUTING_OCCASION_JOIN
	// The player loses their server, or leaves it without a goal.
	Fallback = kelpiev1.RoutingOccasion_ROUTING_OCCASION_FALLBACK
)

// PickOptions are the player who needs a server, and the occasion.
type PickOptions struct {
	// Required.
	For Occasion
	// Without a player the pick is a question, and counts nothing.
	Player PickPlayer
	// The host name that the player connected to.
	Host string
	// The reason of a fallback. Default: no reason is known.
	Reason kelpiev1.FallbackReason
	// The server that the player comes from. Default for a fallback: their server in the roster.
	FromServer string
	// The server that the player was on last, for STICKY. Default: the server that the roster saw them leave last.
	LastServer string
}

// PickPlayer is a player who needs a server. Pick finds more facts of a player who is online.
type PickPlayer struct {
	// The first of these that is set counts; a XUID of "0" counts as none.
	ID, XUID, UUID, Name string
	// Default: the properties that the roster has of the player.
	Properties map[string]string
}

// Picked is the server for a player.
type Picked struct {
	// The name of the server.
	Server string
	// The name of the rule that decided; empty if the network has no rules.
	Rule string
	// Whether the server is UNREACHABLE: no other one takes players, and this one may come back.
	LastResort bool
}

// Pick picks the server for a player by the routing rules: at once, from memory. It returns nil if no server is open.
// The player then counts as a player of that server, in picks of this process, until the roster shows that they are on
// a server or gone, for at most 10 s and 10,000 players. A player whom this process holds counts for longer: until the
// roster shows them on a server, or they leave. They count on the server that the process reported last, else on the
// picked one. Another pick for a player replaces the first one. Picks of other processes do not count here;
// Client.Reserve holds a slot that all of them see. ROSTER_WITHOUT_PLAYERS, PLAYER_AMBIGUOUS or VALUE_INVALID.
func (r *Roster) Pick(options PickOptions) (*Picked, error) {
	if options.For != Join && options.For != Fallback {
		return nil, invalid("For", "the option For must be Join or Fallback")
	}
	r.table.session.mu.Lock()
	defer r.table.session.mu.Unlock()
	if r.table.players == nil {
		return nil, withoutPlayers()
	}
	id := options.Player.key()
	var online *kelpiev1.Player
	if id != "" {
		online, _ = r.table.players.Get(id)
	} else if options.Player.Name != "" {
		var err error
		if online, err = r.table.find(PlayerLookup{Name: options.Player.Name}); err != nil {
			return nil, err
		}
	}
	picked, ok := r.table.routing.pick(options, id, online)
	if !ok {
		return nil, nil
	}
	return &Picked{picked.Server, picked.Rule, picked.LastResort}, nil
}

// The player's id: the XUID, or the UUID of a player without one. Empty: not given.
func (p PickPlayer) key() string {
	switch {
	case p.ID != "":
		return strings.ToLower(p.ID)
	case p.XUID != "" && p.XUID != "0":
		return p.XUID
	}
	return strings.ToLower(p.UUID)
}

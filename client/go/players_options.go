package kelpie

import (
	"context"
	"fmt"
	"time"

	"example.com/kelpie/kelpiev1"
)

// How long a coordinator may take for a login, unless the options say otherwise.
const (
	defaultAcquireTimeout = 5 * time.Second
	mostAcquireTimeout    = time.Minute
)

// PlayersOptions are the functions and settings of a node that has players: a proxy, or a server that players join
// directly.
type PlayersOptions struct {
	// Disconnect this player and show them the text: they logged in elsewhere, their login took too long, or the
	// coordinator refused them. The client sends no further reports about them. It calls the function for one player
	// after the other, and Acquire waits for the calls before its grant, at most AcquireTimeout: so a newer login of the
	// player cannot be meant. Return soon, and call neither Acquire nor Allow in it. Required.
	OnEvicted func(Evicted)
	// Returns whether a player is really there. The coordinator asks when they log in elsewhere, also for players who
	// are logging in here; it waits 0.4 s. nil: a login elsewhere always wins.
	Verify func(ctx context.Context, id string) (Verified, error)
	// The rule for a login without a decision of a coordinator. Default AwayOpen.
	WhenAway WhenAway
	// How long a coordinator may take for a login: at most a minute. Default 5 s: a coordinator waits at most a second
	// for another proxy, and a player's client waits longer than 5 s.
	AcquireTimeout time.Duration
	// Called before each heartbeat. Returns the round-trip times of players, by player id.
	Latencies func() map[string]time.Duration
}

// Verified is whether a player is really there.
type Verified struct {
	Connected bool
	// The time since the node last heard the player's client. 0: just now.
	Silence time.Duration
}

// Evicted is a player whom the node must disconnect.
type Evicted struct {
	ID string
	// The generation that ended.
	Generation uint64
	// The text to show the player.
	Text   string
	Reason kelpiev1.PlayerLeaveReason
}

// Acquired is the result of a login.
type Acquired struct {
	// Let the player in. If not: refuse them, and show them Text.
	Granted bool
	// Of a grant. 0: no coordinator has decided. If one later decides against the player, the client calls OnEvicted.
	Generation uint64
	// Of a grant: a transfer brought the player to this proxy. Bring them to its server. nil: none did.
	Ticket *kelpiev1.TransferTicket
	// Of a denial: the text to show the player.
	Text string
	// Of a denial: another login holds the player (ONLINE), or the network is in maintenance and the player is not
	// allowed (MAINTENANCE). UNSPECIFIED: the login was cancelled, or no coordinator decided.
	Reason kelpiev1.PlayerDenialReason
	// Of a denial: the proxy that has the player, if another one does.
	Proxy string
}

// Policy is the rule for a login of a player whom another proxy has.
type Policy = kelpiev1.DuplicatePolicy

// The policies. Without one the coordinator takes VerifyOld.
const (
	// Refuse the login.
	DenyNew = kelpiev1.DuplicatePolicy_DUPLICATE_POLICY_DENY_NEW
	// Evict the player from the other proxy.
	KickOld = kelpiev1.DuplicatePolicy_DUPLICATE_POLICY_KICK_OLD
	// Ask the other proxy whether the player is really there.
	VerifyOld = kelpiev1.DuplicatePolicy_DUPLICATE_POLICY_VERIFY_OLD
)

// VALUE_INVALID, OUT_OF_RANGE or ROLE_HOLDS_NO_PLAYERS.
func (o *PlayersOptions) check(role Role) error {
	if o == nil {
		return nil
	}
	if role == Service {
		return holdsNoPlayers()
	}
	if o.OnEvicted == nil {
		return invalid("Players.OnEvicted", "the option Players.OnEvicted is missing; a proxy must disconnect evicted players")
	}
	if o.WhenAway != AwayOpen && o.WhenAway != AwayDeny {
		return invalid("Players.WhenAway", "the option Players.WhenAway must be AwayOpen or AwayDeny")
	}
	if o.AcquireTimeout < 0 || o.AcquireTimeout > mostAcquireTimeout {
		return outOfRange("Players.AcquireTimeout", fmt.Sprintf(
			"Players.AcquireTimeout is %v; it must be at most %v", o.AcquireTimeout, mostAcquireTimeout))
	}
	return nil
}

func holdsNoPlayers() *Error {
	return refuse(ReasonRoleHoldsNoPlayers,
		"only proxies, and servers that players join directly, hold players: use the role Proxy and the option Players")
}

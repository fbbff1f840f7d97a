package kelpie

import (
	"example.com/kelpie/internal/roster"
	"example.com/kelpie/kelpiev1"
)

// WhenAway is the rule for a login without a decision of a coordinator: none is connected, it cannot store anything
// (its disk is full, or its Redis is away), or it took too long. In a maintenance that the roster knows, the client lets
// in only the allowed players, and players who are in already.
type WhenAway int

// The rules.
const (
	// Let the player in. The default.
	AwayOpen WhenAway = iota
	// Refuse the login.
	AwayDeny
)

// The texts of a coordinator, where the operator set none.
const (
	maintenanceText = "The network is in maintenance. Try again later."
	unreachableText = "The network cannot be reached right now. Try again soon."
)

// away decides logins that no coordinator decides. The lock of the session guards all fields.
type away struct {
	rule WhenAway
	// Those of the roster, which are the newest that the client has.
	settings func() *kelpiev1.NetworkSettings
	// The settings that the set of allowed players was made of.
	known   *kelpiev1.NetworkSettings
	allowed map[string]bool
}

// isIn: the player is on this proxy already, and stays in the network.
func (a *away) decide(player *kelpiev1.Player, isIn bool) Acquired {
	settings := a.settings()
	if settings.Maintenance && !isIn && !a.isAllowed(player, settings) {
		text := settings.MaintenanceMessage
		if text == "" {
			text = maintenanceText
		}
		return Acquired{Text: text, Reason: kelpiev1.PlayerDenialReason_PLAYER_DENIAL_REASON_MAINTENANCE}
	}
	if a.rule == AwayDeny {
		return Acquired{Text: unreachableText}
	}
	return Acquired{Granted: true}
}

func (a *away) isAllowed(player *kelpiev1.Player, settings *kelpiev1.NetworkSettings) bool {
	if a.known != settings {
		a.known, a.allowed = settings, map[string]bool{}
		for _, one := range settings.AllowedPlayers {
			a.allowed[roster.Folded(one)] = true
		}
	}
	for _, one := range []string{player.Id, player.Uuid, player.Name} {
		if one != "" && a.allowed[roster.Folded(one)] {
			return true
		}
	}
	return false
}

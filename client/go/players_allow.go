package kelpie

import (
	"context"
	"net"
)

// Allow makes the function by which a listener asks whether a player may log in: the ListenConfig.Allow of
// gophertunnel, or the Allower of Dragonfly. It acquires the player, and returns the text of a denial. factsOf makes
// the facts of the identity data and the client data:
//
//	Allow: kelpie.Allow(client.Players(), kelpie.VerifyOld, factsOf),
//
// After the listener's Accept, Players.Grant has the generation and the ticket. A listener does not say that a login died
// before that: call Players.LoginEnded when a connection closes. Without it, the grant lapses after 60 s.
func Allow[Identity, Client any](
	players *Players, policy Policy, factsOf func(net.Addr, Identity, Client) PlayerFacts,
) func(net.Addr, Identity, Client) (string, bool) {
	return func(address net.Addr, identity Identity, client Client) (string, bool) {
		if err := players.holds(); err != nil {
			return err.Error(), false
		}
		facts := factsOf(address, identity, client)
		acquired, err := players.session.reporting.acquire(context.Background(), facts, policy, address)
		if err != nil {
			players.session.mu.Lock()
			players.session.reporting.refuse(fromGRPC(err))
			players.session.mu.Unlock()
			return "Your login failed. Try again.", false
		}
		return acquired.Text, acquired.Granted
	}
}

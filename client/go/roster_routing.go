package kelpie

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"time"

	"example.com/kelpie/internal/roster"
	"example.com/kelpie/internal/routing"
	"example.com/kelpie/kelpiev1"
)

// rosterRouting is the routing rules of a roster, and the picks by them. The lock of the session guards all fields.
type rosterRouting struct {
	rows *roster.Rows[*kelpiev1.RoutingTable]
	// nil: the roster has no players.
	players     *roster.Players
	servers     *roster.Servers
	lastServers roster.LastServers
	picks       *roster.RecentPicks
	turns       map[string]uint64
	// nil after a change of the rules, or of the servers that they may select.
	rules *routing.Rules
}

func newRosterRouting(players *roster.Players, now func() time.Time, onChange func()) *rosterRouting {
	r := &rosterRouting{players: players, turns: map[string]uint64{}}
	r.picks = roster.NewRecentPicks(now, r.shownOn, func(server string) { r.servers.Count(server) })
	r.servers = roster.NewServers(func(name string) int {
		count := r.picks.OnServer(name)
		if players != nil {
			count += players.OnServer(name)
		}
		return count
	}, func() { r.rules = nil })
	r.rows = roster.NewRows(func(*kelpiev1.RoutingTable) string { return "routing" },
		func(_, after **kelpiev1.RoutingTable) {
			r.tableChanged(after)
			onChange()
		})
	return r
}

func (r *rosterRouting) table() *kelpiev1.RoutingTable {
	table, _ := r.rows.Get("routing")
	return table
}

func (r *rosterRouting) tableChanged(after **kelpiev1.RoutingTable) {
	r.rules = nil
	kept := map[string]uint64{}
	if after != nil {
		for _, rule := range (*after).Rules {
			if turns, ok := r.turns[rule.Name]; ok {
				kept[rule.Name] = turns
			}
		}
	}
	r.turns = kept
}

// The server that the roster shows a player on, or empty.
func (r *rosterRouting) shownOn(id string) string {
	if r.players == nil {
		return ""
	}
	player, _ := r.players.Get(id)
	return player.GetServer()
}

func (r *rosterRouting) nodeChanged(before, after **kelpiev1.Node) {
	if after == nil {
		if before != nil {
			r.servers.Leave((*before).Name)
		}
		return
	}
	// Another process of the node begins without reservations.
	if before != nil && !bytes.Equal((*before).InstanceId, (*after).InstanceId) {
		r.servers.Reserve((*after).Name, 0)
	}
	r.servers.Take(*after)
}

func (r *rosterRouting) playerChanged(before, after *kelpiev1.Player) {
	if before != nil && after == nil {
		r.picks.Gone(before.Id)
	}
	was, is := before.GetServer(), after.GetServer()
	if before != nil && after != nil && was == is {
		return
	}
	if was != "" {
		r.servers.Count(was)
		r.lastServers.Left(before.Id, was)
	}
	if after == nil {
		return
	}
	// The roster shows the player on another server, or on none.
	if is != "" {
		r.servers.Count(is)
		r.picks.End(after.Id)
	}
	r.picks.Settle(after.Id)
}

// See Roster.Pick. player is the player of the roster whom the options mean; nil: nobody online.
func (r *rosterRouting) pick(options PickOptions, id string, player *kelpiev1.Player) (routing.Picked, bool) {
	need := r.needOf(options, id, player)
	if player != nil {
		id = player.Id
	}
	r.picks.Expire()
	r.picks.End(id)
	if r.rules == nil {
		r.rules = routing.New(r.table(), r.servers.All())
	}
	picked, ok := r.rules.Pick(need)
	if ok {
		r.turns[picked.Rule]++
	}
	// The roster counts a player who is on that server already.
	if ok && id != "" && player.GetServer() != picked.Server {
		r.picks.Add(id, picked.Server)
	} else {
		r.picks.Settle(id)
	}
	return picked, ok
}

func (r *rosterRouting) needOf(options PickOptions, id string, player *kelpiev1.Player) routing.Need {
	if player != nil {
		id = player.Id
	}
	need := routing.Need{
		Occasion: options.For, Reason: options.Reason, Host: options.Host, Properties: options.Player.Properties,
		From: options.FromServer, LastServer: options.LastServer,
		Random: rand.Uint32(), Turns: func(rule string) uint64 { return r.turns[rule] },
	}
	if need.Properties == nil {
		need.Properties = player.GetProperties()
	}
	if need.From == "" && options.For == Fallback {
		need.From = player.GetServer()
	}
	if need.LastServer == "" {
		need.LastServer = r.lastServers.Of(id)
	}
	need.From, need.LastServer = strings.ToLower(need.From), strings.ToLower(need.LastServer)
	return need
}

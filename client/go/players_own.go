package kelpie

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/internal/presence"
	"example.com/kelpie/kelpiev1"
)

// The reports of the program, with the lock of the session. done of each is called once, with the lock.

// See Players.Joined.
func (r *reporting) joined(player *kelpiev1.Player, done func(*Error)) {
	server, err := r.serverOf(player.Server)
	if err != nil {
		done(err)
		return
	}
	// An empty server of a player who is in means the one that was reported before.
	keepsServer := player.Server == "" && r.ownServer == ""
	player.Server = server
	login := r.list.EndLogin(player.Id)
	present := r.list.Get(player.Id)
	if login == nil && present != nil {
		if keepsServer {
			player.Server = present.Player.Server
		}
		r.updated(present, player, done)
		return
	}
	var generation uint64
	if login != nil {
		generation = login.Generation
	}
	listed := r.list.Add(player, generation, r.now())
	if login != nil && login.WaitsFor != nil {
		login.Listed, listed.WaitsFor = listed, login.WaitsFor
	}
	r.report(&report{
		listed: listed, what: joinedOf(player), done: done, undo: func() { r.list.Remove(listed) },
	})
}

func (r *reporting) updated(listed *presence.Listed, player *kelpiev1.Player, done func(*Error)) {
	before := listed.Player
	r.list.Set(listed, player)
	r.report(&report{listed: listed, what: joinedOf(player), done: done, undo: func() {
		if listed.Player == player {
			r.list.Set(listed, before)
		}
	}})
}

func joinedOf(player *kelpiev1.Player) *kelpiev1.PlayerReport {
	return &kelpiev1.PlayerReport{What: &kelpiev1.PlayerReport_Joined{Joined: player}}
}

// See Players.Moved.
func (r *reporting) moved(id, given string, done func(*Error)) {
	server, err := r.serverOf(strings.ToLower(given))
	listed := r.list.Get(id)
	if err == nil && listed == nil {
		err = notHere(id)
	}
	if err != nil || listed.Player.Server == server {
		done(err)
		return
	}
	before := listed.Player.Server
	r.list.Set(listed, onServer(listed.Player, server))
	what := &kelpiev1.PlayerReport{What: &kelpiev1.PlayerReport_MovedTo{MovedTo: server}}
	r.report(&report{listed: listed, what: what, done: done, undo: func() {
		if listed.Player.Server == server {
			r.list.Set(listed, onServer(listed.Player, before))
		}
	}})
}

func onServer(player *kelpiev1.Player, server string) *kelpiev1.Player {
	moved := proto.Clone(player).(*kelpiev1.Player)
	moved.Server = server
	return moved
}

// See Players.Changed.
func (r *reporting) changed(id string, change *kelpiev1.PlayerChange, done func(*Error)) {
	listed := r.list.Get(id)
	if listed == nil {
		done(notHere(id))
		return
	}
	before := listed.Player
	listed.Player = presence.Changed(before, change)
	what := &kelpiev1.PlayerReport{What: &kelpiev1.PlayerReport_Changed{Changed: change}}
	r.report(&report{listed: listed, what: what, done: done, undo: func() {
		listed.Player = presence.Unchanged(listed.Player, before, change)
	}})
}

// See Players.Left.
func (r *reporting) left(id string, reason kelpiev1.PlayerLeaveReason, done func(*Error)) {
	listed := r.list.Get(id)
	if listed == nil {
		done(nil)
		return
	}
	r.list.Remove(listed)
	what := &kelpiev1.PlayerReport{What: &kelpiev1.PlayerReport_Left{Left: reason}}
	r.report(&report{listed: listed, what: what, done: done, undo: func() {}})
}

// The server to report. PLAYER_INVALID for another one than this node, if players join it directly.
func (r *reporting) serverOf(server string) (string, *Error) {
	if r.ownServer == "" || server == r.ownServer {
		return server, nil
	}
	if server == "" {
		return r.ownServer, nil
	}
	return "", playerInvalid(fmt.Sprintf("players who join %q directly are on %q", r.ownServer, r.ownServer))
}

func notHere(id string) *Error {
	return fail(ReasonPlayerNotFound, fmt.Sprintf("player %q is not on this node", id))
}

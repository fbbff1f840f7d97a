package kelpie

import (
	"example.com/kelpie/internal/roster"
	"example.com/kelpie/kelpiev1"
)

func (r *rosterTable) takeRow(row *kelpiev1.Row) {
	switch resource := row.Resource.(type) {
	case *kelpiev1.Row_Node:
		put(r.nodes, resource.Node, row.Sequence)
	case *kelpiev1.Row_Player:
		r.putPlayer(resource.Player, row.Sequence)
	case *kelpiev1.Row_Routing:
		put(r.routing.rows, resource.Routing, row.Sequence)
	case *kelpiev1.Row_Settings:
		put(r.settings, resource.Settings, row.Sequence)
	}
}

// Takes an event if it is newer than the row.
func (r *rosterTable) applyEvent(event *kelpiev1.Event) {
	sequence := event.Sequence
	switch body := event.Body.(type) {
	case *kelpiev1.Event_NodeJoined:
		put(r.nodes, body.NodeJoined.GetNode(), sequence)
	case *kelpiev1.Event_NodeUpdated:
		put(r.nodes, body.NodeUpdated.GetNode(), sequence)
	case *kelpiev1.Event_NodeLeft:
		if node := body.NodeLeft.GetNode(); node != nil {
			r.nodes.Leave(node, sequence)
		}
	case *kelpiev1.Event_PlayerJoined:
		r.putPlayer(body.PlayerJoined.GetPlayer(), sequence)
	case *kelpiev1.Event_PlayerMoved:
		r.putPlayer(body.PlayerMoved.GetPlayer(), sequence)
	case *kelpiev1.Event_PlayerUpdated:
		r.putPlayer(body.PlayerUpdated.GetPlayer(), sequence)
	case *kelpiev1.Event_PlayerLeft:
		if player := body.PlayerLeft.GetPlayer(); player != nil && r.players != nil {
			r.players.Leave(player, sequence)
		}
	case *kelpiev1.Event_RoutingChanged:
		put(r.routing.rows, body.RoutingChanged.GetTable(), sequence)
	case *kelpiev1.Event_SettingsChanged:
		put(r.settings, body.SettingsChanged.GetSettings(), sequence)
	}
}

func (r *rosterTable) putPlayer(player *kelpiev1.Player, sequence uint64) {
	if r.players != nil {
		put(r.players.Rows, player, sequence)
	}
}

// A newer coordinator may send a body without the resource that this version reads.
func put[T any](rows *roster.Rows[*T], value *T, sequence uint64) {
	if value != nil {
		rows.Put(value, sequence)
	}
}

package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/sandertv/gophertunnel/minecraft"
	"github.com/sandertv/gophertunnel/minecraft/protocol"
	"github.com/sandertv/gophertunnel/minecraft/protocol/packet"

	"example.com/kelpie/kelpiev1"
)

const (
	exception = kelpiev1.FallbackReason_FALLBACK_REASON_EXCEPTION
	// How long the client of a player may take for a change of dimension.
	dimensionTimeout = 5 * time.Second
	// How long a client may take for a sign of life. The coordinator waits 0.4 s for the reply of the proxy.
	pingTimeout = 250 * time.Millisecond
	// The mark of the proxy's own signs of life.
	pingMark = 0x6b656c706965000
)

// seen is what a player's client has seen of its server, and must forget when the player moves. Every Dragonfly server
// calls the player's own entity 1, so no packet needs another id.
type seen struct {
	entities map[int64]bool
	players  map[uuid.UUID]bool
}

func newSeen() *seen { return &seen{map[int64]bool{}, map[uuid.UUID]bool{}} }

func (s *seen) take(pk packet.Packet) {
	switch pk := pk.(type) {
	case *packet.AddActor:
		s.entities[pk.EntityUniqueID] = true
	case *packet.AddItemActor:
		s.entities[pk.EntityUniqueID] = true
	case *packet.AddPlayer:
		s.entities[pk.AbilityData.EntityUniqueID] = true
	case *packet.RemoveActor:
		delete(s.entities, pk.EntityUniqueID)
	case *packet.PlayerList:
		for _, entry := range pk.Entries {
			if pk.ActionType == packet.PlayerListActionAdd {
				s.players[entry.UUID] = true
			} else {
				delete(s.players, entry.UUID)
			}
		}
	}
}

// The packets by which the client forgets it all.
func (s *seen) forget() []packet.Packet {
	var all []packet.Packet
	for id := range s.entities {
		all = append(all, &packet.RemoveActor{EntityUniqueID: id})
	}
	list := &packet.PlayerList{ActionType: packet.PlayerListActionRemove}
	for id := range s.players {
		list.Entries = append(list.Entries, protocol.PlayerListEntry{UUID: id})
	}
	return append(all, list)
}

// switchTo shows the player another server. Their client forgets the world of the one before by two changes of
// dimension: into another one, and into that of the new server. A client that renders would also need the chunks of the
// dimension between; the players of the demo do not render.
func (s *session) switchTo(ctx context.Context, conn *minecraft.Conn, name string) error {
	data := conn.GameData()
	between := int32(packet.DimensionNether)
	if data.Dimension == between {
		between = packet.DimensionOverworld
	}
	s.mu.Lock()
	// From now on no packet of the server before reaches the player.
	s.server, s.onName = conn, name
	forget := s.seen.forget()
	s.seen = newSeen()
	done := make(chan struct{}, 2)
	s.dimensionDone = done
	s.mu.Unlock()
	for _, pk := range forget {
		_ = s.client.WritePacket(pk)
	}
	for _, dimension := range []int32{between, data.Dimension} {
		_ = s.client.WritePacket(&packet.ChangeDimension{Dimension: dimension, Position: data.PlayerPosition})
		_ = s.client.WritePacket(&packet.PlayStatus{Status: packet.PlayStatusPlayerSpawn})
		select {
		case <-done:
		case <-time.After(dimensionTimeout):
			return context.DeadlineExceeded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dimensionDone = nil
	return nil
}

// answers takes a packet of the player's client that answers the proxy, and not the server.
func (s *session) answers(pk packet.Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch pk := pk.(type) {
	case *packet.PlayerAction:
		if s.dimensionDone != nil && pk.ActionType == protocol.PlayerActionDimensionChangeDone {
			notify(s.dimensionDone)
			return true
		}
	case *packet.NetworkStackLatency:
		if s.pong != nil && pk.Timestamp == pingMark {
			notify(s.pong)
			return true
		}
	}
	return false
}

func notify(waiting chan struct{}) {
	select {
	case waiting <- struct{}{}:
	default:
	}
}

// ping asks the player's client for a sign of life.
func (s *session) ping(ctx context.Context) bool {
	pong := make(chan struct{}, 1)
	s.mu.Lock()
	s.pong = pong
	s.mu.Unlock()
	_ = s.client.WritePacket(&packet.NetworkStackLatency{Timestamp: pingMark, NeedsResponse: true})
	_ = s.client.Flush()
	select {
	case <-pong:
		return true
	case <-time.After(pingTimeout):
	case <-ctx.Done():
	}
	return false
}

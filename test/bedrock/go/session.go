package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sandertv/gophertunnel/minecraft"
	"github.com/sandertv/gophertunnel/minecraft/protocol/packet"

	"example.com/kelpie"
)

// session is one connection of a player to the proxy, and their connection to a server, which changes.
type session struct {
	proxy      *proxy
	client     *minecraft.Conn
	facts      kelpie.PlayerFacts
	generation uint64

	// Held while the player moves: they move once at a time.
	moving sync.Mutex

	mu     sync.Mutex
	server *minecraft.Conn
	onName string
	// What the player's client has seen of the present server.
	seen *seen
	// Answers of the player's client that the proxy waits for, instead of the server: see switchTo and ping.
	dimensionDone, pong chan struct{}
}

// enter brings the player to their first server, reports that they are in, and forwards until their connection ends.
func (s *session) enter(server string) error {
	if server == "" {
		return noServer
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*reportTimeout)
	defer cancel()
	conn, err := s.proxy.dial(ctx, s, server)
	if err != nil {
		return err
	}
	spawning, done := context.WithTimeout(ctx, spawnTimeout)
	defer done()
	if err := s.client.StartGameContext(spawning, conn.GameData()); err != nil {
		_ = conn.Close()
		return err
	}
	s.server, s.onName = conn, server
	// Before the report: an eviction that comes with its answer must find the session.
	s.proxy.add(s)
	facts := s.facts
	facts.Server = server
	if err := s.proxy.client.Players().Joined(ctx, facts); err != nil {
		s.proxy.remove(s)
		_ = conn.Close()
		return err
	}
	go s.fromServer(conn)
	go s.fromClient()
	return nil
}

// move brings the player to another server, while their own connection stays.
func (s *session) move(ctx context.Context, server string) error {
	s.moving.Lock()
	defer s.moving.Unlock()
	conn, err := s.proxy.dial(ctx, s, server)
	if err != nil {
		return err
	}
	before := s.present()
	err = s.switchTo(ctx, conn, server)
	_ = before.Close()
	if err != nil {
		// Their client has half of each world.
		s.disconnect("The way to " + server + " was too long. Join again.")
		return err
	}
	go s.fromServer(conn)
	return s.proxy.client.Players().Moved(ctx, s.facts.ID(), server)
}

func (s *session) present() *minecraft.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server
}

// fromServer forwards the packets of a server, as long as the player is there.
func (s *session) fromServer(conn *minecraft.Conn) {
	defer conn.Close()
	for {
		pk, err := conn.ReadPacket()
		if err != nil {
			s.lost(conn, err)
			return
		}
		if !s.show(conn, pk) {
			return
		}
	}
}

// Reports whether the player is on this server still.
func (s *session) show(conn *minecraft.Conn, pk packet.Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != conn {
		return false
	}
	s.seen.take(pk)
	return s.client.WritePacket(pk) == nil
}

// lost brings a player whose server has closed the connection to another server by the routing rules.
func (s *session) lost(conn *minecraft.Conn, err error) {
	s.mu.Lock()
	isPresent, name := s.server == conn, s.onName
	s.mu.Unlock()
	if !isPresent {
		return
	}
	var kicked minecraft.DisconnectError
	if errors.As(err, &kicked) {
		s.disconnect(string(kicked))
		return
	}
	picked, _ := s.proxy.client.Roster().Pick(kelpie.PickOptions{
		For: kelpie.Fallback, Player: kelpie.PickPlayer{ID: s.facts.ID()}, FromServer: name, Reason: exception,
	})
	ctx, cancel := context.WithTimeout(context.Background(), 2*reportTimeout)
	defer cancel()
	if picked == nil || s.move(ctx, picked.Server) != nil {
		s.disconnect(string(noServer))
	}
}

// fromClient forwards the packets of the player, until their connection ends: then they have left.
func (s *session) fromClient() {
	for {
		pk, err := s.client.ReadPacket()
		if err != nil {
			break
		}
		if !s.answers(pk) {
			_ = s.present().WritePacket(pk)
		}
	}
	_ = s.present().Close()
	if s.proxy.remove(s) {
		ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
		defer cancel()
		_ = s.proxy.client.Players().Left(ctx, s.facts.ID())
	}
}

// disconnect shows the player a text. Their client closes the connection; if it does not, the proxy does.
func (s *session) disconnect(text string) {
	_ = s.client.WritePacket(&packet.Disconnect{HideDisconnectionScreen: text == "", Message: text})
	_ = s.client.Flush()
	time.AfterFunc(time.Second, func() { _ = s.client.Close() })
}

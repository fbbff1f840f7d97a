// A proxy on gophertunnel in a few lines: it asks for each player, brings them to a server by the routing rules, and
// reports what happens to them. test/bedrock/go has one that also moves players from server to server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"

	"github.com/sandertv/gophertunnel/minecraft"
	"github.com/sandertv/gophertunnel/minecraft/protocol/login"
	"github.com/sandertv/gophertunnel/minecraft/protocol/packet"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

// The present connections of the players, by id.
var connections sync.Map

func main() {
	offline := flag.Bool("offline", false, "let in players who are not signed in to Xbox Live")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := kelpie.New(kelpie.Options{
		Name: "gate-1", Role: kelpie.Proxy, Address: &kelpie.Address{Port: 19132},
		Roster:  kelpie.RosterOptions{Players: true},
		Players: &kelpie.PlayersOptions{OnEvicted: func(one kelpie.Evicted) { disconnect(one.ID, one.Text) }},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.HandleKickPlayers(kick); err != nil {
		log.Fatal(err)
	}
	client.Start(ctx)
	if err := client.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	listener, err := minecraft.ListenConfig{AuthenticationDisabled: *offline}.Listen("raknet", ":19132")
	if err != nil {
		log.Fatal(err)
	}
	go accept(client, listener)
	<-client.Done()
}

func accept(client *kelpie.Client, listener *minecraft.Listener) {
	// A gophertunnel whose ListenConfig has Allow takes this function there.
	allow := kelpie.Allow(client.Players(), kelpie.VerifyOld, factsOf)
	for {
		accepted, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			conn := accepted.(*minecraft.Conn)
			text, ok := allow(conn.RemoteAddr(), conn.IdentityData(), conn.ClientData())
			if ok {
				if err := serve(client, conn); err != nil {
					text = err.Error()
				}
				// Gives back the grant of a login that ended before the player was in.
				client.Players().LoginEnded(conn.RemoteAddr())
			}
			_ = listener.Disconnect(conn, text)
		}()
	}
}

func factsOf(address net.Addr, identity login.IdentityData, data login.ClientData) kelpie.PlayerFacts {
	return kelpie.PlayerFacts{
		XUID: identity.XUID, UUID: identity.Identity, Name: identity.DisplayName, Address: address.String(),
		Language: data.LanguageCode, Device: &kelpiev1.Device{Model: data.DeviceModel},
	}
}

// Serves a player until their connection or that of their server ends.
func serve(client *kelpie.Client, conn *minecraft.Conn) error {
	facts := factsOf(conn.RemoteAddr(), conn.IdentityData(), conn.ClientData())
	picked, err := client.Roster().Pick(kelpie.PickOptions{For: kelpie.Join, Player: kelpie.PickPlayer{ID: facts.ID()}})
	if err != nil || picked == nil {
		return errors.New("no server is open for you")
	}
	node, ok := client.Roster().Node(picked.Server)
	if !ok || node.Address == nil {
		return errors.New("no server is open for you")
	}
	address := net.JoinHostPort(node.Address.Host, fmt.Sprint(node.Address.Port))
	dialer := minecraft.Dialer{ClientData: conn.ClientData(), IdentityData: conn.IdentityData()}
	server, err := dialer.Dial("raknet", address)
	if err != nil {
		return err
	}
	defer server.Close()
	if err := conn.StartGame(server.GameData()); err != nil {
		return err
	}
	connections.Store(facts.ID(), conn)
	facts.Server = picked.Server
	if err := client.Players().Joined(context.Background(), facts); err != nil {
		return err
	}
	go forward(conn, server)
	forward(server, conn)
	// Only the newest connection of a player says that they left.
	if connections.CompareAndDelete(facts.ID(), conn) {
		return client.Players().Left(context.Background(), facts.ID())
	}
	return nil
}

func forward(from, to *minecraft.Conn) {
	defer to.Close()
	for {
		pk, err := from.ReadPacket()
		if err != nil || to.WritePacket(pk) != nil {
			return
		}
	}
}

func kick(_ context.Context, _ *kelpie.Request, command *kelpiev1.KickPlayersCommand) (kelpie.Failures, error) {
	for _, player := range command.Players {
		disconnect(player.PlayerId, command.Message)
	}
	return nil, nil
}

// Their client shows the text. The end of the connection reports that they left.
func disconnect(id, text string) {
	if conn, ok := connections.Load(id); ok {
		_ = conn.(*minecraft.Conn).WritePacket(&packet.Disconnect{Message: text})
		_ = conn.(*minecraft.Conn).Close()
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/sandertv/gophertunnel/minecraft"
	"github.com/sandertv/gophertunnel/minecraft/protocol/login"
	"github.com/sandertv/gophertunnel/minecraft/protocol/packet"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

const (
	spawnTimeout = 5 * time.Second
	// After this time a login at a server hangs, and the proxy tries again.
	serverHangs   = 2 * time.Second
	reportTimeout = 10 * time.Second
	noServer      = refusal("No server is open for you. Try again soon.")
)

// refusal is the error of a login or a move, as a text for the player.
type refusal string

func (r refusal) Error() string { return string(r) }

// proxy is a proxy on gophertunnel on the network.
type proxy struct {
	client   *kelpie.Client
	listener *minecraft.Listener
	allow    func(net.Addr, login.IdentityData, login.ClientData) (string, bool)

	mu sync.Mutex
	// The newest session of each player, by id.
	sessions map[string]*session
}

func runProxy(name, address, port string) error {
	p := &proxy{sessions: map[string]*session{}}
	public := addressOf(address, port)
	client, err := kelpie.New(kelpie.Options{
		Name: name, Role: kelpie.Proxy, Address: public, PublicAddress: public,
		Software: "gophertunnel", Version: "1.41.0", Roster: kelpie.RosterOptions{Players: true},
		Players: &kelpie.PlayersOptions{OnEvicted: p.evict, Verify: p.verify},
	})
	if err != nil {
		return err
	}
	p.client = client
	p.allow = kelpie.Allow(client.Players(), kelpie.VerifyOld, factsOf)
	if err := p.handle(); err != nil {
		return err
	}
	minecraft.RegisterNetwork(network, loopback{closed: client.Players().LoginEnded})
	p.listener, err = minecraft.ListenConfig{
		ErrorLog: noLog, AuthenticationDisabled: true, StatusProvider: minecraft.NewStatusProvider(name, "Kelpie"),
	}.Listen(network, net.JoinHostPort(address, port))
	if err != nil {
		return err
	}
	go p.accept()
	return runNode(client, func() {
		_ = p.listener.Close()
	})
}

func (p *proxy) handle() error {
	_, err1 := p.client.HandleKickPlayers(p.kick)
	_, err2 := p.client.HandleTransferPlayer(p.transfer)
	return firstOf(err1, err2)
}

// The facts of a login. All players of the demo are offline, so their UUID is their id.
func factsOf(address net.Addr, identity login.IdentityData, data login.ClientData) kelpie.PlayerFacts {
	return kelpie.PlayerFacts{
		XUID: identity.XUID, UUID: identity.Identity, Name: identity.DisplayName, Address: address.String(),
		Language: data.LanguageCode,
		Device:   &kelpiev1.Device{Model: data.DeviceModel},
	}
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.login(conn.(*minecraft.Conn))
	}
}

// A player has logged in. gophertunnel v1.41.0 has no ListenConfig.Allow yet, so the proxy asks after Accept.
func (p *proxy) login(conn *minecraft.Conn) {
	if text, ok := p.allow(conn.RemoteAddr(), conn.IdentityData(), conn.ClientData()); !ok {
		_ = p.listener.Disconnect(conn, text)
		return
	}
	facts := factsOf(conn.RemoteAddr(), conn.IdentityData(), conn.ClientData())
	grant, ok := p.client.Players().Grant(facts.ID())
	if !ok {
		_ = conn.Close() // The connection ended meanwhile.
		return
	}
	s := &session{proxy: p, client: conn, facts: facts, generation: grant.Generation, seen: newSeen()}
	if err := s.enter(p.goal(s, grant.Ticket)); err != nil {
		p.client.Players().LoginEnded(conn.RemoteAddr())
		_ = p.listener.Disconnect(conn, err.Error())
	}
}

// The server for a player who joins: that of their ticket, else by the routing rules.
func (p *proxy) goal(s *session, ticket *kelpiev1.TransferTicket) string {
	if ticket.GetServer() != "" {
		return ticket.Server
	}
	host, _, _ := strings.Cut(s.client.ClientData().ServerAddress, ":")
	picked, err := p.client.Roster().Pick(kelpie.PickOptions{
		For: kelpie.Join, Player: kelpie.PickPlayer{ID: s.facts.ID()}, Host: host,
	})
	if err != nil || picked == nil {
		return ""
	}
	return picked.Server
}

// Connects a player to a server by name. A login that hangs ends at its deadline, and the proxy tries again.
func (p *proxy) dial(ctx context.Context, s *session, server string) (*minecraft.Conn, error) {
	node, ok := p.client.Roster().Node(server)
	if !ok || node.Address == nil {
		return nil, noServer
	}
	data := s.client.ClientData()
	data.PlatformOnlineID = fmt.Sprint(s.generation)
	dialer := minecraft.Dialer{ErrorLog: noLog, ClientData: data, IdentityData: s.client.IdentityData()}
	address := net.JoinHostPort(node.Address.Host, fmt.Sprint(node.Address.Port))
	return dialAgain(ctx, dialer, address, serverHangs)
}

func (p *proxy) session(id string) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[id]
}

// The session is the newest one of its player from now on.
func (p *proxy) add(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[s.facts.ID()] = s
}

// Reports whether the session was the newest one of its player.
func (p *proxy) remove(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions[s.facts.ID()] != s {
		return false
	}
	delete(p.sessions, s.facts.ID())
	return true
}

func (p *proxy) evict(one kelpie.Evicted) {
	if s := p.session(one.ID); s != nil && s.generation <= one.Generation {
		p.remove(s)
		s.disconnect(one.Text)
	}
}

// verify asks the client of a player for a sign of life.
func (p *proxy) verify(ctx context.Context, id string) (kelpie.Verified, error) {
	s := p.session(id)
	return kelpie.Verified{Connected: s != nil && s.ping(ctx)}, nil
}

func (p *proxy) kick(_ context.Context, _ *kelpie.Request, command *kelpiev1.KickPlayersCommand) (kelpie.Failures, error) {
	for _, ref := range command.Players {
		if s := p.session(ref.PlayerId); s != nil && p.remove(s) {
			s.disconnect(command.Message)
			ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
			err := p.client.Players().Kicked(ctx, ref.PlayerId)
			cancel()
			if err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func (p *proxy) transfer(ctx context.Context, _ *kelpie.Request, command *kelpiev1.TransferPlayerCommand) error {
	s := p.session(command.Player.PlayerId)
	if s == nil {
		return errors.New("the player is not here")
	}
	if to := command.Address; to != nil {
		return s.client.WritePacket(&packet.Transfer{Address: to.Host, Port: uint16(to.Port)})
	}
	return s.move(ctx, command.Server)
}

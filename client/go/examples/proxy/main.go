// A proxy of a toy game over TCP: a player connects and sends a line with their name, and the proxy connects them to a
// server that the routing rules pick. A proxy of Bedrock does the same at the same places.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

type proxy struct {
	client *kelpie.Client
	mu     sync.Mutex
	// The connections of the players who are here, by id.
	conns map[string]net.Conn
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	p := &proxy{conns: map[string]net.Conn{}}
	var err error
	p.client, err = kelpie.New(kelpie.Options{
		Name: "proxy-1", Role: kelpie.Proxy, Address: &kelpie.Address{Port: 19131},
		Roster:  kelpie.RosterOptions{Players: true},
		Players: &kelpie.PlayersOptions{OnEvicted: p.evict, Verify: p.verify},
	})
	if err != nil {
		return err
	}
	if _, err := p.client.HandleKickPlayers(p.kick); err != nil {
		return err
	}
	p.client.Start(context.Background())
	listener, err := net.Listen("tcp", ":19131")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	for {
		conn, err := listener.Accept()
		if err != nil {
			break
		}
		go p.serve(ctx, conn)
	}
	closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return p.client.Close(closing)
}

func (p *proxy) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	name, err := lines.ReadString('\n')
	if err != nil {
		return
	}
	name = name[:len(name)-1]
	facts := kelpie.PlayerFacts{UUID: uuidOf(name), Name: name, Address: conn.RemoteAddr().String()}
	if err := p.play(ctx, conn, lines, facts); err != nil {
		fmt.Fprintln(conn, err)
	}
}

// A login, and the game until the player leaves.
func (p *proxy) play(ctx context.Context, conn net.Conn, lines io.Reader, facts kelpie.PlayerFacts) error {
	players := p.client.Players()
	login, err := players.Acquire(ctx, facts, kelpie.VerifyOld)
	if err != nil {
		return errors.New("your login failed; try again")
	}
	if !login.Granted {
		return errors.New(login.Text)
	}
	server, err := p.connect(facts)
	if err != nil {
		_ = players.Release(ctx, facts.ID())
		return err
	}
	defer server.conn.Close()
	p.add(facts.ID(), conn)
	defer p.leave(facts.ID(), conn)
	facts.Server = server.name
	if err := players.Joined(ctx, facts); err != nil {
		return errors.New("your login failed; try again")
	}
	go func() {
		_, _ = io.Copy(conn, server.conn)
		_ = conn.Close()
	}()
	_, _ = io.Copy(server.conn, lines)
	return nil
}

type connected struct {
	name string
	conn net.Conn
}

// Connects to the server that the routing rules pick.
func (p *proxy) connect(facts kelpie.PlayerFacts) (connected, error) {
	none := errors.New("no server is open for you; try again soon")
	picked, err := p.client.Roster().Pick(kelpie.PickOptions{For: kelpie.Join, Player: kelpie.PickPlayer{ID: facts.ID()}})
	if err != nil || picked == nil {
		return connected{}, none
	}
	node, here := p.client.Roster().Node(picked.Server)
	if !here || node.Address == nil {
		return connected{}, none
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(node.Address.Host, fmt.Sprint(node.Address.Port)), 5*time.Second)
	if err != nil {
		return connected{}, none
	}
	return connected{picked.Server, conn}, nil
}

func (p *proxy) add(id string, conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[id] = conn
}

// The connection has ended. If another login of the player took their place, it belongs to that one.
func (p *proxy) leave(id string, conn net.Conn) {
	p.mu.Lock()
	own := p.conns[id] == conn
	if own {
		delete(p.conns, id)
	}
	p.mu.Unlock()
	if own {
		_ = p.client.Players().Left(context.Background(), id)
	}
}

func (p *proxy) disconnect(id, text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	conn, here := p.conns[id]
	if here {
		fmt.Fprintln(conn, text)
		_ = conn.Close()
	}
	return here
}

func (p *proxy) evict(evicted kelpie.Evicted) { p.disconnect(evicted.ID, evicted.Text) }

func (p *proxy) verify(_ context.Context, id string) (kelpie.Verified, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, here := p.conns[id]
	return kelpie.Verified{Connected: here}, nil
}

func (p *proxy) kick(_ context.Context, _ *kelpie.Request, command *kelpiev1.KickPlayersCommand) (kelpie.Failures, error) {
	failures := kelpie.Failures{}
	for _, player := range command.Players {
		if !p.disconnect(player.PlayerId, command.Message) {
			failures[player.PlayerId] = errors.New("the player has left")
		}
	}
	return failures, nil
}

// A name stands for an account in this game.
func uuidOf(name string) string {
	hash := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%x-%x-%x-%x-%x", hash[:4], hash[4:6], hash[6:8], hash[8:10], hash[10:16])
}

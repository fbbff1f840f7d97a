package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/sandertv/gophertunnel/minecraft"
	"github.com/sandertv/gophertunnel/minecraft/protocol"
	"github.com/sandertv/gophertunnel/minecraft/protocol/login"
	"github.com/sandertv/gophertunnel/minecraft/protocol/packet"
)

const (
	// After this time a login hangs, and the bot tries again.
	botHangs = 6 * time.Second
	// How long all attempts may take.
	joinTimeout = 40 * time.Second
)

// What a bot saw, as lines of its history: these words, then the text.
const (
	sawText       = "text "
	sawDisconnect = "disconnect "
	sawDimension  = "dimension "
	sawTransfer   = "transfer "
	sawEnd        = "end"
)

var welcomes = regexp.MustCompile(`^text Welcome to (\S+), `)

// bot is a player: a client of gophertunnel.
type bot struct {
	name string
	id   uuid.UUID
	// The ports of the proxies, by name.
	gates map[string]string
	seen  *history
	// The client hangs: it answers no sign of life.
	frozen atomic.Bool

	mu     sync.Mutex
	conn   *minecraft.Conn
	proxy  string
	server string
}

func newBot(name string, gates map[string]string) *bot {
	return &bot{name: name, id: uuid.NewMD5(uuid.NameSpaceOID, []byte(name)), gates: gates, seen: newHistory()}
}

// join connects by the proxy, and waits until a server greets. The error of a refusal is its text.
func (b *bot) join(proxy string) error {
	mark := b.seen.mark()
	if err := b.connect(proxy); err != nil {
		return err
	}
	line, err := b.seen.wait(b.name+"'s greeting", mark, func(line string) bool {
		return welcomes.MatchString(line) || line == sawEnd || strings.HasPrefix(line, sawDisconnect)
	})
	if err == nil && !welcomes.MatchString(line) {
		err = errors.New(strings.TrimPrefix(line, sawDisconnect))
	}
	return err
}

func (b *bot) connect(proxy string) error {
	ctx, cancel := context.WithTimeout(context.Background(), joinTimeout)
	defer cancel()
	dialer := minecraft.Dialer{
		ErrorLog:     noLog,
		IdentityData: login.IdentityData{DisplayName: b.name, Identity: b.id.String()},
	}
	conn, err := dialAgain(ctx, dialer, net.JoinHostPort(host, b.gates[proxy]), botHangs)
	if err != nil {
		var refusal minecraft.DisconnectError
		if errors.As(err, &refusal) {
			return errors.New(string(refusal))
		}
		return err
	}
	b.mu.Lock()
	b.conn, b.proxy = conn, proxy
	b.mu.Unlock()
	go b.play(conn)
	return nil
}

func (b *bot) play(conn *minecraft.Conn) {
	for {
		pk, err := conn.ReadPacket()
		if err != nil {
			b.ended(conn, err)
			return
		}
		if b.take(conn, pk) {
			return
		}
	}
}

// A connection has ended. The bot saw it, unless it left by itself.
func (b *bot) ended(conn *minecraft.Conn, err error) {
	b.mu.Lock()
	isPresent := b.conn == conn
	b.mu.Unlock()
	if !isPresent {
		return
	}
	var reason minecraft.DisconnectError
	if errors.As(err, &reason) {
		b.seen.add(sawDisconnect + string(reason))
	}
	b.seen.add(sawEnd)
}

// Reports whether the bot goes on with another connection.
func (b *bot) take(conn *minecraft.Conn, pk packet.Packet) bool {
	switch pk := pk.(type) {
	case *packet.Text:
		line := sawText + pk.Message
		if greeting := welcomes.FindStringSubmatch(line); greeting != nil {
			b.mu.Lock()
			b.server = greeting[1]
			b.mu.Unlock()
		}
		b.seen.add(line)
	case *packet.ChangeDimension:
		b.seen.add(fmt.Sprint(sawDimension, pk.Dimension))
		_ = conn.WritePacket(&packet.PlayerAction{
			EntityRuntimeID: conn.GameData().EntityRuntimeID, ActionType: protocol.PlayerActionDimensionChangeDone,
		})
	case *packet.NetworkStackLatency:
		if pk.NeedsResponse && !b.frozen.Load() {
			_ = conn.WritePacket(&packet.NetworkStackLatency{Timestamp: pk.Timestamp})
			_ = conn.Flush()
		}
	case *packet.Transfer:
		b.follow(conn, fmt.Sprint(pk.Port))
		return true
	}
	return false
}

// The proxy sends the player to another proxy.
func (b *bot) follow(conn *minecraft.Conn, port string) {
	_ = conn.Close()
	for proxy, one := range b.gates {
		if one != port {
			continue
		}
		b.seen.add(sawTransfer + proxy)
		if err := b.connect(proxy); err != nil {
			b.seen.add(sawDisconnect + err.Error())
			b.seen.add(sawEnd)
		}
	}
}

func (b *bot) write(pk packet.Packet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil {
		_ = b.conn.WritePacket(pk)
		_ = b.conn.Flush()
	}
}

func (b *bot) say(text string) {
	b.write(&packet.Text{TextType: packet.TextTypeChat, SourceName: b.name, Message: text})
}

// command types a command: /server arena.
func (b *bot) command(line string) {
	b.write(&packet.CommandRequest{
		CommandLine:   line,
		CommandOrigin: protocol.CommandOrigin{Origin: protocol.CommandOriginPlayer, UUID: uuid.New()},
	})
}

func (b *bot) leave() {
	b.mu.Lock()
	conn := b.conn
	b.conn = nil
	b.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
}

// place is where the player is, by their own client: Ana by gate-1 on lobby.
func (b *bot) place() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%s by %s on %s", b.name, b.proxy, b.server)
}

// waitFor waits for a text since the mark that begins with these words.
func (b *bot) waitFor(text string, mark int) error {
	_, err := b.seen.wait(fmt.Sprintf("“%s” for %s", text, b.name), mark, func(line string) bool {
		return strings.HasPrefix(line, sawText+text)
	})
	return err
}

// waitForDisconnect returns the text that the player's client shows at the end of its connection.
func (b *bot) waitForDisconnect(mark int) (string, error) {
	line, err := b.seen.wait("the end of "+b.name, mark, func(line string) bool {
		return strings.HasPrefix(line, sawDisconnect)
	})
	return strings.TrimPrefix(line, sawDisconnect), err
}

// unbroken fails if the connection of the player ended since the mark.
func (b *bot) unbroken(mark int) error {
	for _, line := range b.seen.since(mark) {
		if line == sawEnd || strings.HasPrefix(line, sawDisconnect) {
			return fmt.Errorf("the connection of %s ended: %s", b.name, line)
		}
	}
	return nil
}

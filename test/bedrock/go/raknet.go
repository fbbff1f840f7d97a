package main

import (
	"context"
	"net"
	"time"

	"github.com/sandertv/go-raknet"
	"github.com/sandertv/gophertunnel/minecraft"
)

// network is the name of the transport that all listeners and dialers of the demo use.
const network = "raknet-demo"

// A listener of gophertunnel v1.41.0 sends StartGame, and only then begins to expect the answer. On a loopback network
// the answer often comes first. The listener puts it aside then, and the login hangs for ever: 30 of 90 logins did. So
// a listener of the demo gets each packet of a login a little later. Those logins that hang all the same end at their
// deadline, and the player tries again.
const (
	loginDelay = 4 * time.Millisecond
	loginPhase = 3 * time.Second
)

// loopback is RakNet for many players of one address. closed gets the address of each connection that ended, whether
// its login was complete or not: Accept never returns a connection whose login fails.
type loopback struct {
	minecraft.RakNet
	closed func(player net.Addr)
}

func (l loopback) Listen(address string) (minecraft.NetworkListener, error) {
	// One bad packet would block all players of the address for ten seconds.
	listener, err := raknet.ListenConfig{BlockDuration: -1}.Listen(address)
	if err != nil {
		return nil, err
	}
	return loopbackListener{Listener: listener, closed: l.closed}, nil
}

// dialed keeps the connection of a dial, to close it: a dialer of gophertunnel whose login hangs leaves it open.
type dialed struct{ conn net.Conn }

type dialedKey struct{}

func (l loopback) DialContext(ctx context.Context, address string) (net.Conn, error) {
	conn, err := raknet.DialContext(ctx, address)
	if err != nil {
		return nil, err
	}
	if one, ok := ctx.Value(dialedKey{}).(*dialed); ok {
		one.conn = conn
	}
	return conn, nil
}

type loopbackListener struct {
	*raknet.Listener
	closed func(player net.Addr)
}

func (l loopbackListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &loopbackConn{Conn: conn.(*raknet.Conn), opened: time.Now(), closed: l.closed}, nil
}

type loopbackConn struct {
	*raknet.Conn
	opened time.Time
	closed func(player net.Addr)
}

// ReadPacket is the method that gophertunnel reads by.
func (c *loopbackConn) ReadPacket() ([]byte, error) {
	packet, err := c.Conn.ReadPacket()
	if time.Since(c.opened) < loginPhase {
		time.Sleep(loginDelay)
	}
	return packet, err
}

func (c *loopbackConn) Close() error {
	if c.closed != nil {
		c.closed(c.RemoteAddr())
	}
	return c.Conn.Close()
}

// dialAgain logs in, and tries again if the login hangs for so long. A refusal is an answer, and no reason to try again.
func dialAgain(ctx context.Context, dialer minecraft.Dialer, address string, hangs time.Duration) (*minecraft.Conn, error) {
	for {
		one := &dialed{}
		attempt, cancel := context.WithTimeout(context.WithValue(ctx, dialedKey{}, one), hangs)
		conn, err := dialer.DialContext(attempt, network, address)
		timedOut := attempt.Err() != nil
		cancel()
		if err == nil {
			return conn, nil
		}
		if one.conn != nil {
			_ = one.conn.Close()
		}
		if !timedOut || ctx.Err() != nil {
			return nil, err
		}
	}
}

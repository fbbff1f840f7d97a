package kelpie_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// relay is the way of one client to a coordinator. A test can break it.
type relay struct {
	endpoint string
	to       string
	mu       sync.Mutex
	conns    []net.Conn
	// No connection comes through.
	held bool
}

func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{endpoint: listener.Addr().String(), to: to}
	t.Cleanup(func() {
		_ = listener.Close()
		r.hold()
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go r.carry(conn)
		}
	}()
	return r
}

func (r *relay) carry(conn net.Conn) {
	defer conn.Close()
	onward, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer onward.Close()
	if !r.admit(conn, onward) {
		return
	}
	go func() {
		_, _ = io.Copy(onward, conn)
		_ = onward.Close()
	}()
	_, _ = io.Copy(conn, onward)
}

func (r *relay) admit(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.held {
		r.conns = append(r.conns, conns...)
	}
	return !r.held
}

// cut breaks all connections. New ones come through.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.conns {
		_ = conn.Close()
	}
	r.conns = nil
}

// hold breaks all connections, and lets no new one through until release.
func (r *relay) hold() {
	r.mu.Lock()
	r.held = true
	r.mu.Unlock()
	r.cut()
}

func (r *relay) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = false
}

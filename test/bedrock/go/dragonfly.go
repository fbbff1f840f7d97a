package main

import (
	"io"
	"log"

	"github.com/df-mc/dragonfly/server"
	dragonflysession "github.com/df-mc/dragonfly/server/session"
	"github.com/sandertv/gophertunnel/minecraft"
	"github.com/sirupsen/logrus"
)

var noLog = log.New(io.Discard, "", 0)

// dragonfly makes a Dragonfly server on the address. It stores nothing.
func dragonfly(name, address string, allower server.Allower) *server.Server {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	return server.Config{
		Log: logger, Name: name, Allower: allower, AuthDisabled: true, MaxChunkRadius: 4, DisableResourceBuilding: true,
		ReadOnlyWorld: true,
		Listeners: []func(server.Config) (server.Listener, error){func(server.Config) (server.Listener, error) {
			conf := minecraft.ListenConfig{
				ErrorLog: noLog, AuthenticationDisabled: true, StatusProvider: minecraft.NewStatusProvider(name, "Kelpie"),
			}
			l, err := conf.Listen(network, address)
			return listener{l}, err
		}},
	}.New()
}

// listener is a listener of gophertunnel as Dragonfly wants it.
type listener struct{ *minecraft.Listener }

func (l listener) Accept() (dragonflysession.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn.(dragonflysession.Conn), nil
}

func (l listener) Disconnect(conn dragonflysession.Conn, reason string) error {
	return l.Listener.Disconnect(conn.(*minecraft.Conn), reason)
}

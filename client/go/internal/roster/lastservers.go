package roster

import "example.com/kelpie/internal/ordered"

// Of more players than this the roster forgets those who left a server longest ago.
const mostLastServers = 100_000

// LastServers are the servers that players left last, by moving or by leaving the network: for rules with STICKY.
type LastServers struct {
	// By player id, in the order in which the players left a server.
	left ordered.Map[string, string]
}

// Left takes that a player left a server.
func (l *LastServers) Left(id, server string) {
	l.left.Put(id, server)
	if l.left.Len() > mostLastServers {
		oldest, _, _ := l.left.Oldest()
		l.left.Delete(oldest)
	}
}

// Of returns the server that a player left last; empty if it is not known.
func (l *LastServers) Of(id string) string {
	server, _ := l.left.Get(id)
	return server
}

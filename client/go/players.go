package kelpie

import "example.com/kelpie/kelpiev1"

// PlayersOptions are for a proxy, or a server that players join directly.
type PlayersOptions struct{}

// Players has the players of a proxy, and the events of players for every role.
type Players struct{ session *session }

func newPlayers(s *session) *Players { return &Players{s} }

// reporting is the exchange of a proxy with the coordinator about its players. Without the option Players its methods do
// nothing. The session calls them with its lock held, but for measure.
type reporting struct{ session *session }

func newReporting(s *session, options Options) (*reporting, error) { return &reporting{s}, nil }

// Before each heartbeat, without the lock: adds what functions of the program measure.
func (r *reporting) measure(heartbeat *kelpiev1.Heartbeat) {}

// Before each heartbeat: adds the digest of the players.
func (r *reporting) heartbeat(heartbeat *kelpiev1.Heartbeat) {}

// A session is open: the list goes first.
func (r *reporting) restart() {}

// The coordinator asked for the list.
func (r *reporting) sync() {}

func (r *reporting) evicted(frame *kelpiev1.PlayerEvicted) {}

// Whether a player is in, or logs in, with this generation. A node without the option Players says yes.
func (r *reporting) holds(player *kelpiev1.PlayerRef) bool { return true }

// The number of requests without an answer.
func (r *reporting) pending() int { return 0 }

// The client has ended.
func (r *reporting) close() {}

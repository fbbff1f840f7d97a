package kelpie

import (
	"log/slog"
	"time"

	"example.com/kelpie/kelpiev1"
)

// Role is what a node is in the network.
type Role = kelpiev1.NodeRole

// The roles.
const (
	// Players connect to the node, and it connects them to servers.
	Proxy = kelpiev1.NodeRole_NODE_ROLE_PROXY
	// Players play on the node: it is a server.
	Downstream = kelpiev1.NodeRole_NODE_ROLE_DOWNSTREAM
	// Any other process: a bot, a shop, a dashboard.
	Service = kelpiev1.NodeRole_NODE_ROLE_SERVICE
)

// State is whether a node takes players.
type State = kelpiev1.NodeState

// The states that a node may set.
const (
	// The node starts and takes no players yet.
	Starting = kelpiev1.NodeState_NODE_STATE_STARTING
	// The node takes players.
	Ready = kelpiev1.NodeState_NODE_STATE_READY
	// The node is about to stop: its players stay, and proxies send it no new ones.
	Draining = kelpiev1.NodeState_NODE_STATE_DRAINING
	// The node runs, but not for players.
	Maintenance = kelpiev1.NodeState_NODE_STATE_MAINTENANCE
)

// Address is a host and a port. Without a host it means the address that the coordinator sees.
type Address struct {
	Host string
	Port int
}

// Start is the place where the first stream of a client starts to read. Later streams go on where the one before ended.
type Start struct{ place *kelpiev1.Start }

// The places where reading can start.
var (
	// The present rows of the topics, then the events after them. The default.
	FromSnapshot = startAt(kelpiev1.StartAt_START_AT_SNAPSHOT)
	// The oldest event of the history.
	FromEarliest = startAt(kelpiev1.StartAt_START_AT_EARLIEST)
	// Only new events.
	FromLatest = startAt(kelpiev1.StartAt_START_AT_LATEST)
)

// Options are the facts of a node, and how it connects. Connect copies them.
type Options struct {
	// The name of the node, unique in the network: letters, digits, "_" and "-". Required.
	Name string
	// Required.
	Role Role
	// The coordinators, each as host:port. Default: KELPIE_ENDPOINTS (a list with commas), else 127.0.0.1:50051.
	Endpoints []string
	// The address where proxies reach this node. nil: no proxy connects to it.
	Address *Address
	// The address that a Bedrock transfer names to players. nil: players cannot come directly.
	PublicAddress *Address
	// Free labels, to select nodes by: at most 64, with names of 1 to 63 bytes and values of at most 255 bytes.
	Labels map[string]string
	// The most players of this node. 0: the node reports no limit.
	MaxPlayers int
	// The message of the day: at most 1024 bytes.
	MOTD string
	// The software and its version, for people: "Dragonfly", "0.9.18". At most 128 bytes each.
	Software, Version string
	// The state of the node when it joins. Default Ready.
	State State
	// Where the first stream starts to read. Default FromSnapshot.
	Start Start
	// Leave out the events that this node published, and the events about this node.
	ExcludeOwn bool
	// How long a handler may take before its event counts as processed: at most a day. Default 10 s.
	HandlerTimeout time.Duration
	// Called before each heartbeat, every 5 s by default. Others see the load in their rosters.
	Load func() Load
	// A file for the position up to which the handlers have handled events. The next process goes on there; Start
	// counts only while there is no file. The last handled events may come again.
	CursorFile string
	// A file for the roster, so that the roster of the next process answers before a coordinator does.
	RosterFile string
	// What the roster has beside the nodes.
	Roster RosterOptions
	// For a proxy, or a server that players join directly: it reports its players by client.Players().
	Players *PlayersOptions
	// Takes the warnings while nobody reads client.Status. Default slog.Default().
	Logger *slog.Logger

	// The token of the node. Without it and TokenFile: KELPIE_TOKEN, or the file of KELPIE_TOKEN_FILE.
	Token string
	// A file of the token. The client reads it at each connect, so a token can be replaced while the program runs.
	TokenFile string
	// While TokenFile does not exist, the node joins with this token: it draws a token of its own and writes it into
	// the file, for its user alone to read. Default: KELPIE_JOIN_TOKEN.
	JoinToken string
	// The network that the node must be in. With a credential of another one the client opens no session, and ends
	// with NETWORK_MISMATCH. Default: KELPIE_NETWORK, else any network.
	Network string

	// The CA of the coordinators, as PEM or as the path of a file. Default: KELPIE_CA, else the CAs of the system. The
	// client reads files again for each connection.
	CA string
	// The certificate of this client and its key, for coordinators that demand one. As CA. Default: KELPIE_CERT and
	// KELPIE_KEY.
	Cert, Key string
	// Use TLS on this machine too. To other machines the client always uses it.
	TLS bool
	// Send everything in plain text, a token too, also to other machines. Only for networks that you trust.
	Insecure bool
}

// Load is the load of a node. The node does not report a field that is nil; 0 is a value.
type Load struct {
	// Ticks a second.
	TPS *float64
	// The memory in use, and the memory that the process may use, in bytes.
	MemoryUsed, MemoryMax *uint64
}

// FromSince starts with the events of this time and later, up to now.
func FromSince(ago time.Duration) Start {
	return Start{&kelpiev1.Start{Place: &kelpiev1.Start_Since{Since: durationOf(ago)}}}
}

// FromAfter starts after a position.
func FromAfter(cursor *kelpiev1.Cursor) Start {
	return Start{&kelpiev1.Start{Place: &kelpiev1.Start_After{After: cursor}}}
}

func startAt(at kelpiev1.StartAt) Start {
	return Start{&kelpiev1.Start{Place: &kelpiev1.Start_At{At: at}}}
}

func (s Start) isSnapshot() bool {
	return s.place == nil || s.place.GetAt() == kelpiev1.StartAt_START_AT_SNAPSHOT
}

func (s Start) wire() *kelpiev1.Start {
	if s.place == nil {
		return FromSnapshot.place
	}
	return s.place
}

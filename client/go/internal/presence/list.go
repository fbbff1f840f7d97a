package presence

import (
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/kelpie/internal/ordered"
	v1 "example.com/kelpie/kelpiev1"
)

const (
	// How long a login may take. The coordinator's grant ends after the same time.
	loginTime = time.Minute
	// The most players of a part by the contract, and half the bytes of a message.
	partPlayers = 1000
	partBytes   = 512 * 1024
	// The bytes of a player beside their facts.
	overheadBytes = 32
)

// Listed is a player who is in: one presence, from join to leave.
type Listed struct {
	ID string
	// The facts; the List replaces them, and never changes them in place.
	Player *v1.Player
	// 0: the coordinator has not sent it yet.
	Generation uint64
	// When they came in.
	Since time.Time
	// The exchange whose answer has the generation. Reports of the player wait for it.
	WaitsFor *Exchange
	// The coordinator evicted the player under this generation before it sent their own.
	Evicted uint64
	// The facts that the proxy changed without an answer. The reports contain them again.
	Unanswered *Unanswered
}

// Exchange is a request without an answer.
type Exchange struct{ _ byte }

// Login is a granted login.
type Login struct {
	// 0: no coordinator has decided.
	Generation uint64
	// The address of the player, if the login came with one.
	Address string
	Ticket  *v1.TransferTicket
	ID      string
	// The exchange whose answer decides the login after the player was let in.
	WaitsFor *Exchange
	// The player, if they came in meanwhile.
	Listed *Listed
	since  time.Time
}

// List is a proxy's own list of its players: logins, players who are in, and the generations that it has received. It is
// not safe for several goroutines at once.
type List struct {
	in     map[string]*Listed
	logins ordered.Map[string, *Login]
	// Called with each player who came, or moved to another server (empty: to none).
	onServer func(id, server string)
	// Called with each player who left.
	onLeft func(id string)
	seen   uint64
}

// NewList makes an empty list.
func NewList(onServer func(id, server string), onLeft func(id string)) *List {
	return &List{in: map[string]*Listed{}, onServer: onServer, onLeft: onLeft}
}

// Get returns a player who is in, or nil.
func (l *List) Get(id string) *Listed { return l.in[id] }

// The players who are in, by id.
func (l *List) sorted() []*Listed {
	return slices.SortedFunc(maps.Values(l.in), func(a, b *Listed) int { return strings.Compare(a.ID, b.ID) })
}

// Unanswered returns the players who are in and have changes without an answer.
func (l *List) Unanswered() []*Listed {
	var found []*Listed
	for _, one := range l.in {
		if one.Unanswered != nil {
			found = append(found, one)
		}
	}
	return found
}

// Len is the number of players who are in.
func (l *List) Len() int { return len(l.in) }

// Saw takes a generation that the coordinator sent.
func (l *List) Saw(generation uint64) { l.seen = max(l.seen, generation) }

// Login returns the login of a player, or nil.
func (l *List) Login(id string) *Login {
	login, _ := l.logins.Get(id)
	return login
}

// LoginAt returns the login from an address, or nil.
func (l *List) LoginAt(address string) *Login {
	for login := range l.logins.Values() {
		if login.Address == address {
			return login
		}
	}
	return nil
}

// Grant takes a granted login. It drops older logins that never ended after 60 s, as the coordinator does.
func (l *List) Grant(login *Login, now time.Time) {
	l.Saw(login.Generation)
	login.since = now
	l.logins.Put(login.ID, login)
	for old := range l.logins.Values() {
		if now.Sub(old.since) <= loginTime {
			break
		}
		l.logins.Delete(old.ID)
	}
}

// EndLogin removes a login, and returns it; nil if there is none.
func (l *List) EndLogin(id string) *Login {
	login := l.Login(id)
	l.logins.Delete(id)
	return login
}

// Add takes a player who came in.
func (l *List) Add(player *v1.Player, generation uint64, now time.Time) *Listed {
	one := &Listed{ID: player.Id, Player: player, Generation: generation, Since: now}
	l.in[player.Id] = one
	l.onServer(player.Id, player.Server)
	return one
}

// Set gives the player these facts.
func (l *List) Set(one *Listed, player *v1.Player) {
	before := one.Player.Server
	one.Player = player
	if before != player.Server && l.Has(one) {
		l.onServer(one.ID, player.Server)
	}
}

// Has reports whether this presence is in the list: not after the player left, or if a newer presence took its place.
func (l *List) Has(one *Listed) bool { return l.in[one.ID] == one }

// Remove removes this presence.
func (l *List) Remove(one *Listed) {
	if l.Has(one) {
		delete(l.in, one.ID)
		l.onLeft(one.ID)
	}
}

// Digest returns the digest of the players who are in.
func (l *List) Digest() *v1.PresenceDigest {
	rows := make([]*v1.Player, 0, len(l.in))
	for _, one := range l.in {
		rows = append(rows, &v1.Player{Id: one.ID, Generation: one.Generation, Server: one.Player.Server})
	}
	return &v1.PresenceDigest{Players: uint32(len(rows)), Digest: Digest(rows)}
}

// Part is a part of the list, and its players.
type Part struct {
	Value  *v1.SyncPlayers
	Listed []*Listed
}

// Parts returns the whole list in parts, by id.
func (l *List) Parts(now time.Time) []Part {
	size := func(one *Listed) int { return proto.Size(one.Player) + overheadBytes }
	groups := InParts(l.sorted(), size, partPlayers, partBytes)
	if len(groups) == 0 {
		groups = [][]*Listed{nil}
	}
	asOf := l.asOf()
	afterID := ""
	parts := make([]Part, len(groups))
	for i, group := range groups {
		upToID := ""
		if i < len(groups)-1 {
			upToID = group[len(group)-1].ID
		}
		value := &v1.SyncPlayers{AsOf: asOf, AfterId: afterID, UpToId: upToID, LoginAges: map[string]*durationpb.Duration{}}
		for _, one := range group {
			player := proto.Clone(one.Player).(*v1.Player)
			player.Generation = one.Generation
			value.Players = append(value.Players, player)
			if one.Generation == 0 {
				// If two logins have no grant, the coordinator keeps the newer one.
				value.LoginAges[one.ID] = durationpb.New(now.Sub(one.Since))
			}
		}
		parts[i] = Part{value, group}
		afterID = upToID
	}
	return parts
}

// Below the generations of all logins: their players are not in the list yet, and the list must not end them.
func (l *List) asOf() uint64 {
	asOf := l.seen
	for login := range l.logins.Values() {
		if login.Generation > 0 {
			asOf = min(asOf, login.Generation-1)
		}
	}
	return asOf
}

// InParts splits a list into parts that each fit in a frame, in the order of the list. Each has at most mostItems items
// and at most mostBytes bytes; an item that is larger is a part of its own.
func InParts[T any](all []T, sizeOf func(T) int, mostItems, mostBytes int) [][]T {
	var parts [][]T
	var part []T
	bytes := 0
	for _, one := range all {
		size := sizeOf(one)
		if len(part) == mostItems || len(part) > 0 && bytes+size > mostBytes {
			parts = append(parts, part)
			part, bytes = nil, 0
		}
		part = append(part, one)
		bytes += size
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

package roster

import (
	"time"

	"example.com/kelpie/internal/ordered"
)

const (
	// A player whom this process does not hold, and who has not arrived for this time, does not count any more.
	pickLifetime = 10 * time.Second
	// Of more players than this the oldest ones do not count.
	mostPicks = 10_000
)

type sent struct {
	server string
	until  time.Time
}

// RecentPicks are the players that this process has sent to a server and that the roster does not show there yet. They
// count as players of that server: else all players who join at once would land on one server. While no coordinator is
// there, the roster gets no news, so the players that this process holds count until they leave it.
type RecentPicks struct {
	// By player id, the oldest first: all live equally long.
	sent ordered.Map[string, sent]
	// The players that this process holds, and the server that it has reported of each, or empty.
	own map[string]string
	// Of those, the players who count on a server without an end by time.
	kept     map[string]string
	onServer map[string]int
	now      func() time.Time
	// The server that the roster shows a player on, or empty.
	shown func(player string) string
	// Called with each server whose number changes.
	onChange func(server string)
}

// NewRecentPicks makes an empty list.
func NewRecentPicks(now func() time.Time, shown func(player string) string, onChange func(server string)) *RecentPicks {
	return &RecentPicks{
		own: map[string]string{}, kept: map[string]string{}, onServer: map[string]int{},
		now: now, shown: shown, onChange: onChange,
	}
}

// Add takes that this process sent the player to the server.
func (p *RecentPicks) Add(player, server string) {
	p.End(player)
	p.sent.Put(player, sent{server, p.now().Add(pickLifetime)})
	p.count(server, 1)
	if p.sent.Len() > mostPicks {
		oldest, one, _ := p.sent.Oldest()
		p.expire(oldest, one)
	}
}

// Own takes that this process has the player on this server now. Empty: on none.
func (p *RecentPicks) Own(player, server string) {
	if _, isKept := p.kept[player]; server != "" || isKept {
		p.End(player)
	}
	p.own[player] = server
	p.Settle(player)
}

// Disown takes that the player left this process.
func (p *RecentPicks) Disown(player string) {
	p.End(player)
	delete(p.own, player)
}

// End ends the pick: the player needs another server, or the roster shows them on one.
func (p *RecentPicks) End(player string) {
	server, isKept := p.kept[player]
	if one, isSent := p.sent.Get(player); isSent {
		server = one.server
	} else if !isKept {
		return
	}
	p.sent.Delete(player)
	delete(p.kept, player)
	p.count(server, -1)
}

// Gone takes that the roster does not show the player any more. If this process holds them, the roster will show them
// again.
func (p *RecentPicks) Gone(player string) {
	if _, isOwn := p.own[player]; isOwn {
		p.Settle(player)
	} else {
		p.End(player)
	}
}

// Settle counts a player without a newer pick on the server that this process has reported.
func (p *RecentPicks) Settle(player string) {
	if _, isSent := p.sent.Get(player); !isSent {
		p.keep(player, p.own[player])
	}
}

// Expire ends the picks that are too old. A pick calls it first, so no timer is needed.
func (p *RecentPicks) Expire() {
	now := p.now()
	for {
		player, one, ok := p.sent.Oldest()
		if !ok || one.until.After(now) {
			return
		}
		p.expire(player, one)
	}
}

func (p *RecentPicks) expire(player string, one sent) {
	p.End(player)
	if own, isOwn := p.own[player]; isOwn {
		if own == "" {
			own = one.server
		}
		p.keep(player, own)
	}
}

func (p *RecentPicks) keep(player, server string) {
	if server == "" {
		return
	}
	p.End(player)
	if p.shown(player) == server {
		return
	}
	p.kept[player] = server
	p.count(server, 1)
}

// OnServer is the number of these players on a server.
func (p *RecentPicks) OnServer(server string) int { return p.onServer[server] }

// Len is the number of players that are remembered: those with a pick, and those that this process holds.
func (p *RecentPicks) Len() int { return p.sent.Len() + len(p.own) + len(p.kept) }

func (p *RecentPicks) count(server string, change int) {
	if p.onServer[server] += change; p.onServer[server] == 0 {
		delete(p.onServer, server)
	}
	p.onChange(server)
}

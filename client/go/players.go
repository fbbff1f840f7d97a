package kelpie

import (
	"context"
	"net"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

// Players has the events of players, for every role, and the players of a node that holds players: a proxy, or a server
// that players join directly, with the option Players. For other nodes the methods about own players return
// ROLE_HOLDS_NO_PLAYERS.
//
// A report is in order with those before it as soon as its method is called. The method then waits for the coordinator.
// When its ctx ends first, it returns the error of ctx; the report goes out all the same, and a later refusal is a
// status Refused. With NoWait it returns at once, and nil: so a game's tick can report.
type Players struct{ session *session }

func newPlayers(s *session) *Players { return &Players{s} }

// Len is the number of players on this node.
func (p *Players) Len() int {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	if p.session.reporting.options == nil {
		return 0
	}
	return p.session.reporting.list.Len()
}

// Get returns a player of this node, with the facts that the node reported last, and whether they are in.
func (p *Players) Get(id string) (*kelpiev1.Player, bool) {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	if p.session.reporting.options == nil {
		return nil, false
	}
	listed := p.session.reporting.list.Get(id)
	if listed == nil {
		return nil, false
	}
	player := proto.Clone(listed.Player).(*kelpiev1.Player)
	player.Generation = listed.Generation
	return player, true
}

// Acquire asks the coordinator for a player during their login, before the proxy lets them in. policy is the rule if
// another proxy has the player; 0 is VerifyOld. After a grant call Joined within 60 s, or Release. If no coordinator
// decides, WhenAway is the rule. PLAYER_INVALID, PLAYER_LIMIT and the other reasons of AcquirePlayer, or the error of
// ctx: do not let the player in then.
func (p *Players) Acquire(ctx context.Context, facts PlayerFacts, policy Policy) (Acquired, error) {
	if err := p.holds(); err != nil {
		return Acquired{}, err
	}
	return p.session.reporting.acquire(ctx, facts, policy, nil)
}

// Release ends a login whose player is not in. For a player who is in, it is the same as Left.
func (p *Players) Release(ctx context.Context, id string) error {
	return p.wait(ctx, func(r *reporting, done func(*Error)) { r.release(id, done) })
}

// LoginEnded takes that the connection from this address has ended. If a login by Allow came from it and the player is
// not in, it ends as by Release. Call it when a connection closes, whether its login was complete or not.
func (p *Players) LoginEnded(address net.Addr) {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	if p.session.reporting.options != nil {
		p.session.reporting.loginEnded(address.String())
	}
}

// Grant returns the grant of a player who is logging in, by Acquire or Allow, and whether there is one: not once the
// player is in.
func (p *Players) Grant(id string) (Acquired, bool) {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	if p.session.reporting.options == nil {
		return Acquired{}, false
	}
	login := p.session.reporting.list.Login(id)
	if login == nil {
		return Acquired{}, false
	}
	return Acquired{Granted: true, Generation: login.Generation, Ticket: login.Ticket}, true
}

// Joined reports that the player is in, with these facts; for a player who was in already, these are the new facts. A
// call without Acquire ends the player's presence elsewhere. For a player who was in already, the coordinator ignores
// the new properties, context and language that another node changed: the network keeps the values of that node. To
// replace them, call Changed. The reasons of PlayerReportResult, for example PLAYER_INVALID: the player does not count
// as online here then.
func (p *Players) Joined(ctx context.Context, facts PlayerFacts) error {
	player, err := facts.wire()
	if err != nil {
		return err
	}
	return p.wait(ctx, func(r *reporting, done func(*Error)) { r.joined(player, done) })
}

// Moved reports that the player is on this server now; an empty name means on no server. If no node has this name, the
// coordinator keeps the name and marks it. PLAYER_NOT_FOUND if the player is not in; PLAYER_INVALID if the node of that
// name is not a server, or if players join this node directly and the name is another one.
func (p *Players) Moved(ctx context.Context, id, server string) error {
	if err := checkTexts(server, nil); err != nil {
		return err
	}
	return p.wait(ctx, func(r *reporting, done func(*Error)) { r.moved(id, server, done) })
}

// Changed reports that the player has changed. The change also replaces the same facts of another node. While no
// coordinator is connected it returns nil at once: the client sends the change after it has connected again, and a
// later refusal is a status Refused. PLAYER_NOT_FOUND, LABELS_INVALID or PLAYER_INVALID.
func (p *Players) Changed(ctx context.Context, id string, change PlayerFactsChange) error {
	wire, err := change.wire()
	if err != nil {
		return err
	}
	return p.wait(ctx, func(r *reporting, done func(*Error)) { r.changed(id, wire, done) })
}

// Left reports that the player left. It does nothing for a player who is not in: they were evicted. While the player
// logs in again, the call reports that their older connection ended.
func (p *Players) Left(ctx context.Context, id string) error {
	return p.leave(ctx, id, kelpiev1.PlayerLeaveReason_PLAYER_LEAVE_REASON_QUIT)
}

// Kicked is Left for a player whom the node has kicked.
func (p *Players) Kicked(ctx context.Context, id string) error {
	return p.leave(ctx, id, kelpiev1.PlayerLeaveReason_PLAYER_LEAVE_REASON_KICKED)
}

func (p *Players) leave(ctx context.Context, id string, reason kelpiev1.PlayerLeaveReason) error {
	return p.wait(ctx, func(r *reporting, done func(*Error)) { r.left(id, reason, done) })
}

// Update changes facts of an online player, also of one whom another node holds: a server may set properties of its
// players. player is a player of the roster or of an event. PLAYER_NOT_FOUND, STALE_GENERATION (they logged in again),
// RIGHT_MISSING (they are on another server, and the credential of this node has no right to change them there),
// LABELS_INVALID, TEXT_TOO_LONG or PLAYER_INVALID, or UNAVAILABLE while no coordinator is connected.
func (p *Players) Update(ctx context.Context, player *kelpiev1.Player, change PlayerFactsChange) error {
	wire, err := change.wire()
	if err != nil {
		return err
	}
	update := &kelpiev1.UpdatePlayer{PlayerId: player.GetId(), Generation: player.GetGeneration(), Change: wire}
	_, err = p.session.ask(ctx, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_UpdatePlayer{UpdatePlayer: update}})
	return err
}

func (p *Players) holds() error {
	if p.session.reporting.options == nil {
		return holdsNoPlayers()
	}
	return nil
}

// Makes a report, and waits for its end or the end of ctx. A refusal after the end of ctx is a status.
func (p *Players) wait(ctx context.Context, report func(*reporting, func(*Error))) error {
	if err := p.holds(); err != nil {
		return err
	}
	s := p.session
	ended := make(chan error, 1)
	alone := false
	s.mu.Lock()
	report(s.reporting, func(err *Error) {
		if alone && err != nil {
			s.reporting.refuse(err)
		}
		ended <- asError(err)
	})
	s.mu.Unlock()
	select {
	case err := <-ended:
		return err
	default:
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case err := <-ended:
		return err
	default:
		alone = true
	}
	if ctx == NoWait {
		return nil
	}
	return ctx.Err()
}

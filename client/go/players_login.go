package kelpie

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/internal/presence"
	"example.com/kelpie/kelpiev1"
)

// asking is a login that waits for its answer. The lock of the session guards all fields.
type asking struct {
	player *kelpiev1.Player
	// The address of the player, if the login came with one.
	address string
	// The program does not want the login any more.
	cancelled bool
	// The login is decided, for example by time.
	decided bool
	// The login of a player who was let in before the coordinator decided.
	login *presence.Login
	// Gets the outcome.
	outcome chan acquireOutcome
}

type acquireOutcome struct {
	acquired Acquired
	err      error
}

// See Players.Acquire.
func (r *reporting) acquire(ctx context.Context, facts PlayerFacts, policy Policy, address net.Addr) (Acquired, error) {
	player, err := facts.wire()
	if err != nil {
		return Acquired{}, err
	}
	one := &asking{player: player, outcome: make(chan acquireOutcome, 1)}
	if address != nil {
		one.address = address.String()
	}
	timeout := r.options.AcquireTimeout
	if timeout == 0 {
		timeout = defaultAcquireTimeout
	}
	r.session.mu.Lock()
	defer r.session.mu.Unlock()
	if err := r.session.endError(); err != nil {
		return Acquired{}, err
	}
	r.asking = append(r.asking, one)
	stop := r.session.after(timeout, func() { r.late(one) })
	r.room.enter(proto.Size(player), func() { r.ask(one, policy) })
	acquired, err := r.waitFor(ctx, one, timeout)
	stop()
	r.asking = slices.DeleteFunc(r.asking, func(other *asking) bool { return other == one })
	return acquired, err
}

// Waits for the outcome without the lock; and then, for a grant, for the calls of OnEvicted that were made before it, but
// no longer than the timeout.
func (r *reporting) waitFor(ctx context.Context, one *asking, timeout time.Duration) (Acquired, error) {
	r.session.mu.Unlock()
	defer r.session.mu.Lock()
	var outcome acquireOutcome
	select {
	case outcome = <-one.outcome:
	case <-ctx.Done():
		r.session.mu.Lock()
		if !one.decided {
			one.decided = true
			one.outcome <- acquireOutcome{err: ctx.Err()}
		}
		r.session.mu.Unlock()
		outcome = <-one.outcome
	}
	if outcome.acquired.Granted {
		called := make(chan struct{})
		r.evictions.run(func() { close(called) })
		select {
		case <-called:
		case <-ctx.Done():
		case <-time.After(timeout):
			r.session.handlerFailed("OnEvicted", fail(ReasonHandlerTimeout,
				fmt.Sprintf("the function OnEvicted did not return within %v", timeout)))
		}
	}
	return outcome.acquired, outcome.err
}

// Sends the request, after the reports that were made before.
func (r *reporting) ask(one *asking, policy Policy) {
	bytes := proto.Size(one.player)
	done := func(answer *kelpiev1.CoordinatorFrame, err *Error) {
		r.room.leave(bytes)
		r.acquiredBy(one, answer, err)
	}
	l := r.link()
	if l == nil || one.decided {
		done(nil, unanswered())
		return
	}
	r.flush()
	frame := &kelpiev1.AcquirePlayer{Player: one.player, Policy: policy}
	r.request(l, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_AcquirePlayer{AcquirePlayer: frame}}, done)
}

// The coordinator has answered, or could not.
func (r *reporting) acquiredBy(one *asking, answer *kelpiev1.CoordinatorFrame, err *Error) {
	acquired := acquiredOf(answer.GetPlayerAcquired())
	if one.decided {
		r.decidedLate(one, acquired, err)
		return
	}
	if err != nil && !isRequestUndecided(err) {
		r.decide(one, Acquired{}, err)
		return
	}
	if err != nil {
		acquired = r.undecided(one)
	}
	r.decide(one, acquired, nil)
}

// The coordinator takes too long.
func (r *reporting) late(one *asking) {
	if one.decided {
		return
	}
	one.login = r.decide(one, r.undecided(one), nil)
	if one.login != nil {
		r.awaitDecision(one.login)
	}
}

func (r *reporting) undecided(one *asking) Acquired {
	return r.away.decide(one.player, r.list.Get(one.player.Id) != nil)
}

// Returns the login of a player who is let in; nil for another.
func (r *reporting) decide(one *asking, acquired Acquired, err *Error) (login *presence.Login) {
	one.decided = true
	id := one.player.Id
	switch {
	case !acquired.Granted:
	case one.cancelled:
		r.giveBack(id, acquired.Generation, func(*Error) {})
		acquired = Acquired{Text: "The login was cancelled."}
	default:
		r.replace(id)
		login = &presence.Login{ID: id, Generation: acquired.Generation, Address: one.address, Ticket: acquired.Ticket}
		r.list.Grant(login, r.now())
	}
	one.outcome <- acquireOutcome{acquired, asError(err)}
	return login
}

// See Players.Release. done is called once, with the lock.
func (r *reporting) release(id string, done func(*Error)) {
	// The newest login.
	var one *asking
	for _, other := range r.asking {
		if other.player.Id == id {
			one = other
		}
	}
	if one != nil {
		one.cancelled = true
	}
	if login := r.list.EndLogin(id); login != nil {
		r.giveBack(id, login.Generation, done)
	} else if one != nil {
		done(nil)
	} else {
		r.left(id, kelpiev1.PlayerLeaveReason_PLAYER_LEAVE_REASON_QUIT, done)
	}
}

// See Players.LoginEnded.
func (r *reporting) loginEnded(address string) {
	for _, one := range r.asking {
		if one.address == address {
			one.cancelled = true
		}
	}
	if login := r.list.LoginAt(address); login != nil {
		r.list.EndLogin(login.ID)
		r.giveBack(login.ID, login.Generation, func(err *Error) {
			if err != nil {
				r.refuse(err)
			}
		})
	}
}

// The coordinator does not have the grant any more, or the grant ends by itself.
var overReasons = []Reason{ReasonPlayerNotFound, ReasonStaleGeneration, ReasonUnavailable}

func (r *reporting) giveBack(id string, generation uint64, done func(*Error)) {
	l := r.link()
	if generation == 0 || l == nil {
		done(nil)
		return
	}
	frame := &kelpiev1.ReleasePlayer{PlayerId: id, Generation: generation}
	r.request(l, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_ReleasePlayer{ReleasePlayer: frame}},
		func(_ *kelpiev1.CoordinatorFrame, err *Error) {
			if err != nil && slices.Contains(overReasons, err.Reason) {
				err = nil
			}
			done(err)
		})
}

func acquiredOf(answer *kelpiev1.PlayerAcquired) Acquired {
	switch outcome := answer.GetOutcome().(type) {
	case *kelpiev1.PlayerAcquired_Generation:
		return Acquired{Granted: true, Generation: outcome.Generation, Ticket: answer.Ticket}
	case *kelpiev1.PlayerAcquired_Denial:
		reason := outcome.Denial.Reason
		if reason == kelpiev1.PlayerDenialReason_PLAYER_DENIAL_REASON_UNSPECIFIED {
			// A coordinator without reasons denies a login only where another one holds the player.
			reason = kelpiev1.PlayerDenialReason_PLAYER_DENIAL_REASON_ONLINE
		}
		return Acquired{Text: outcome.Denial.Text, Reason: reason, Proxy: outcome.Denial.Proxy}
	}
	return Acquired{Text: "Try again."}
}

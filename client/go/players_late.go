package kelpie

import (
	"example.com/kelpie/internal/presence"
	"example.com/kelpie/kelpiev1"
)

// The program has let the player in, or has refused them, before the coordinator decided. Its decision holds for the
// login that was let in. A grant without such a login is given back. refusal: the request failed.
func (r *reporting) decidedLate(one *asking, acquired Acquired, refusal *Error) {
	decided := refusal == nil || !isRequestUndecided(refusal)
	if refusal != nil {
		acquired = Acquired{Text: refusal.Message}
	}
	isHeld := one.login != nil && r.settle(one.login, acquired, decided)
	// If it fails, the grant ends by itself.
	if decided && acquired.Granted && !isHeld {
		r.giveBack(one.player.Id, acquired.Generation, func(*Error) {})
	}
}

// The player was let in before a coordinator decided. Their join waits for the decision: a grant that comes after the join
// would replace the player who is in.
func (r *reporting) awaitDecision(login *presence.Login) {
	login.WaitsFor, _ = r.begin(nil)
}

// The wait is over. Returns whether the login goes on, or the player is in by it.
func (r *reporting) settle(login *presence.Login, acquired Acquired, decided bool) (isHeld bool) {
	var about []*presence.Listed
	if listed := login.Listed; listed != nil && listed.WaitsFor == login.WaitsFor {
		about = append(about, listed)
	}
	isHeld = len(about) > 0 || r.list.Login(login.ID) == login
	switch {
	case !decided || !isHeld:
	case acquired.Granted:
		r.grantLate(login, acquired.Generation)
	default:
		r.denyLate(login, acquired.Text)
	}
	exchange := login.WaitsFor
	login.WaitsFor = nil
	r.end(exchange, about)
	return isHeld
}

func (r *reporting) grantLate(login *presence.Login, generation uint64) {
	login.Generation = generation
	r.list.Saw(generation)
	if login.Listed != nil {
		r.setGeneration(login.Listed, generation)
	}
}

func (r *reporting) denyLate(login *presence.Login, text string) {
	const reason = kelpiev1.PlayerLeaveReason_PLAYER_LEAVE_REASON_REPLACED
	if login.Listed == nil {
		r.list.EndLogin(login.ID)
		r.callEvicted(Evicted{login.ID, 0, text, reason})
		return
	}
	var kept []*report
	waiting := r.waiting
	for _, one := range waiting {
		if one.listed != login.Listed {
			kept = append(kept, one)
		}
	}
	r.waiting = kept
	for _, one := range waiting {
		if one.listed == login.Listed {
			one.settle()
		}
	}
	r.evict(login.Listed, reason, text)
}

package kelpie

import (
	"slices"

	"example.com/kelpie/internal/presence"
	"example.com/kelpie/kelpiev1"
)

// A new stream is open: sends the list first.
func (r *reporting) restart() {
	r.latencies.restart()
	r.sync()
}

// Sends the whole list. It contains the reports that waited.
func (r *reporting) sync() {
	if r.options == nil {
		return
	}
	r.settleAll()
	r.sendList()
}

func (r *reporting) sendList() {
	if l := r.link(); l != nil {
		for _, part := range r.list.Parts(r.now()) {
			r.sendPart(l, part)
		}
	}
}

func (r *reporting) sendPart(l *link, part presence.Part) {
	_, end := r.begin(part.Listed)
	r.request(l, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_SyncPlayers{SyncPlayers: part.Value}},
		func(answer *kelpiev1.CoordinatorFrame, err *Error) {
			if err == nil {
				r.synced(part.Listed, answer.GetPlayersSynced())
			} else if !slices.Contains(awayReasons, err.Reason) {
				// The coordinator asks for the list again, or the next stream begins with it.
				r.refuse(err)
			}
			end()
		})
}

func (r *reporting) synced(part []*presence.Listed, answer *kelpiev1.PlayersSynced) {
	results := map[string]*kelpiev1.PlayerReportResult{}
	for _, result := range answer.GetResults() {
		results[result.PlayerId] = result
	}
	for _, listed := range part {
		if generation := results[listed.ID].GetGeneration(); generation > 0 {
			r.setGeneration(listed, generation)
		} else {
			r.evict(listed, kelpiev1.PlayerLeaveReason_PLAYER_LEAVE_REASON_SYNC, refusedText)
		}
	}
	r.changeAgain(part)
}

// Reports the changes of these players that have no answer, one change a player, before the reports that wait.
func (r *reporting) changeAgain(players []*presence.Listed) {
	var again []*report
	for _, listed := range players {
		if listed.Unanswered == nil || !r.list.Has(listed) {
			continue
		}
		change := listed.Unanswered.Again(listed.Player)
		listed.Unanswered = nil
		again = append(again, &report{
			listed: listed,
			what:   &kelpiev1.PlayerReport{What: &kelpiev1.PlayerReport_Changed{Changed: change}},
			again:  true,
			undo:   func() {},
			done: func(err *Error) {
				if err != nil && r.list.Has(listed) {
					r.refuse(err)
				}
			},
		})
	}
	if len(again) > 0 {
		r.waiting = append(again, r.waiting...)
		r.flushSoon()
	}
}

func (r *reporting) setGeneration(listed *presence.Listed, generation uint64) {
	listed.Generation = generation
	r.list.Saw(generation)
	if listed.Evicted >= generation {
		r.evict(listed, kelpiev1.PlayerLeaveReason_PLAYER_LEAVE_REASON_REPLACED, refusedText)
	}
}

func (r *reporting) evict(listed *presence.Listed, reason kelpiev1.PlayerLeaveReason, text string) {
	if r.list.Has(listed) {
		r.list.Remove(listed)
		r.callEvicted(Evicted{listed.ID, listed.Generation, text, reason})
	}
}

func (r *reporting) callEvicted(one Evicted) {
	onEvicted := r.options.OnEvicted
	r.evictions.run(func() {
		if err := call(func() error { onEvicted(one); return nil }); err != nil {
			r.session.mu.Lock()
			defer r.session.mu.Unlock()
			r.session.handlerFailed("OnEvicted", err)
		}
	})
}

// The coordinator has ended a presence or a login. A present one with a newer generation stays.
func (r *reporting) evicted(frame *kelpiev1.PlayerEvicted) {
	if r.options == nil {
		return
	}
	id, generation := frame.PlayerId, frame.Generation
	r.list.Saw(generation)
	if listed := r.list.Get(id); listed != nil && listed.Generation <= generation {
		if listed.WaitsFor != nil && listed.Generation < generation {
			// The generation of this presence is not received yet, so the decision waits for it.
			listed.Evicted = generation
		} else {
			r.evict(listed, frame.Reason, frame.Text)
		}
	}
	login := r.list.Login(id)
	if login != nil && login.Generation > 0 && login.Generation <= generation {
		r.list.EndLogin(id)
		r.callEvicted(Evicted{id, generation, frame.Text, frame.Reason})
	}
}

// The player has logged in here again: their older presence ends.
func (r *reporting) replace(id string) {
	if listed := r.list.Get(id); listed != nil {
		r.evict(listed, kelpiev1.PlayerLeaveReason_PLAYER_LEAVE_REASON_REPLACED, "You logged in again.")
	}
}

// The digest of the players who are in; nil while an exchange has no answer. Changes that the coordinator could not
// decide on this stream follow it: the digest does not show them.
func (r *reporting) digest() *kelpiev1.PresenceDigest {
	r.flush()
	if r.exchanges > 0 {
		return nil
	}
	r.changeAgain(r.list.Unanswered())
	return r.list.Digest()
}

// Whether a player is in, or logs in, with this generation. A node without the option Players says yes.
func (r *reporting) holds(player *kelpiev1.PlayerRef) bool {
	if r.options == nil {
		return true
	}
	id, generation := player.GetPlayerId(), player.GetGeneration()
	// 0: the generation is not received yet, and may be this one.
	if listed := r.list.Get(id); listed != nil && (listed.Generation == generation || listed.Generation == 0) {
		return true
	}
	login := r.list.Login(id)
	return login != nil && (login.Generation == generation || login.Generation == 0)
}

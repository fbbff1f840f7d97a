package kelpie

import (
	"time"

	"example.com/kelpie/kelpiev1"
)

// Gives an answer to the request that waits for it. Returns false for a frame that answers no request.
func (l *link) answer(frame *kelpiev1.CoordinatorFrame) bool {
	number := frame.RequestId
	switch body := frame.Frame.(type) {
	case *kelpiev1.CoordinatorFrame_RequestFailed:
		err := fromWire(body.RequestFailed.Error)
		if l.isSuperseded(number) {
			err = unanswered()
		}
		if !l.requests.refuse(number, err) && !l.retired {
			l.session.post(Status{Kind: Refused, Err: err})
		}
	case *kelpiev1.CoordinatorFrame_RequestOk, *kelpiev1.CoordinatorFrame_CommandResult,
		*kelpiev1.CoordinatorFrame_PlayerAcquired, *kelpiev1.CoordinatorFrame_PlayersReported,
		*kelpiev1.CoordinatorFrame_PlayersSynced, *kelpiev1.CoordinatorFrame_TransferUpdate,
		*kelpiev1.CoordinatorFrame_SlotsReserved, *kelpiev1.CoordinatorFrame_Value,
		*kelpiev1.CoordinatorFrame_ValueStored:
		if l.isSuperseded(number) {
			l.requests.refuse(number, unanswered())
		} else {
			l.requests.answer(frame)
		}
	default:
		return false
	}
	l.session.handlers.replyDelayed()
	if l.finishing && len(l.requests.waiting) == 0 {
		l.leave(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED)
	}
	return true
}

// Whether the next stream settles the request: it begins with the list of the players.
func isSuperseded(request *kelpiev1.NodeFrame) bool {
	return request.GetReportPlayers() != nil || request.GetSyncPlayers() != nil
}

// Whether the next stream has settled the request: then its answer comes too late.
func (l *link) isSuperseded(number uint32) bool {
	one := l.requests.waiting[number]
	return l.retired && one != nil && one.superseded
}

// Another stream has taken the place of this one, which goes on only for the answers to its requests.
func (l *link) retire(left time.Duration) {
	l.retired = true
	l.outbox.open = false
	l.pass()
	l.leaveAnswered(left)
}

func (l *link) hasEnded() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

func (l *link) pass() {
	select {
	case <-l.over:
	default:
		close(l.over)
	}
}

// Sends Goodbye when the requests have their answers, at the latest after this time.
func (l *link) leaveAnswered(left time.Duration) {
	if len(l.requests.waiting) == 0 {
		l.leave(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED)
		return
	}
	l.finishing = true
	l.stopFinish = l.session.after(left, func() { l.leave(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED) })
}

// Sends Goodbye and ends the client's side of the stream.
func (l *link) leave(reason kelpiev1.GoodbyeReason) {
	if l.outbox.ended {
		return
	}
	goodbye := &kelpiev1.NodeFrame_Goodbye{Goodbye: &kelpiev1.Goodbye{Reason: reason}}
	l.session.must(l.outbox.send(&kelpiev1.NodeFrame{Frame: goodbye}))
	l.outbox.end()
}

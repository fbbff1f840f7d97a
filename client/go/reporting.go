package kelpie

import (
	"strings"
	"time"

	"example.com/kelpie/internal/presence"
	"example.com/kelpie/kelpiev1"
)

// reporting is the reports of a proxy about its players. Each new stream begins with the whole list, which settles the
// reports of the stream before. The proxy reports changes of facts again after the list: other nodes may have changed
// the same facts, and the list does not replace theirs. Later reports go out together, a moment after they are made.
// The lock of the session guards all fields.
type reporting struct {
	session *session
	// nil: the node holds no players, and nothing here does anything.
	options *PlayersOptions
	// The node's own name, if players join it directly.
	ownServer string
	list      *presence.List
	away      away
	waiting   []*report
	// A flush is about to come.
	flushing bool
	// Requests without an answer. Until the answers the list and the coordinator's table may differ.
	exchanges int
	// The logins that wait for their answers, in order.
	asking []*asking
	room   loginRoom
	// Calls of OnEvicted, in order.
	evictions callbacks
	latencies latencies
	// nil: the program measures no latencies.
	measured *meter[map[string]time.Duration]
}

func newReporting(s *session, options Options) (*reporting, error) {
	r := &reporting{session: s}
	if err := options.Players.check(options.Role); err != nil || options.Players == nil {
		return r, err
	}
	given := *options.Players
	r.options = &given
	if options.Role == Downstream {
		r.ownServer = strings.ToLower(options.Name)
	}
	r.measured = newLatencyMeter(s, given.Latencies)
	table := s.reading.roster
	r.list = presence.NewList(table.own, table.disown)
	r.away = away{rule: given.WhenAway, settings: table.networkSettings}
	if given.Verify != nil {
		return r, r.handleVerify()
	}
	return r, nil
}

// The stream; nil unless it is open.
func (r *reporting) link() *link {
	if l := r.session.link(); l != nil && l.isOpen() {
		return l
	}
	return nil
}

// The number of reports and lists without an answer.
func (r *reporting) pending() int { return len(r.waiting) + r.exchanges }

// Reports a moment later. done is called when the coordinator has answered; or at once if no stream is open, since the
// next stream begins with the list and with the changes that have no answer.
func (r *reporting) report(one *report) {
	if r.link() == nil {
		one.settle()
		return
	}
	if len(r.waiting) >= mostWaiting {
		r.sync()
	}
	r.waiting = append(r.waiting, one)
	r.flushSoon()
}

// Reports of one moment go out in one frame.
func (r *reporting) flushSoon() {
	if r.flushing {
		return
	}
	r.flushing = true
	go func() {
		r.session.mu.Lock()
		defer r.session.mu.Unlock()
		if r.flushing {
			r.flush()
		}
	}()
}

// Sends the reports that wait, except those of players whose generation is not received yet.
func (r *reporting) flush() {
	r.flushing = false
	l := r.link()
	if l == nil {
		r.settleAll()
		return
	}
	// The players with a report that waits, or that gives the generation: later reports of them wait too.
	held := map[string]bool{}
	var ready, waiting []*report
	for _, one := range r.waiting {
		id := one.listed.ID
		if one.listed.WaitsFor != nil || held[id] {
			waiting = append(waiting, one)
			held[id] = true
			continue
		}
		ready = append(ready, one)
		held[id] = one.givesGeneration()
	}
	r.waiting = waiting
	for _, part := range framesOf(ready) {
		r.send(l, part)
	}
}

func (r *reporting) send(l *link, part []*report) {
	var about []*presence.Listed
	frame := &kelpiev1.ReportPlayers{}
	for _, one := range part {
		if one.givesGeneration() {
			about = append(about, one.listed)
		}
		frame.Reports = append(frame.Reports, one.wire())
	}
	exchange, end := r.begin(about)
	r.request(l, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_ReportPlayers{ReportPlayers: frame}},
		func(answer *kelpiev1.CoordinatorFrame, err *Error) {
			if err != nil {
				r.refused(part, err)
			} else {
				r.allAnswered(part, answer.GetPlayersReported().GetResults(), exchange)
			}
			end()
		})
}

// request calls done in every case.
func (r *reporting) request(l *link, frame *kelpiev1.NodeFrame, done func(*kelpiev1.CoordinatorFrame, *Error)) {
	if err := l.request(frame, done); err != nil {
		done(nil, fromGRPC(err))
	}
}

// A coordinator may leave a result out: then the report is settled.
func at(results []*kelpiev1.PlayerReportResult, index int) *kelpiev1.PlayerReportResult {
	if index < len(results) {
		return results[index]
	}
	return nil
}

// An exchange begins. These players wait for its answer, which has their generations. The result ends it.
func (r *reporting) begin(about []*presence.Listed) (exchange *presence.Exchange, end func()) {
	exchange = &presence.Exchange{}
	r.exchanges++
	for _, listed := range about {
		listed.WaitsFor = exchange
	}
	return exchange, func() { r.end(exchange, about) }
}

func (r *reporting) end(exchange *presence.Exchange, about []*presence.Listed) {
	r.exchanges--
	for _, listed := range about {
		if listed.WaitsFor == exchange {
			listed.WaitsFor = nil
		}
	}
	if len(r.waiting) > 0 {
		r.flush()
	}
}

func (r *reporting) allAnswered(part []*report, results []*kelpiev1.PlayerReportResult, exchange *presence.Exchange) {
	needsList := false
	for i, one := range part {
		differs := r.answered(one, at(results, i))
		// A list that is under way settles its players.
		listing := one.listed.WaitsFor != nil && one.listed.WaitsFor != exchange
		needsList = needsList || differs && !listing
	}
	if needsList {
		r.sendList()
	}
}

// Returns whether the proxy must send its list: the coordinator does not have the player as the list does.
func (r *reporting) answered(one *report, result *kelpiev1.PlayerReportResult) (differs bool) {
	if result.GetGeneration() > 0 {
		r.setGeneration(one.listed, result.Generation)
	}
	if result.GetError() == nil {
		one.done(nil)
		return false
	}
	err := fromWire(result.Error)
	gone := err.Reason == ReasonPlayerNotFound || err.Reason == ReasonStaleGeneration
	_, hasLeft := one.what.What.(*kelpiev1.PlayerReport_Left)
	differs = gone && !one.again && r.list.Has(one.listed)
	switch {
	case isUndecided(err), differs:
		one.settle()
	case hasLeft && gone:
		one.done(nil)
	default:
		one.undo()
		one.done(err)
	}
	return differs
}

// A request failed. If that decides nothing, a later list settles the reports.
func (r *reporting) refused(part []*report, err *Error) {
	if err.Reason == ReasonOutcomeUnknown {
		r.sendList()
	}
	for _, one := range part {
		if isRequestUndecided(err) {
			one.settle()
		} else {
			one.done(err)
		}
	}
}

func (r *reporting) settleAll() {
	waiting := r.waiting
	r.waiting = nil
	for _, one := range waiting {
		one.settle()
	}
}

// The client has ended.
func (r *reporting) close() {
	if r.options == nil {
		return
	}
	r.flushing = false
	r.settleAll()
	r.room.close()
}

// The coordinator refused something that the program does not wait for.
func (r *reporting) refuse(err *Error) { r.session.post(Status{Kind: Refused, Err: err}) }

func (r *reporting) now() time.Time { return time.Now() }

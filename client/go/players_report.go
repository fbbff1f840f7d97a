package kelpie

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/internal/presence"
	"example.com/kelpie/kelpiev1"
)

const (
	// The most reports of a frame by the contract, and half the bytes of a message.
	mostReports     = 256
	mostReportBytes = 512 * 1024
	// The most reports that wait. If there are more, the proxy sends the whole list instead.
	mostWaiting = 10_000
	// The text for a player whom the coordinator refused.
	refusedText = "You are not on this network any more."
)

// The errors while no coordinator is connected, or its storage is away.
var awayReasons = []Reason{ReasonUnavailable, ReasonEngineUnavailable, ReasonEpochEnded, ReasonOutcomeUnknown}

// Errors that decide nothing about a player: of these, or the coordinator is full or cannot store anything. A later list
// settles a report with such an error.
var undecidedReasons = append([]Reason{ReasonRequestQueueFull, ReasonJournalReadOnly, ReasonUnknown}, awayReasons...)

func isUndecided(err *Error) bool { return slices.Contains(undecidedReasons, err.Reason) }

// The same for the error of a whole request. STALE_GENERATION: another session of the node has taken its place.
func isRequestUndecided(err *Error) bool {
	return isUndecided(err) || err.Reason == ReasonStaleGeneration
}

// report is a report about one player, until its answer.
type report struct {
	listed *presence.Listed
	// The change; the player and the generation are set when it is sent.
	what *kelpiev1.PlayerReport
	// The report follows a list: its refusal sends no other list.
	again bool
	// Called once, with the lock: nil if the report is settled.
	done func(*Error)
	// The coordinator refused the report: reverts its change of the list.
	undo func()
}

// The report on the wire, with the player's present generation, which may be newer than the report.
func (r *report) wire() *kelpiev1.PlayerReport {
	return &kelpiev1.PlayerReport{PlayerId: r.listed.ID, Generation: r.listed.Generation, What: r.what.What}
}

// Whether the answer has the generation: a join without a grant.
func (r *report) givesGeneration() bool { return r.what.GetJoined() != nil && r.listed.Generation == 0 }

// The reports in order, as many in each frame as fit.
func framesOf(reports []*report) [][]*report {
	return presence.InParts(reports, func(r *report) int { return proto.Size(r.wire()) }, mostReports, mostReportBytes)
}

// The report gets no answer. The next list contains its effect, except changes of facts that other nodes changed too:
// the player keeps these changes, and the proxy reports them again.
func (r *report) settle() {
	r.keep()
	r.done(nil)
}

func (r *report) keep() {
	if change := r.what.GetChanged(); change != nil {
		r.listed.Unanswered = r.listed.Unanswered.With(change, r.listed.Player.Properties)
	}
}

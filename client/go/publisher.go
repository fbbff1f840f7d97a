package kelpie

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

// The most events and bytes that wait for an acknowledgement, or for the end of their done. Above one of these, publishing
// fails.
const (
	publishQueueEvents = 10_000
	publishQueueBytes  = 16 * 1024 * 1024
)

// The most events and bytes of one Publish: below the limits of every coordinator.
const (
	publishEvents = 256
	publishBytes  = 256 * 1024
)

// Room in a message beside one event, or beside all frames: topics, numbers, lengths, an Ack.
const besideBytes = 1024

// publisher is the publishes without an acknowledgement. It numbers each event once, keeps it until the coordinator has
// settled it, and sends it again on the next stream. By the numbers the coordinator stores each event once.
type publisher struct {
	// In order.
	pending []publishing
	// The index of the first event that has not gone out on the present stream.
	unsent int
	// How many events have gone out on any stream.
	sent int
	// The publish sequence of the first pending event. The others have the next numbers.
	first uint64
	// The admitted events, and their bytes: those that are pending, and those whose program has not taken the end yet.
	events, bytes int
	// The limits of the newest Welcome.
	limits *kelpiev1.Limits
	// Called when nothing is pending any more.
	idle []func()
	wake func()
}

type publishing struct {
	draft  *kelpiev1.EventDraft
	bytes  int
	settle settle
}

// settle takes the end of an event. It is called once, with the lock: it must not wait. The event counts as admitted
// until free is called, with the lock too.
type settle func(err error, free func())

// PUBLISH_QUEUE_FULL, or the refusal that the coordinator would give.
func (p *publisher) publish(draft *kelpiev1.EventDraft, settle settle) error {
	bytes := proto.Size(draft)
	if refusal := p.refusal(draft, bytes); refusal != nil {
		return refusal
	}
	if p.events >= publishQueueEvents || p.bytes+bytes > publishQueueBytes {
		return fail(ReasonPublishQueueFull, fmt.Sprintf(
			"%d events (%d bytes) wait: %d to be acknowledged, the others until their done returns; publish less, or wait "+
				"for these", p.events, p.bytes, len(p.pending)))
	}
	p.pending = append(p.pending, publishing{draft, bytes, settle})
	p.events++
	p.bytes += bytes
	p.wake()
	return nil
}

// nil before the first Welcome, when the limits are not here yet.
func (p *publisher) refusal(draft *kelpiev1.EventDraft, bytes int) error {
	if p.limits == nil {
		return nil
	}
	// 0: the coordinator names no limit.
	if most := int(p.limits.JsonDepth); most > 0 && most < jsonDepth && isDeeper(Content{draft.Payload.Content}.Value(), most) {
		return tooDeep(most)
	}
	limit := p.eventLimit()
	if bytes <= limit {
		return nil
	}
	exact := proto.Size(draft.Payload)
	if exact <= limit {
		return nil
	}
	return refuse(ReasonPayloadTooLarge,
		fmt.Sprintf("the event on %q has %d bytes; the limit is %d", draft.Topic, exact, limit),
		"bytes", strconv.Itoa(exact), "limit", strconv.Itoa(limit))
}

// The most bytes of an event, by the limits that the coordinator names.
func (p *publisher) eventLimit() int {
	limit := messageBytes - besideBytes
	if most := int(p.limits.MessageBytes); most > 0 {
		limit = most - besideBytes
	}
	for _, most := range []uint32{p.limits.PayloadBytes, p.limits.PublishBytes} {
		if most > 0 {
			limit = min(limit, int(most))
		}
	}
	return limit
}

// A new stream: the events up to the coordinator's publish sequence are settled, and the others go out again.
func (p *publisher) restart(welcome *kelpiev1.Welcome) {
	p.limits = welcome.Limits
	p.settleUpTo(welcome.PublishSequence, nil)
	// No coordinator has stored the others, and no older stream can store them any more: their numbers are free.
	if welcome.PublishSequence > 0 {
		p.first = welcome.PublishSequence + 1
	}
	p.unsent = 0
	p.refuseUnfit()
}

// Refuses the events that are above the limits of the new coordinator.
func (p *publisher) refuseUnfit() {
	kept, sent := p.pending[:0], 0
	for i, one := range p.pending {
		if refusal := p.refusal(one.draft, one.bytes); refusal != nil {
			p.end(one, refusal)
			continue
		}
		if i < p.sent {
			sent++
		}
		kept = append(kept, one)
	}
	clear(p.pending[len(kept):])
	p.pending, p.sent = kept, sent
	p.release()
}

// The next frame to send, of at most room bytes; nil if nothing waits or fits.
func (p *publisher) take(room int) *kelpiev1.Publish {
	mostEvents, mostBytes := publishEvents, min(publishBytes, room)
	if most := int(p.limits.GetPublishEvents()); most > 0 {
		mostEvents = min(mostEvents, most)
	}
	if most := int(p.limits.GetPublishBytes()); most > 0 {
		mostBytes = min(mostBytes, most)
	}
	frame := &kelpiev1.Publish{FirstPublishSequence: p.first + uint64(p.unsent)}
	bytes := 0
	for _, one := range p.pending[p.unsent:min(len(p.pending), p.unsent+mostEvents)] {
		if bytes+one.bytes > mostBytes && (bytes > 0 || one.bytes > room) {
			break
		}
		frame.Events = append(frame.Events, one.draft)
		// The tag and the length of the event.
		bytes += one.bytes + 6
	}
	if len(frame.Events) == 0 {
		return nil
	}
	p.unsent += len(frame.Events)
	p.sent = max(p.sent, p.unsent)
	return frame
}

func (p *publisher) acknowledge(ack *kelpiev1.PublishAck) {
	refused := map[uint64]error{}
	for _, one := range ack.Rejections {
		refused[one.PublishSequence] = fromWire(one.Error)
	}
	p.settleUpTo(ack.PublishSequence, refused)
}

// Settles the events up to a number, but only events that went out: the number may be wrong.
func (p *publisher) settleUpTo(number uint64, refused map[uint64]error) {
	if number < p.first {
		return
	}
	count := int(min(number-p.first+1, uint64(p.sent)))
	for i, one := range p.pending[:count] {
		p.end(one, refused[p.first+uint64(i)])
	}
	clear(p.pending[:count])
	p.pending = p.pending[count:]
	p.first += uint64(count)
	p.sent -= count
	p.unsent = max(0, p.unsent-count)
	p.release()
}

func (p *publisher) end(one publishing, err error) {
	one.settle(err, func() {
		p.events--
		p.bytes -= one.bytes
	})
}

// Calls work when no event waits for an acknowledgement.
func (p *publisher) whenIdle(work func()) {
	p.idle = append(p.idle, work)
	p.release()
}

func (p *publisher) release() {
	if len(p.pending) > 0 {
		return
	}
	idle := p.idle
	p.idle = nil
	for _, work := range idle {
		work()
	}
}

// Fails all pending events.
func (p *publisher) close(err error) {
	pending := p.pending
	p.pending, p.unsent, p.sent = nil, 0, 0
	for _, one := range pending {
		p.end(one, err)
	}
	p.release()
}

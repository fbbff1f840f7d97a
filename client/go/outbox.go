package kelpie

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

const (
	// The largest message before the Welcome.
	messageBytes = 1024 * 1024
	// The most frames that wait until the coordinator reads them: more than all requests that may wait.
	outboxBytes  = 32 * 1024 * 1024
	outboxFrames = 100_000
	// Bytes before each frame.
	lengthBytes = 6
)

// outbox is the frames for the coordinator. The stream pulls them: a message takes all frames that are ready and fit.
type outbox struct {
	publishes *publisher
	ready     []outgoing
	bytes     int
	// The newest acknowledgement; 0: none. Unless it is due, it waits for another frame to travel with.
	ack    uint64
	ackDue bool
	// Publishes may go out. They wait for the Welcome, which has the number where they go on.
	open  bool
	ended bool
	// 0: messageBytes.
	messageBytes int
	// Has room for one wake-up of the goroutine that sends.
	woken chan struct{}
}

type outgoing struct {
	frame *kelpiev1.NodeFrame
	bytes int
}

// Returns the bytes of the frame. VALUE_INVALID for a text that is not UTF-8: the stream would break. PAYLOAD_TOO_LARGE if
// no message has room for the frame.
func (o *outbox) send(frame *kelpiev1.NodeFrame) (int, error) {
	encoded, err := proto.Marshal(frame)
	if err != nil {
		return 0, invalid("text", "a text of the request is not UTF-8: "+err.Error())
	}
	bytes, limit := len(encoded), o.messageLimit()-besideBytes
	if bytes > limit {
		return 0, refuse(ReasonPayloadTooLarge,
			fmt.Sprintf("a request of %d bytes does not fit in a message; the limit is %d", bytes, limit),
			"bytes", strconv.Itoa(bytes), "limit", strconv.Itoa(limit))
	}
	o.ready = append(o.ready, outgoing{frame, bytes})
	o.bytes += bytes
	o.wake()
	return bytes, nil
}

func (o *outbox) messageLimit() int {
	if o.messageBytes > 0 {
		return o.messageBytes
	}
	return messageBytes
}

// Whether so many frames wait that no more may be added.
func (o *outbox) full() bool { return o.bytes >= outboxBytes || len(o.ready) >= outboxFrames }

// Acknowledges all events up to a sequence: at once if that is due, else with the next message.
func (o *outbox) acknowledge(sequence uint64, due bool) {
	o.ack = sequence
	o.ackDue = o.ackDue || due
	if due {
		o.wake()
	}
}

// Publishes may go out.
func (o *outbox) start() {
	o.open = true
	o.wake()
}

// Ends the client's side of the stream after the ready frames. Publishes that wait go out on the next stream.
func (o *outbox) end() {
	o.ended, o.open = true, false
	o.wake()
}

func (o *outbox) wake() {
	select {
	case o.woken <- struct{}{}:
	default:
	}
}

// The next message; nil if there is none now.
func (o *outbox) take() *kelpiev1.ConnectRequest {
	frames, bytes := o.fitting()
	if o.open && len(o.ready) == 0 {
		if publish := o.publishes.take(o.messageLimit() - besideBytes - bytes); publish != nil {
			frames = append(frames, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_Publish{Publish: publish}})
		}
	}
	// It goes first: after Goodbye no acknowledgement counts.
	if o.ack > 0 && (len(frames) > 0 || o.ackDue && !o.ended) {
		ack := &kelpiev1.NodeFrame_Ack{Ack: &kelpiev1.Ack{Sequence: o.ack}}
		frames = append([]*kelpiev1.NodeFrame{{Frame: ack}}, frames...)
		o.ack, o.ackDue = 0, false
	}
	if len(frames) == 0 {
		return nil
	}
	return &kelpiev1.ConnectRequest{Frames: frames}
}

// The first frames that fit in a message; at least one, unless none is ready. They leave room for publishes.
func (o *outbox) fitting() (frames []*kelpiev1.NodeFrame, bytes int) {
	most := o.messageLimit() * 6 / 10
	for _, one := range o.ready {
		if len(frames) > 0 && bytes+one.bytes > most {
			break
		}
		frames = append(frames, one.frame)
		bytes += one.bytes + lengthBytes
		o.bytes -= one.bytes
	}
	clear(o.ready[:len(frames)])
	o.ready = o.ready[len(frames):]
	return frames, bytes
}

package kelpie

import (
	"context"
	"errors"
	"io"
	"time"

	"example.com/kelpie/kelpiev1"
)

const (
	// How long a coordinator has to send Welcome. It may first wait 3 s for the present holder of the name.
	welcomeTimeout = 10 * time.Second
	// The values for a coordinator that sends none, and the least that count.
	defaultHeartbeat  = 5 * time.Second
	defaultMaxSilence = 15 * time.Second
	defaultGrace      = 15 * time.Second
	leastHeartbeat    = 50 * time.Millisecond
	leastMaxSilence   = 250 * time.Millisecond
	leastGrace        = 500 * time.Millisecond
)

// link is one stream to a coordinator, from Hello to its end. The client makes a new link for each stream. The state
// that outlives a stream (position, pending publishes, roster) belongs to the session, whose lock guards all fields.
type link struct {
	session  *session
	route    *route
	ctx      context.Context
	abort    context.CancelFunc
	outbox   outbox
	requests requests
	changes  helloChanges
	// The changes of the node that came after the Hello of this stream, until its Welcome.
	missed []*kelpiev1.NodeChange
	// nil before the Welcome.
	welcome    *kelpiev1.Welcome
	processing processing
	failure    *Error
	// Another stream has taken the place of this one, which takes only the answers to its requests.
	retired bool
	// Goodbye goes out when the requests have their answers.
	finishing bool
	// When the last message came, and when the last heartbeat went out.
	receivedAt time.Time
	beatAt     time.Time
	roundTrip  time.Duration
	// A heartbeat is about to go out.
	beating bool
	// Stop the timers.
	stopSilence, stopHeartbeat, stopExpiry, stopFinish func()
	// Closed when the session is open, or when the stream has ended before.
	welcomed chan struct{}
	// Closed when the stream has ended, or when another one has taken its place.
	over chan struct{}
	// Closed when the stream has ended. err is its error then, nil if it ended in order.
	ended chan struct{}
	err   *Error
}

// A new link, which run opens.
func (s *session) newLink(to *route) *link {
	l := &link{session: s, route: to, welcomed: make(chan struct{}), over: make(chan struct{}), ended: make(chan struct{})}
	l.ctx, l.abort = context.WithCancel(context.Background())
	l.outbox = outbox{publishes: &s.publisher, woken: make(chan struct{}, 1)}
	l.stopSilence, l.stopHeartbeat, l.stopExpiry, l.stopFinish = func() {}, func() {}, func() {}, func() {}
	hello := s.hello()
	l.changes.begin(hello)
	l.session.must(l.outbox.send(&kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_Hello{Hello: hello}}))
	l.watchSilence(welcomeTimeout)
	go l.run()
	return l
}

// Runs until the stream ends.
func (l *link) run() {
	err := l.route.connect(l.ctx, l.exchange)
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	l.err = l.failure
	if l.err == nil && err != nil && !errors.Is(err, io.EOF) {
		l.err = fromGRPC(err)
	}
	l.stopSilence()
	l.stopHeartbeat()
	l.stopExpiry()
	l.stopFinish()
	l.abort()
	l.outbox.end()
	l.requests.drop()
	if l.welcome == nil {
		close(l.welcomed)
	}
	l.pass()
	close(l.ended)
}

// Sends and receives on an open stream, until it ends.
func (l *link) exchange(stream kelpiev1.SessionService_ConnectClient) error {
	go l.sendAll(stream)
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		l.session.mu.Lock()
		l.receivedAt = time.Now()
		for _, frame := range response.Frames {
			if !l.answer(frame) && !l.retired {
				l.receive(frame)
			}
		}
		l.session.mu.Unlock()
	}
}

// Sends the frames of the outbox, off the goroutines that made them.
func (l *link) sendAll(stream kelpiev1.SessionService_ConnectClient) {
	for {
		l.session.mu.Lock()
		message, ended := l.outbox.take(), l.outbox.ended
		l.session.mu.Unlock()
		switch {
		case message != nil:
			if stream.Send(message) != nil {
				return // Recv has the reason.
			}
		case ended:
			_ = stream.CloseSend()
			return
		default:
			select {
			case <-l.outbox.woken:
			case <-l.ctx.Done():
				return
			}
		}
	}
}

// Takes a frame that answers no request.
func (l *link) receive(frame *kelpiev1.CoordinatorFrame) {
	switch body := frame.Frame.(type) {
	case *kelpiev1.CoordinatorFrame_EventBatch:
		l.batch(body.EventBatch)
	case *kelpiev1.CoordinatorFrame_PublishAck:
		l.session.publisher.acknowledge(body.PublishAck)
	case *kelpiev1.CoordinatorFrame_Welcome:
		l.start(body.Welcome)
	case *kelpiev1.CoordinatorFrame_HeartbeatAck:
		if !l.beatAt.IsZero() {
			l.roundTrip = time.Since(l.beatAt)
		}
		l.caughtUp(body.HeartbeatAck.Cursor)
	case *kelpiev1.CoordinatorFrame_SubscriptionUpdated:
		l.caughtUp(body.SubscriptionUpdated.Cursor)
	case *kelpiev1.CoordinatorFrame_HeartbeatRequested:
		l.beatSoon()
	default:
		// A newer coordinator may send a frame that this version does not have: it arrives empty.
		l.session.take(l, frame)
	}
}

func (l *link) isOpen() bool { return l.welcome != nil && l.ctx.Err() == nil && !l.outbox.ended }

// The limits of the coordinator; nil before its Welcome, which the getters take.
func (l *link) limits() *kelpiev1.Limits { return l.welcome.GetLimits() }

// request sends a request with one answer. Then done is called once with the lock held: with the answer, or with its
// refusal, or UNAVAILABLE. It must not wait. An error that request returns is in place of that call.
func (l *link) request(frame *kelpiev1.NodeFrame, done func(*kelpiev1.CoordinatorFrame, *Error)) error {
	_, err := l.issue(frame, waiter{
		answer: func(answer *kelpiev1.CoordinatorFrame) bool { done(answer, nil); return true },
		fail:   func(err *Error) { done(nil, err) },
	})
	return err
}

// issue sends a request that can have many answers, and returns its number. UNAVAILABLE or REQUEST_QUEUE_FULL.
func (l *link) issue(frame *kelpiev1.NodeFrame, one waiter) (uint32, error) {
	if !l.isOpen() {
		return 0, unanswered()
	}
	one.superseded = isSuperseded(frame)
	return l.requests.open(one, func(number uint32) (int, error) {
		frame.RequestId = number
		return l.outbox.send(frame)
	})
}

// send sends a frame that has no answer except a refusal. Returns false if no session is open. If the coordinator reads
// nothing while it makes this node send more and more, the client breaks the stream.
func (l *link) send(frame *kelpiev1.NodeFrame) bool {
	if l.outbox.full() {
		l.fail(fail(ReasonUnavailable, "the coordinator does not read the frames of this node"))
	}
	if !l.isOpen() {
		return false
	}
	if _, err := l.outbox.send(frame); err != nil {
		l.session.post(Status{Kind: Refused, Err: err})
	}
	return true
}

// The coordinator of another stream has stored a change of the node, which the Hello of this one did not have.
func (l *link) change(change *kelpiev1.NodeChange) {
	if l.welcome == nil {
		l.missed = append(l.missed, change)
		return
	}
	update := &kelpiev1.NodeFrame_UpdateOwnNode{UpdateOwnNode: &kelpiev1.UpdateOwnNode{Change: change}}
	l.send(&kelpiev1.NodeFrame{Frame: update})
}

func (l *link) start(welcome *kelpiev1.Welcome) {
	if l.welcome != nil {
		l.fail(fail(ReasonProtocol, "a second Welcome came"))
		return
	}
	if network := l.route.network; network != "" && welcome.Network != network {
		l.failure = networkMismatch(network, welcome.Network)
		l.retired = true
		l.leave(kelpiev1.GoodbyeReason_GOODBYE_REASON_STOP)
		return
	}
	l.welcome = welcome
	l.outbox.messageBytes = int(welcome.Limits.GetMessageBytes())
	l.watchSilence(welcomeTime(welcome.MaxSilence, defaultMaxSilence, leastMaxSilence))
	l.beatEvery(welcomeTime(welcome.HeartbeatInterval, defaultHeartbeat, leastHeartbeat))
	l.session.publisher.restart(welcome)
	l.session.welcomed(l, welcome)
	for _, change := range l.missed {
		l.change(change)
	}
	l.missed = nil
	l.watchExpiry(durationOr(welcome.CredentialExpiresIn, 0))
	// The first heartbeat goes out at once, so that others see the load without waiting for an interval.
	l.beatSoon()
	l.outbox.start()
	close(l.welcomed)
}

func (l *link) batch(batch *kelpiev1.EventBatch) {
	if batch.UpTo == nil {
		l.fail(fail(ReasonProtocol, "a batch came without its position"))
		return
	}
	one := l.processing.begin(batch.UpTo, len(batch.Events))
	l.session.reading.take(batch, l.fail, func() { l.finish(one) })
}

// An acknowledgement covers all events before it, so it waits until all earlier pieces are processed.
func (l *link) finish(one *piece) {
	if upTo, due := l.processing.finish(one); upTo != nil && !l.retired {
		l.outbox.acknowledge(upTo.Sequence, due)
	}
}

func (l *link) caughtUp(cursor *kelpiev1.Cursor) {
	if cursor != nil {
		l.session.reading.reach(cursor)
	}
}

// Breaks the stream.
func (l *link) fail(err *Error) {
	if l.failure == nil {
		l.failure = err
	}
	l.abort()
}

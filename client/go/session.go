package kelpie

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

// How long Close waits for publishes that are not acknowledged, and then for the end of the streams.
const closeTimeout = 5 * time.Second

// session is the composition of a client: the parts that outlive a stream. One lock guards all of them and the streams:
// frames, timers and calls change them one at a time. Code that holds it neither waits nor calls the program; the
// program's functions run on lanes and on callbacks.
//
// A part on top of the session (the roster, the players of a proxy) sends by s.link and link.request or link.send, or
// from a call of the program by s.ask; it sees frames in take, each Welcome in welcomed, and the events in reading.
type session struct {
	mu             sync.Mutex
	name           string
	handlerTimeout time.Duration
	// The Hello of this process. Each stream adds topics, commands and start.
	facts      *kelpiev1.Hello
	connection connection
	publisher  publisher
	reading    reading
	handlers   handlers
	locks      locks
	reporting  *reporting
	load       *meter[*kelpiev1.NodeLoad]
	status     *statusBoard
	callbacks  callbacks
	calls      *calls
	// The newest Welcome of any stream.
	welcome *kelpiev1.Welcome
	started bool
	closing bool
	// Set when the client has ended. Its error is nil after Close.
	ended bool
	final *Error
	done  chan struct{}
}

func newSession(options Options) (*session, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	routes, err := options.routes()
	if err != nil {
		return nil, err
	}
	s := &session{
		name:           strings.ToLower(options.Name),
		handlerTimeout: options.HandlerTimeout,
		facts:          options.hello(),
		done:           make(chan struct{}),
	}
	s.status = newStatusBoard(newWarnings(options.Name, options.Logger))
	s.load = newLoadMeter(s, options.Load)
	s.publisher = publisher{first: 1, wake: func() {
		if link := s.connection.current; link != nil {
			link.outbox.wake()
		}
	}}
	s.connection = connection{session: s, routes: routes, closing: make(chan struct{})}
	s.calls = newCalls(s, routes)
	s.handlers = handlers{session: s}
	s.callbacks.session = s
	s.locks.session = s
	if err := s.startReading(options); err != nil {
		return nil, err
	}
	s.reporting, err = newReporting(s, options)
	return s, err
}

func (s *session) startReading(options Options) error {
	saved, cursor, err := newSavedState(s, options)
	if err != nil {
		return err
	}
	s.reading = reading{session: s, saved: saved, position: position{first: options.Start, resume: cursor}}
	s.reading.subscriptions = subscriptions{session: s, onPatterns: s.changeTopics}
	s.reading.watches = watches{session: s}
	s.reading.roster, err = newRosterTable(s, options)
	if err != nil {
		return err
	}
	for _, topic := range s.reading.roster.topics() {
		s.reading.subscriptions.want(topic)
	}
	s.reading.saved.restore(s.reading.roster)
	return nil
}

// See Client.Start.
func (s *session) start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.ended {
		return
	}
	s.started = true
	s.reading.saved.reportUnread()
	go s.run()
	go func() {
		select {
		case <-ctx.Done():
			_ = s.close(context.Background())
		case <-s.done:
		}
	}()
}

func (s *session) run() {
	err := s.connection.run()
	s.mu.Lock()
	s.finish(err)
	s.mu.Unlock()
}

// The client has ended.
func (s *session) finish(err *Error) {
	s.ended, s.final = true, err
	last := err
	if last == nil {
		last = closedError()
	}
	s.reading.saved.ended = true
	s.publisher.close(last)
	s.reading.subscriptions.close()
	s.reading.watches.close()
	s.reading.roster.close()
	s.handlers.close()
	s.locks.close()
	s.reporting.close()
	s.post(Status{Kind: Closed, Err: asError(err)})
	s.mu.Unlock()
	s.reading.saved.close()
	s.calls.close()
	s.mu.Lock()
	close(s.done)
}

// The Hello of the next stream.
func (s *session) hello() *kelpiev1.Hello {
	hello := proto.Clone(s.facts).(*kelpiev1.Hello)
	hello.Topics, hello.Start = s.reading.restart()
	hello.Commands = s.handlers.names()
	return hello
}

// A stream is open.
func (s *session) welcomed(l *link, welcome *kelpiev1.Welcome) {
	s.connection.welcomed(l)
	s.welcome = welcome
	s.reading.begin(welcome.Cursor)
	if s.reading.unloaded() {
		l.changes.requestSnapshot(l.send, s.reading.roster.topics())
	}
	l.changes.setTopics(l.send, s.reading.subscriptions.patterns())
	l.changes.setCommands(l.send, s.handlers.names())
	s.reading.watches.begin()
	s.locks.connected(welcome.Outcome)
	s.reporting.restart()
	s.handlers.restart()
	s.post(Status{Kind: Connected, Endpoint: l.route.endpoint, Welcome: welcome})
}

// Takes a frame that is not about the stream itself.
func (s *session) take(l *link, frame *kelpiev1.CoordinatorFrame) {
	switch body := frame.Frame.(type) {
	case *kelpiev1.CoordinatorFrame_Snapshot:
		s.reading.load(body.Snapshot)
	case *kelpiev1.CoordinatorFrame_Gap:
		s.reading.lose(body.Gap)
		s.post(Status{Kind: Gap, Gap: body.Gap})
	case *kelpiev1.CoordinatorFrame_NodeLoads:
		s.reading.roster.applyLoads(body.NodeLoads)
	case *kelpiev1.CoordinatorFrame_Drain:
		if !body.Drain.MayStay {
			s.post(Status{Kind: DrainAnnounced})
		}
		s.connection.move(l, body.Drain, !s.reading.position.loading)
	case *kelpiev1.CoordinatorFrame_CommandRequest:
		s.handlers.take(body.CommandRequest)
	case *kelpiev1.CoordinatorFrame_CommandCancelled:
		s.handlers.cancel(body.CommandCancelled.CommandId)
	case *kelpiev1.CoordinatorFrame_PlayerEvicted:
		s.reporting.evicted(body.PlayerEvicted)
	case *kelpiev1.CoordinatorFrame_SyncRequested:
		s.reporting.sync()
	}
}

// The stream; nil while there is none. It may have no Welcome yet.
func (s *session) link() *link { return s.connection.current }

// The stream for a request: the error that ended the client, CLOSED, or UNAVAILABLE while there is none.
func (s *session) usableLink() (*link, error) {
	if err := s.endError(); err != nil {
		return nil, err
	}
	if l := s.link(); l != nil {
		return l, nil
	}
	return nil, unanswered()
}

// nil while the client has not ended.
func (s *session) endError() error {
	if !s.ended {
		return nil
	}
	if s.final != nil {
		return s.final
	}
	return closedError()
}

func (s *session) changeTopics() {
	if l := s.link(); l != nil {
		l.changes.setTopics(l.send, s.reading.subscriptions.patterns())
	}
}

// Whether the client ends with this error: no later attempt can help, or the name was in use from the start.
func (s *session) isFinal(err *Error) bool {
	if err == nil {
		return false
	}
	return err.Permanent || err.Reason == ReasonSessionEnded || err.Reason == ReasonNodeNameInUse && s.welcome == nil
}

// How long the coordinator keeps the node without a stream.
func (s *session) grace() time.Duration {
	return welcomeTime(s.welcome.GetGrace(), defaultGrace, leastGrace)
}

func (s *session) post(status Status) { s.status.post(status) }

func (s *session) handlerFailed(pattern string, err error) {
	s.post(Status{Kind: HandlerFailed, Pattern: pattern, Err: err})
}

// For frames that always fit.
func (s *session) must(_ int, err error) {
	if err != nil {
		s.post(Status{Kind: Refused, Err: err})
	}
}

// A nil *Error as a nil error.
func asError(err *Error) error {
	if err == nil {
		return nil
	}
	return err
}

package kelpie

import (
	"context"
	"iter"

	"google.golang.org/grpc"
)

// Client is a node of a network. Connect makes it.
type Client struct {
	session *session
	players *Players
	roster  *Roster
	state   *SharedState
}

// Connect makes a client and starts it: New, then Start. It returns at once, and the client connects in the background.
// When ctx ends, the client ends as by Close.
//
// Subscriptions and handlers that a program adds later than Start reach the coordinator a little later, and get only
// the events from then on. A program that must not miss one, for example with CursorFile, uses New and Start itself.
func Connect(ctx context.Context, options Options) (*Client, error) {
	client, err := New(options)
	if err != nil {
		return nil, err
	}
	client.Start(ctx)
	return client, nil
}

// New makes a client that is not started. VALUE_INVALID or OUT_OF_RANGE for options that cannot work, FILE_INVALID for
// a file that cannot be read.
func New(options Options) (*Client, error) {
	session, err := newSession(options)
	if err != nil {
		return nil, err
	}
	return &Client{
		session: session,
		players: newPlayers(session),
		roster:  session.reading.roster.view(),
		state:   &SharedState{session},
	}, nil
}

// Start connects in the background, and comes back until Close or until the end of ctx, which is the same as Close.
// Calling it again does nothing.
func (c *Client) Start(ctx context.Context) { c.session.start(ctx) }

// Name is the name of the node in lower case, as in topics.
func (c *Client) Name() string { return c.session.name }

// Ready waits until the first session is open and the roster is loaded. It returns the error that ended the client
// before that, for example NODE_NAME_IN_USE, or the error of ctx.
func (c *Client) Ready(ctx context.Context) error { return c.session.ready(ctx) }

// Close ends the client in order: it waits up to 5 s until a coordinator has acknowledged all publishes, then says
// goodbye, so that the node leaves at once. Publishes without an acknowledgement fail with CLOSED then. It returns when
// the client has ended; when ctx ends first, the client ends without waiting, and Close returns the error of ctx.
func (c *Client) Close(ctx context.Context) error { return c.session.close(ctx) }

// Done is closed when the client has ended.
func (c *Client) Done() <-chan struct{} { return c.session.done }

// Err is the error that ended the client, for example NODE_NAME_IN_USE. It is nil while the client runs, and after Close.
func (c *Client) Err() error { return c.session.err() }

// Status loops over what happens to the client, from its state at this call on: sessions, losses, refusals, failed handlers.
// The loop ends with the client, or with ctx. While nobody reads it, the client logs warnings.
func (c *Client) Status(ctx context.Context) iter.Seq[Status] { return c.session.status.read(ctx) }

// Conn is a connection for the calls of the contract, with the credentials of the client, to the coordinator of the
// present session:
//
//	nodes := kelpiev1.NewNodeServiceClient(client.Conn())
//
// Its calls return *Error, do not wait for a session, and fail with CLOSED after the end of the client.
func (c *Client) Conn() grpc.ClientConnInterface { return c.session.calls }

// Players has the players of a proxy, and the events of players for every role.
func (c *Client) Players() *Players { return c.players }

// Roster has the nodes of the network, and its players if the options ask for them: live, from memory.
func (c *Client) Roster() *Roster { return c.roster }

// State has the values that the programs of the network share.
func (c *Client) State() *SharedState { return c.state }

// Features are the optional features of the contract that the coordinator has. None before the first session.
func (c *Client) Features() []string { return c.session.features() }

// Pending is the number of requests of this node, and of commands for it, that have no answer yet.
func (c *Client) Pending() int { return c.session.pending() }

// Subscribe calls the handler with each event whose topic matches the pattern, in order, one at a time. In a pattern
// "*" is one token and ">" at the end is the rest. Only this node receives the messages on "inbox.<this node>".
// TOPIC_INVALID, TOPIC_RESERVED, PATTERN_LIMIT or HELLO_TOO_LARGE.
func (c *Client) Subscribe(pattern string, handler Handler) (*Subscription, error) {
	return c.session.subscribe(pattern, handler)
}

// Events loops over the events whose topics match the pattern. An event counts as processed when the loop goes on to
// the next one; the option HandlerTimeout holds for the body of the loop too. The subscription begins with this call,
// and ends with the loop or with ctx, whose error comes last. A second loop over the same value has no events.
func (c *Client) Events(ctx context.Context, pattern string) iter.Seq2[*Event, error] {
	return c.session.events(ctx, pattern)
}

// Publish publishes a message and waits until the coordinator has stored it, also over reconnects. The content is a
// string, []byte, Content, or a value that JSON writes as an object or a list. TOPIC_INVALID, TOPIC_RESERVED,
// PAYLOAD_TOO_LARGE, CONTENT_TOO_DEEP and the other reasons of Publish; PUBLISH_QUEUE_FULL if more than 10,000 events or
// 16 MiB wait for an acknowledgement, or for the end of their done; CLOSED. When ctx ends first, the event is still on its way. With NoWait it returns
// at once, and a later refusal is a status Refused.
//
// If the stream breaks before an acknowledgement arrives, the next one reports only that the event is settled: then
// Publish returns nil, even if the coordinator refused the event for a reason that the client does not check.
func (c *Client) Publish(ctx context.Context, topic string, content any, options ...MessageOption) error {
	if ctx == NoWait {
		return c.session.publishAsync(topic, content, options, nil)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	settled := make(chan error, 1)
	settle := func(err error, free func()) {
		free()
		settled <- err
	}
	if err := c.session.publish(topic, content, options, settle); err != nil {
		return err
	}
	select {
	case err := <-settled:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// PublishAsync publishes a message without waiting, for the tick of a game: it keeps a copy and returns. It returns the
// errors that it sees at once; done gets the later end of the event, nil if it is stored, on a goroutine of the client.
// Each done waits for the one before it, and the event counts for PUBLISH_QUEUE_FULL until its done has returned. With a
// nil done a later error is a status Refused.
func (c *Client) PublishAsync(topic string, content any, done func(error), options ...MessageOption) error {
	return c.session.publishAsync(topic, content, options, done)
}

// Update changes the facts of this node, and waits until the coordinator has stored the change. It holds for later
// streams too. LABELS_INVALID, OUT_OF_RANGE …, or UNAVAILABLE while no coordinator is connected.
func (c *Client) Update(ctx context.Context, change NodeChange) error {
	return c.session.update(ctx, change)
}

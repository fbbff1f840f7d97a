package kelpie

import (
	"context"
	"sync"

	"google.golang.org/grpc"
)

// calls is the connection for the calls of the contract: one to each coordinator that a call went to, kept until the
// end of the client.
type calls struct {
	session *session
	byName  map[string]*route
	mu      sync.Mutex
	open    map[string]*callTarget
	closed  bool
}

type callTarget struct {
	conn    *grpc.ClientConn
	route   *route
	explain func(error) error
}

func newCalls(s *session, routes []*route) *calls {
	byName := map[string]*route{}
	for _, one := range routes {
		byName[one.endpoint] = one
	}
	return &calls{session: s, byName: byName, open: map[string]*callTarget{}}
}

// The connection to the coordinator of the present session.
func (c *calls) target() (*callTarget, error) {
	c.session.mu.Lock()
	endpoint := c.session.connection.endpoint()
	c.session.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, closedError()
	}
	if target := c.open[endpoint]; target != nil {
		return target, nil
	}
	to := c.byName[endpoint]
	conn, explain, err := to.dial()
	if err != nil {
		return nil, err
	}
	target := &callTarget{conn, to, explain}
	c.open[endpoint] = target
	return target, nil
}

// Invoke does a unary call.
func (c *calls) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	target, shown, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	return target.failed(ctx, target.conn.Invoke(shown, method, request, reply, options...))
}

// NewStream begins a call with a stream.
func (c *calls) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	target, shown, err := c.prepare(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := target.conn.NewStream(shown, desc, method, options...)
	if err != nil {
		return nil, target.failed(ctx, err)
	}
	return &callStream{stream, target}, nil
}

func (c *calls) prepare(ctx context.Context) (*callTarget, context.Context, error) {
	target, err := c.target()
	if err != nil {
		return nil, nil, err
	}
	token, err := target.route.tokens.current()
	if err != nil {
		return nil, nil, err
	}
	return target, withToken(ctx, token), nil
}

// The error for the program: that of its ctx, or an *Error.
func (t *callTarget) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if known := fromGRPC(err); ctx.Err() != nil && (known.Reason == ReasonUnknown || known.Reason == ReasonUnavailable) {
		return ctx.Err()
	}
	return t.route.tokens.refused(t.explain(err))
}

func (c *calls) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, target := range c.open {
		_ = target.conn.Close()
	}
	c.open = nil
}

// callStream is a stream whose errors are those of the client.
type callStream struct {
	grpc.ClientStream
	target *callTarget
}

func (s *callStream) RecvMsg(message any) error { return s.failed(s.ClientStream.RecvMsg(message)) }

func (s *callStream) failed(err error) error {
	if isEnd(err) {
		return err
	}
	return s.target.failed(s.Context(), err)
}

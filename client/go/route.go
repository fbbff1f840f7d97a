package kelpie

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	"example.com/kelpie/kelpiev1"
)

// route is a way to one coordinator.
type route struct {
	endpoint string
	// The network that the program expects; empty: any.
	network    string
	tokens     *tokens
	protection *protection
	// The earliest next attempt, where the coordinator asked for a wait. The lock of the session guards it.
	notBefore time.Time
}

// Opens one stream over a connection of its own, with the token and the certificates of this moment, and runs exchange
// on it. A node that joins the wrong network would replace the node of its name there, so the network comes first.
func (r *route) connect(ctx context.Context, exchange func(kelpiev1.SessionService_ConnectClient) error) error {
	conn, explain, err := r.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	err = r.open(ctx, conn, exchange)
	if err == nil {
		return nil
	}
	return explain(err)
}

func (r *route) open(ctx context.Context, conn *grpc.ClientConn, exchange func(kelpiev1.SessionService_ConnectClient) error) error {
	token, err := r.tokens.forStream(ctx, conn)
	if err != nil {
		return err
	}
	shown := withToken(ctx, token)
	if err := r.checkNetwork(shown, conn); err != nil {
		return r.tokens.refusedStream(token, err)
	}
	stream, err := kelpiev1.NewSessionServiceClient(conn).Connect(shown)
	if err == nil {
		err = exchange(stream)
	}
	return r.tokens.refusedStream(token, err)
}

// The connection, and a function that says why it does not open.
func (r *route) dial(options ...grpc.DialOption) (*grpc.ClientConn, func(error) error, error) {
	plain := &plainConns{endpoint: r.endpoint}
	transport, explain := insecure.NewCredentials(), plain.explain
	if r.protection.usesTLS(r.endpoint) {
		handshakes := r.protection.handshakes(r.endpoint)
		transport, explain = handshakes, handshakes.explain
	}
	conn, err := grpc.NewClient("passthrough:///"+r.endpoint, append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithContextDialer(plain.dial),
		// The client has a back-off of its own, which knows the grace.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, MaxDelay: time.Second},
			MinConnectTimeout: welcomeTimeout,
		}),
		// It notices a dead coordinator.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 20 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true,
		}),
		grpc.WithDisableRetry(),
		// The default of 64 KiB lets 3 MB/s through at 20 ms round trip.
		grpc.WithInitialWindowSize(1 << 20),
		grpc.WithInitialConnWindowSize(1 << 20),
		grpc.WithUserAgent("kelpie-go/" + Version),
	}, options...)...)
	if err != nil {
		return nil, nil, invalid("Endpoints", err.Error())
	}
	return conn, explain, nil
}

func withToken(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// NETWORK_MISMATCH. The Welcome of an older coordinator, which has no such call, names its network too, later.
func (r *route) checkNetwork(ctx context.Context, conn *grpc.ClientConn) error {
	if r.network == "" {
		return nil
	}
	own, err := kelpiev1.NewAccessServiceClient(conn).GetOwnCredential(ctx, &kelpiev1.GetOwnCredentialRequest{})
	if err != nil {
		if known := fromGRPC(err); known.Reason != ReasonNotACoordinator {
			return known
		}
		return nil
	}
	if own.Network != r.network {
		return networkMismatch(r.network, own.Network)
	}
	return nil
}

func networkMismatch(expected, network string) *Error {
	return refuse(ReasonNetworkMismatch, fmt.Sprintf(
		"the token or certificate of this node is of the network %q, and the program expects %q; give the node a token "+
			"of %q, or change the option Network", network, expected, expected),
		"expected", expected, "network", network)
}

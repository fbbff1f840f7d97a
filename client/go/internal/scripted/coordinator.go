// Package scripted has a coordinator for tests whose frames the test itself sends.
package scripted

import (
	"fmt"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/kelpie/kelpiev1"
)

// How long a test waits for a frame or a stream.
const patience = 8 * time.Second

// Coordinator accepts streams.
type Coordinator struct {
	kelpiev1.UnimplementedSessionServiceServer
	// As host:port.
	Endpoint string
	server   *grpc.Server
	streams  chan *Stream
}

// Stream is a stream of a node.
type Stream struct {
	t      testing.TB
	server grpc.BidiStreamingServer[kelpiev1.ConnectRequest, kelpiev1.ConnectResponse]
	frames chan *kelpiev1.NodeFrame
	end    chan error
	// Closed when the stream has ended.
	Ended chan struct{}
}

// Start starts one on a free port, and stops it at the end of the test.
func Start(t testing.TB) *Coordinator { return StartAt(t, "127.0.0.1:0") }

// StartAt starts one at an address.
func StartAt(t testing.TB, address string) *Coordinator {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &Coordinator{Endpoint: listener.Addr().String(), server: grpc.NewServer(), streams: make(chan *Stream, 16)}
	kelpiev1.RegisterSessionServiceServer(c.server, c)
	go func() { _ = c.server.Serve(listener) }()
	t.Cleanup(c.Stop)
	return c
}

// Stop breaks all streams.
func (c *Coordinator) Stop() { c.server.Stop() }

// Connect takes a stream.
func (c *Coordinator) Connect(server grpc.BidiStreamingServer[kelpiev1.ConnectRequest, kelpiev1.ConnectResponse]) error {
	s := &Stream{server: server, frames: make(chan *kelpiev1.NodeFrame, 100_000), end: make(chan error, 1), Ended: make(chan struct{})}
	defer close(s.Ended)
	go func() {
		defer close(s.frames)
		for {
			message, err := server.Recv()
			if err != nil {
				return
			}
			for _, frame := range message.Frames {
				s.frames <- frame
			}
		}
	}()
	c.streams <- s
	select {
	case err := <-s.end:
		return err
	case <-server.Context().Done():
		return nil
	}
}

// Accept waits for the next stream, and for its Hello.
func (c *Coordinator) Accept(t testing.TB) (*Stream, *kelpiev1.Hello) {
	t.Helper()
	select {
	case s := <-c.streams:
		s.t = t
		return s, s.Next().GetHello()
	case <-time.After(patience):
		t.Fatal("no stream came")
		return nil, nil
	}
}

// None fails if a stream comes within this time.
func (c *Coordinator) None(t testing.TB, within time.Duration) {
	t.Helper()
	select {
	case <-c.streams:
		t.Fatal("a stream came that should not")
	case <-time.After(within):
	}
}

// Open accepts a stream and sends Welcome.
func (c *Coordinator) Open(t testing.TB, change func(*kelpiev1.Welcome)) (*Stream, *kelpiev1.Hello) {
	t.Helper()
	s, hello := c.Accept(t)
	welcome := Welcome()
	if change != nil {
		change(welcome)
	}
	s.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Welcome{Welcome: welcome}})
	return s, hello
}

// Welcome is one with the limits of a real coordinator.
func Welcome() *kelpiev1.Welcome {
	return &kelpiev1.Welcome{
		SessionId: "s-1", Generation: 1, Outcome: kelpiev1.WelcomeOutcome_WELCOME_OUTCOME_NEW, Cursor: Cursor(1),
		HeartbeatInterval: durationpb.New(5 * time.Second), MaxSilence: durationpb.New(15 * time.Second),
		Grace: durationpb.New(15 * time.Second), NodeName: "lobby-1", Network: "main",
		Limits: &kelpiev1.Limits{
			PayloadBytes: 256 * 1024, PublishEvents: 256, PublishBytes: 512 * 1024, Patterns: 1000,
			MessageBytes: 1 << 20, HelloBytes: 64 * 1024, JsonDepth: 30,
		},
	}
}

// Cursor is a position in the first epoch.
func Cursor(sequence uint64) *kelpiev1.Cursor { return CursorIn(1, sequence) }

// CursorIn is a position in an epoch.
func CursorIn(epoch byte, sequence uint64) *kelpiev1.Cursor {
	bytes := make([]byte, 16)
	bytes[0] = epoch
	return &kelpiev1.Cursor{Epoch: bytes, Sequence: sequence, Tag: uint32(sequence)}
}

// Next waits for the next frame of the node.
func (s *Stream) Next() *kelpiev1.NodeFrame {
	s.t.Helper()
	select {
	case frame, open := <-s.frames:
		if !open {
			s.t.Fatal("the node ended the stream")
		}
		return frame
	case <-time.After(patience):
		s.t.Fatal("no frame came")
		return nil
	}
}

// Until skips frames until one passes, and returns it.
func (s *Stream) Until(what string, pass func(*kelpiev1.NodeFrame) bool) *kelpiev1.NodeFrame {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case frame, open := <-s.frames:
			if !open {
				s.t.Fatalf("the node ended the stream before %s", what)
			}
			if pass(frame) {
				return frame
			}
		case <-deadline:
			s.t.Fatalf("%s did not come", what)
		}
	}
}

// Rest waits until the node has ended its side, and returns the frames until then.
func (s *Stream) Rest() []*kelpiev1.NodeFrame {
	s.t.Helper()
	var rest []*kelpiev1.NodeFrame
	deadline := time.After(patience)
	for {
		select {
		case frame, open := <-s.frames:
			if !open {
				return rest
			}
			rest = append(rest, frame)
		case <-deadline:
			s.t.Fatal("the node did not end its side of the stream")
		}
	}
}

// Send sends frames in one message.
func (s *Stream) Send(frames ...*kelpiev1.CoordinatorFrame) {
	s.t.Helper()
	if err := s.server.Send(&kelpiev1.ConnectResponse{Frames: frames}); err != nil {
		s.t.Fatal(err)
	}
}

// Answer answers a request.
func (s *Stream) Answer(frame *kelpiev1.NodeFrame, answer *kelpiev1.CoordinatorFrame) {
	s.t.Helper()
	answer.RequestId = frame.RequestId
	s.Send(answer)
}

// Batch sends events with these sequences on a topic, after a sequence.
func (s *Stream) Batch(topic string, after uint64, sequences ...uint64) {
	s.t.Helper()
	batch := &kelpiev1.EventBatch{AfterSequence: after, UpTo: Cursor(after)}
	for _, sequence := range sequences {
		batch.Events = append(batch.Events, Message(topic, sequence))
		batch.UpTo = Cursor(sequence)
	}
	s.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_EventBatch{EventBatch: batch}})
}

// Message is an event with its sequence as its text.
func Message(topic string, sequence uint64) *kelpiev1.Event {
	content := &kelpiev1.Content{Form: &kelpiev1.Content_Text{Text: fmt.Sprint(sequence)}}
	return &kelpiev1.Event{Sequence: sequence, Topic: topic, Source: "other", Body: &kelpiev1.Event_MessagePublished{
		MessagePublished: &kelpiev1.Payload{Content: content},
	}}
}

// Snapshot sends a part of a Snapshot. Sequence 0: it is not the first part.
func (s *Stream) Snapshot(sequence uint64, complete bool, topics []string, rows ...*kelpiev1.Row) {
	s.t.Helper()
	part := &kelpiev1.Snapshot{Topics: topics, Rows: rows, Complete: complete}
	if sequence > 0 {
		part.Cursor = Cursor(sequence)
	}
	s.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Snapshot{Snapshot: part}})
}

// End ends the stream with an error of the contract; nil: in order.
func (s *Stream) End(detail *kelpiev1.ErrorDetail) {
	if detail == nil {
		s.end <- nil
		return
	}
	failed, err := status.New(codes.Code(detail.Code), detail.Message).WithDetails(detail)
	if err != nil {
		s.t.Fatal(err)
	}
	s.end <- failed.Err()
}

// Cut breaks the stream, as a lost connection does.
func (s *Stream) Cut() { s.end <- status.Error(codes.Unavailable, "cut") }

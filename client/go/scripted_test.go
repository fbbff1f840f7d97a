package kelpie_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/kelpie"
	"example.com/kelpie/internal/scripted"
	"example.com/kelpie/kelpiev1"
)

var rosterTopics = []string{"nodes.*", "routing", "kelpie.settings"}

// A client with an open session at a scripted coordinator. setup adds subscriptions before the first stream.
func scriptedClient(t *testing.T, options kelpie.Options, setup func(*kelpie.Client)) (*kelpie.Client, *scripted.Coordinator, *scripted.Stream) {
	t.Helper()
	c := scripted.Start(t)
	options.Name = "lobby-1"
	options.Endpoints = append([]string{c.Endpoint}, options.Endpoints...)
	client := newClient(t, options)
	if setup != nil {
		setup(client)
	}
	client.Start(context.Background())
	stream, _ := c.Open(t, nil)
	stream.Snapshot(1, true, rosterTopics)
	ready(t, client)
	stream.Until("the first heartbeat", isHeartbeat)
	return client, c, stream
}

func isAck(sequence uint64) func(*kelpiev1.NodeFrame) bool {
	return func(frame *kelpiev1.NodeFrame) bool { return frame.GetAck().GetSequence() == sequence }
}

func isHeartbeat(frame *kelpiev1.NodeFrame) bool { return frame.GetHeartbeat() != nil }

func isGoodbye(reason kelpiev1.GoodbyeReason) func(*kelpiev1.NodeFrame) bool {
	return func(frame *kelpiev1.NodeFrame) bool { return frame.GetGoodbye().GetReason() == reason }
}

// Handlers that fail, panic and hang do not stop the events after theirs, nor the acknowledgement.
func TestOddHandlers(t *testing.T) {
	t.Parallel()
	handled := make(chan uint64, 100)
	var ended atomic.Int32
	hang := make(chan struct{})
	defer close(hang)
	client, _, stream := scriptedClient(t, kelpie.Options{HandlerTimeout: 200 * time.Millisecond}, func(client *kelpie.Client) {
		_, err := client.Subscribe("x", func(ctx context.Context, event *kelpie.Event) error {
			handled <- event.Sequence
			switch event.Sequence {
			case 2:
				return errors.New("odd")
			case 3:
				panic("odd")
			case 4:
				<-ctx.Done()
				ended.Add(1)
				<-hang
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	failed := statuses(t, client, kelpie.HandlerFailed)
	stream.Batch("x", 1, 2, 3, 4)
	stream.Batch("x", 4, 5)
	stream.Batch("x", 5, 6)
	for sequence := uint64(2); sequence <= 6; sequence++ {
		if got := next(t, handled); got != sequence {
			t.Fatalf("handled %d instead of %d", got, sequence)
		}
	}
	stream.Until("the acknowledgement", isAck(6))
	for _, want := range []string{"odd", "panic: odd", "did not return within 200ms"} {
		if status := next(t, failed); status.Pattern != "x" || !strings.Contains(status.Err.Error(), want) {
			t.Errorf("got %v for %s", status, want)
		}
	}
	if ended.Load() != 1 {
		t.Error("the ctx of the handler did not end")
	}
}

// An event that a handler holds is not acknowledged, and neither is any after it.
func TestNoAcknowledgementBeforeTheHandler(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	_, _, stream := scriptedClient(t, kelpie.Options{}, func(client *kelpie.Client) {
		_, _ = client.Subscribe("slow", func(context.Context, *kelpie.Event) error { <-release; return nil })
		_, _ = client.Subscribe("fast", func(context.Context, *kelpie.Event) error { return nil })
	})
	stream.Batch("fast", 1, 2)
	stream.Batch("slow", 2, 3)
	for sequence := uint64(4); sequence < 20; sequence++ {
		stream.Batch("fast", sequence-1, sequence)
	}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_HeartbeatRequested{}})
	frame := stream.Until("an acknowledgement or a heartbeat", func(frame *kelpiev1.NodeFrame) bool {
		return frame.GetAck() != nil || frame.GetHeartbeat() != nil
	})
	for frame.GetHeartbeat() == nil {
		if sequence := frame.GetAck().GetSequence(); sequence > 2 {
			t.Fatalf("%d was acknowledged", sequence)
		}
		frame = stream.Next()
	}
	close(release)
	stream.Until("the acknowledgement", func(frame *kelpiev1.NodeFrame) bool { return frame.GetAck().GetSequence() >= 17 })
}

// A batch that begins after events that never came: the client connects again with the position that it has.
func TestMissedEvents(t *testing.T) {
	t.Parallel()
	var events <-chan *kelpie.Event
	client, c, stream := scriptedClient(t, kelpie.Options{}, func(client *kelpie.Client) {
		events = received(t, client, "x")
	})
	away := statuses(t, client, kelpie.Disconnected)
	stream.Batch("x", 1, 2)
	stream.Batch("x", 5, 6)
	if status := next(t, away); !errors.Is(status.Err, kelpie.ReasonProtocol) {
		t.Errorf("got %v", status)
	}
	second, hello := c.Open(t, func(welcome *kelpiev1.Welcome) { welcome.Cursor = scripted.Cursor(2) })
	if sequence := hello.Start.GetAfter().GetSequence(); sequence != 2 {
		t.Errorf("it starts after %d", sequence)
	}
	second.Batch("x", 2, 3, 6)
	for _, sequence := range []uint64{2, 3, 6} {
		if got := next(t, events).Sequence; got != sequence {
			t.Errorf("got %d instead of %d", got, sequence)
		}
	}
}

// A function for the load that hangs stops no heartbeat.
func TestLoadThatHangs(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	defer close(hang)
	client, _, stream := scriptedClient(t, kelpie.Options{Load: func() kelpie.Load { <-hang; return kelpie.Load{} }}, nil)
	failed := statuses(t, client, kelpie.HandlerFailed)
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_HeartbeatRequested{}})
	if frame := stream.Until("a heartbeat", isHeartbeat); frame.GetHeartbeat().Load != nil {
		t.Error("it has a load")
	}
	if status := next(t, failed); status.Pattern != "load" || !errors.Is(status.Err, kelpie.ReasonHandlerTimeout) {
		t.Errorf("got %v", status)
	}
}

// The next stream is open before the older one gets its Goodbye, and no event is lost or handled twice.
func TestDrain(t *testing.T) {
	t.Parallel()
	other := scripted.Start(t)
	var events <-chan *kelpie.Event
	_, _, stream := scriptedClient(t, kelpie.Options{Endpoints: []string{other.Endpoint}}, func(client *kelpie.Client) {
		events = received(t, client, "x")
	})
	stream.Batch("x", 1, 2)
	next(t, events)
	drain := &kelpiev1.Drain{Grace: durationpb.New(5 * time.Second), ReconnectWindow: durationpb.New(20 * time.Millisecond)}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Drain{Drain: drain}})
	second, hello := other.Accept(t)
	if sequence := hello.GetStart().GetAfter().GetSequence(); sequence != 2 {
		t.Errorf("the next stream starts after %d", sequence)
	}
	stream.Batch("x", 2, 3)
	if got := next(t, events).Sequence; got != 3 {
		t.Errorf("got %d", got)
	}
	welcome := scripted.Welcome()
	welcome.Outcome, welcome.Cursor = kelpiev1.WelcomeOutcome_WELCOME_OUTCOME_RESUMED, scripted.Cursor(2)
	second.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Welcome{Welcome: welcome}})
	stream.Until("Goodbye", isGoodbye(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED))
	if rest := stream.Rest(); len(rest) > 0 {
		t.Errorf("after Goodbye came %v", rest)
	}
	stream.End(nil)
	second.Batch("x", 2, 3, 4)
	if got := next(t, events).Sequence; got != 4 {
		t.Errorf("got %d", got)
	}
}

func drain(window time.Duration, mayStay bool) *kelpiev1.CoordinatorFrame {
	drain := &kelpiev1.Drain{
		Grace: durationpb.New(5 * time.Second), ReconnectWindow: durationpb.New(window), MayStay: mayStay,
	}
	return &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Drain{Drain: drain}}
}

// A node whose coordinator cannot reach its storage stays where no other coordinator welcomes it. It tries again when it is
// asked again.
func TestDrainThatMayStay(t *testing.T) {
	t.Parallel()
	other := scripted.Start(t)
	var events <-chan *kelpie.Event
	client, c, stream := scriptedClient(t, kelpie.Options{Endpoints: []string{other.Endpoint}}, func(client *kelpie.Client) {
		events = received(t, client, "x")
	})
	announced, away := statuses(t, client, kelpie.DrainAnnounced), statuses(t, client, kelpie.Disconnected)
	stream.Send(drain(time.Millisecond, true))
	refused, hello := other.Accept(t)
	if len(hello.Features) != 1 || hello.Features[0] != "drain-may-stay" {
		t.Errorf("the features are %v", hello.Features)
	}
	refused.End(&kelpiev1.ErrorDetail{Reason: kelpiev1.ErrorReason_ERROR_REASON_ENGINE_UNAVAILABLE, Code: 14})
	c.None(t, 100*time.Millisecond)
	stream.Batch("x", 1, 2)
	next(t, events)

	stream.Send(drain(time.Millisecond, true))
	second, _ := other.Open(t, func(welcome *kelpiev1.Welcome) { welcome.Cursor = scripted.Cursor(2) })
	stream.Until("Goodbye", isGoodbye(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED))
	stream.End(nil)
	second.Batch("x", 2, 3)
	next(t, events)
	if len(announced)+len(away) > 0 {
		t.Error("a node that may stay was without a stream, or announced a drain")
	}
}

// A move whose stream broke before it began leaves the move of the next stream alone.
func TestDrainsOfTwoStreams(t *testing.T) {
	t.Parallel()
	other := scripted.Start(t)
	_, c, stream := scriptedClient(t, kelpie.Options{Endpoints: []string{other.Endpoint}}, nil)
	stream.Send(drain(time.Second, true))
	stream.Cut()
	second, _ := other.Open(t, nil)
	second.Until("the first heartbeat", isHeartbeat)
	second.Send(drain(time.Millisecond, true))
	third, _ := c.Accept(t)
	// By now the first move is over. This Drain is one of the same move.
	time.Sleep(time.Second)
	second.Send(drain(0, true))
	c.None(t, 100*time.Millisecond)
	third.End(&kelpiev1.ErrorDetail{Reason: kelpiev1.ErrorReason_ERROR_REASON_ENGINE_UNAVAILABLE, Code: 14})
	second.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_HeartbeatRequested{}})
	second.Until("a heartbeat", isHeartbeat)
}

// A stream that another one has replaced goes on until its requests have their answers. Publishes go out on the newer one.
func TestDrainWaitsForAnswers(t *testing.T) {
	t.Parallel()
	other := scripted.Start(t)
	client, _, stream := scriptedClient(t, kelpie.Options{Endpoints: []string{other.Endpoint}}, nil)
	var loops []iter.Seq2[kelpie.Result, error]
	var asked []*kelpiev1.NodeFrame
	for range 20 {
		loops = append(loops, client.Issue(within(t), kelpie.Issue{Target: kelpie.ToNode("a"), Command: kelpie.Custom("c", "x")}))
		asked = append(asked, stream.Until("the command", func(frame *kelpiev1.NodeFrame) bool { return frame.GetIssueCommand() != nil }))
	}
	drain := &kelpiev1.Drain{Grace: durationpb.New(patience), ReconnectWindow: durationpb.New(time.Millisecond)}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Drain{Drain: drain}})
	second, _ := other.Open(t, nil)
	second.Until("the first heartbeat", isHeartbeat)
	for i, loop := range loops {
		must(t, client.PublishAsync("x", "x", nil))
		result := &kelpiev1.CommandResult{Node: "a", Outcome: &kelpiev1.CommandResult_Output{Output: &kelpiev1.CommandOutput{}}}
		stream.Answer(asked[i], &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_CommandResult{CommandResult: result}})
		for _, err := range loop {
			must(t, err)
			break // It withdraws the command, on the older stream.
		}
		stream.Until("the withdrawal", func(frame *kelpiev1.NodeFrame) bool {
			if frame.GetPublish() != nil {
				t.Error("the older stream publishes")
			}
			return frame.GetCancelCommand() != nil
		})
		result.Last = true
		stream.Answer(asked[i], &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_CommandResult{CommandResult: result}})
	}
	stream.Until("Goodbye", isGoodbye(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED))
	stream.End(nil)
}

// The older stream has stored a change of the node after the Hello of the newer one: this gets the change too.
func TestChangeDuringAMove(t *testing.T) {
	t.Parallel()
	isUpdate := func(frame *kelpiev1.NodeFrame) bool { return frame.GetUpdateOwnNode() != nil }
	for _, welcomedFirst := range []bool{true, false} {
		other := scripted.Start(t)
		client, _, stream := scriptedClient(t, kelpie.Options{Endpoints: []string{other.Endpoint}}, nil)
		motd, updated := "hello", make(chan error, 1)
		go func() { updated <- client.Update(within(t), kelpie.NodeChange{MOTD: &motd}) }()
		asked := stream.Until("the change", isUpdate)
		drain := &kelpiev1.Drain{ReconnectWindow: durationpb.New(time.Millisecond)}
		stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Drain{Drain: drain}})
		second, hello := other.Accept(t)
		if hello.Motd != "" {
			t.Errorf("the Hello has %q", hello.Motd)
		}
		stored := func() {
			stream.Answer(asked, &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_RequestOk{}})
			must(t, next(t, updated))
		}
		if !welcomedFirst {
			stored()
		}
		second.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Welcome{Welcome: scripted.Welcome()}})
		if welcomedFirst {
			second.Until("the first heartbeat", isHeartbeat)
			stored()
		}
		if got := second.Until("the change", isUpdate).GetUpdateOwnNode().Change.GetMotd(); got != motd {
			t.Errorf("the change is %q", got)
		}
		stream.Until("Goodbye", isGoodbye(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED))
		stream.End(nil)
	}
}

// The client waits for the answers at most for the grace of the Drain, on a replaced stream and on the only one.
func TestDrainWithoutAnswers(t *testing.T) {
	t.Parallel()
	for _, isOnly := range []bool{false, true} {
		other, options := scripted.Start(t), kelpie.Options{}
		if !isOnly {
			options.Endpoints = []string{other.Endpoint}
		}
		client, _, stream := scriptedClient(t, options, nil)
		got := make(chan error, 1)
		go func() {
			_, err := client.State().Get(within(t), "maps", "arena")
			got <- err
		}()
		stream.Until("the request", func(frame *kelpiev1.NodeFrame) bool { return frame.GetGetValue() != nil })
		drain := &kelpiev1.Drain{Grace: durationpb.New(200 * time.Millisecond), ReconnectWindow: durationpb.New(time.Millisecond)}
		began := time.Now()
		stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Drain{Drain: drain}})
		if !isOnly {
			other.Open(t, nil)
		}
		stream.Until("Goodbye", isGoodbye(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED))
		if waited := time.Since(began); waited < 200*time.Millisecond {
			t.Errorf("it waited for %v", waited)
		}
		stream.End(nil)
		if err := next(t, got); !errors.Is(err, kelpie.ReasonUnavailable) {
			t.Errorf("the request without an answer: %v", err)
		}
	}
}

// The client notices at once that its newer stream broke, while the older one still waits for an answer; and ends with
// both.
func TestBreakWhileTheOlderStreamWaits(t *testing.T) {
	t.Parallel()
	other := scripted.Start(t)
	client, _, stream := scriptedClient(t, kelpie.Options{Endpoints: []string{other.Endpoint}}, nil)
	away := statuses(t, client, kelpie.Disconnected)
	loop := client.Issue(within(t), kelpie.Issue{Target: kelpie.ToNode("a"), Command: kelpie.Custom("c", "x")})
	drain := &kelpiev1.Drain{ReconnectWindow: durationpb.New(time.Millisecond)}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Drain{Drain: drain}})
	second, _ := other.Open(t, nil)
	second.Until("the first heartbeat", isHeartbeat)
	second.Cut()
	next(t, away)
	closed := make(chan error, 1)
	go func() { closed <- client.Close(within(t)) }()
	stream.Until("Goodbye", isGoodbye(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED))
	select {
	case <-client.Done():
		t.Error("the client ended before its stream")
	default:
	}
	stream.End(nil)
	for _, err := range loop {
		if !errors.Is(err, kelpie.ReasonOutcomeUnknown) {
			t.Errorf("got %v", err)
		}
	}
	must(t, next(t, closed))
}

// A reply for which the requests of the stream have no room goes out when there is room.
func TestReplyWaitsForRoom(t *testing.T) {
	t.Parallel()
	handled := make(chan struct{}, 3)
	client, _, stream := scriptedClient(t, kelpie.Options{}, func(client *kelpie.Client) {
		_, err := client.Handle("price", func(context.Context, *kelpie.Request) (any, error) {
			handled <- struct{}{}
			return "250", nil
		})
		must(t, err)
	})
	isCommand := func(frame *kelpiev1.NodeFrame) bool { return frame.GetIssueCommand() != nil }
	isReply := func(frame *kelpiev1.NodeFrame) bool { return frame.GetCommandReply() != nil }
	var asked *kelpiev1.NodeFrame
	for range 17 { // A little more than 16 MiB.
		client.Issue(within(t), kelpie.Issue{Target: kelpie.ToNode("a"), Command: kelpie.Custom("c", strings.Repeat("x", 1_000_000))})
		asked = stream.Until("the command", isCommand)
	}
	price := &kelpiev1.Command{Form: &kelpiev1.Command_Custom{Custom: &kelpiev1.CustomCommand{Name: "price"}}}
	for id := range uint64(3) {
		request := &kelpiev1.CommandRequest{CommandId: id + 1, TimeLeft: durationpb.New(patience), Command: price}
		stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_CommandRequest{CommandRequest: request}})
	}
	for range 3 {
		next(t, handled)
	}
	cancelled := &kelpiev1.CoordinatorFrame_CommandCancelled{CommandCancelled: &kelpiev1.CommandCancelled{CommandId: 2}}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: cancelled})
	eventually(t, "the cancellation", func() bool { return client.Pending() == 17+2 })
	result := &kelpiev1.CommandResult{Node: "a", Outcome: &kelpiev1.CommandResult_Output{Output: &kelpiev1.CommandOutput{}}, Last: true}
	stream.Answer(asked, &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_CommandResult{CommandResult: result}})
	replied := map[uint64]bool{}
	for range 2 {
		reply := stream.Until("the reply", isReply)
		replied[reply.GetCommandReply().CommandId] = true
		stream.Answer(reply, &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_RequestOk{}})
	}
	if !replied[1] || !replied[3] {
		t.Errorf("replied to %v", replied)
	}
	eventually(t, "the end of the commands", func() bool { return client.Pending() == 16 })
}

// A journal that lost settled events: the client numbers the others again, and settles each once.
func TestLostJournal(t *testing.T) {
	t.Parallel()
	client, c, stream := scriptedClient(t, kelpie.Options{}, nil)
	settled := make(chan int, 10)
	publish := func(number int) {
		err := client.PublishAsync("x", fmt.Sprint(number), func(err error) {
			if err != nil {
				t.Error(err)
			}
			settled <- number
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	texts := func(stream *scripted.Stream, count int) (first uint64, all string) {
		for len(all) < count {
			publish := stream.Until("a publish", func(frame *kelpiev1.NodeFrame) bool { return frame.GetPublish() != nil }).GetPublish()
			if first == 0 {
				first = publish.FirstPublishSequence
			}
			for _, event := range publish.Events {
				all += event.Payload.Content.GetText()
			}
		}
		return first, all
	}
	ack := func(stream *scripted.Stream, number uint64) {
		stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_PublishAck{PublishAck: &kelpiev1.PublishAck{PublishSequence: number}}})
	}
	for number := 1; number <= 5; number++ {
		publish(number)
	}
	texts(stream, 5)
	ack(stream, 3)
	for number := 1; number <= 3; number++ {
		if got := next(t, settled); got != number {
			t.Fatalf("settled %d", got)
		}
	}
	stream.Cut()
	second, _ := c.Open(t, func(welcome *kelpiev1.Welcome) { welcome.PublishSequence = 2 })
	if first, all := texts(second, 2); first != 3 || all != "45" {
		t.Errorf("sent %s from %d on", all, first)
	}
	ack(second, 4)
	for number := 4; number <= 5; number++ {
		if got := next(t, settled); got != number {
			t.Fatalf("settled %d", got)
		}
	}
}

// A watch follows the values over a broken Snapshot, a Gap and a new epoch.
func TestWatchOverAGap(t *testing.T) {
	t.Parallel()
	changes := make(chan kelpie.Value, 100)
	row := func(key, text string, sequence uint64) *kelpiev1.Row {
		value := &kelpiev1.StateValue{Bucket: "maps", Key: key, Content: &kelpiev1.Content{Form: &kelpiev1.Content_Text{Text: text}}}
		return &kelpiev1.Row{Sequence: sequence, Resource: &kelpiev1.Row_State{State: value}}
	}
	expect := func(key, text string) {
		t.Helper()
		if got := next(t, changes); got.Key != key || got.Content.Text() != text || got.Ended != (text == "") {
			t.Errorf("got %+v instead of %s %s", got, key, text)
		}
	}
	c := scripted.Start(t)
	client := newClient(t, kelpie.Options{Name: "lobby-1", Endpoints: []string{c.Endpoint}})
	if _, err := client.State().Watch("maps", "*", func(_ context.Context, value kelpie.Value) error {
		changes <- value
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	client.Start(context.Background())
	topics := append([]string{"state.maps.*"}, rosterTopics...)
	stream, _ := c.Open(t, nil)
	stream.Snapshot(9, false, topics, row("a", "1", 5))
	expect("a", "1")
	stream.Cut()
	stream, hello := c.Open(t, nil)
	if hello.Start.GetAt() != kelpiev1.StartAt_START_AT_SNAPSHOT {
		t.Errorf("it starts at %v", hello.Start)
	}
	stream.Snapshot(10, false, topics, row("a", "1", 5))
	stream.Snapshot(0, true, nil, row("b", "2", 6))
	expect("b", "2")
	ready(t, client)
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Gap{Gap: &kelpiev1.Gap{
		Reason: kelpiev1.GapReason_GAP_REASON_EPOCH_CHANGED, LostAfter: scripted.Cursor(10), ResumesAt: scripted.CursorIn(2, 3),
	}}})
	snapshot := &kelpiev1.Snapshot{Cursor: scripted.CursorIn(2, 3), Topics: topics, Rows: []*kelpiev1.Row{row("b", "3", 2)}, Complete: true}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Snapshot{Snapshot: snapshot}})
	expect("b", "3")
	expect("a", "")
	stream.Cut()
	_, hello = c.Accept(t)
	if after := hello.Start.GetAfter(); after.GetEpoch()[0] != 2 || after.GetSequence() != 3 {
		t.Errorf("it starts at %v", hello.Start)
	}
}

func TestQueuesAreBounded(t *testing.T) {
	t.Parallel()
	client := newClient(t, kelpie.Options{Name: "lobby-1", Endpoints: []string{freePort(t)}})
	var err error
	count := 0
	for ; err == nil && count < 20_000; count++ {
		err = client.PublishAsync("x", "x", func(error) {})
	}
	if !errors.Is(err, kelpie.ReasonPublishQueueFull) || count != 10_001 {
		t.Errorf("after %d: %v", count, err)
	}
	connected, c, stream := scriptedClient(t, kelpie.Options{}, nil)
	results := connected.Issue(within(t), kelpie.Issue{Target: kelpie.ToEvery(kelpie.Selector{}), Command: kelpie.Custom("big", "x")})
	asked := stream.Until("the command", func(frame *kelpiev1.NodeFrame) bool { return frame.GetIssueCommand() != nil })
	for range 17 {
		content := &kelpiev1.Content{Form: &kelpiev1.Content_Data{Data: make([]byte, 1<<20)}}
		output := &kelpiev1.CommandOutput{Form: &kelpiev1.CommandOutput_Custom{Custom: content}}
		result := &kelpiev1.CommandResult{Node: "a", Outcome: &kelpiev1.CommandResult_Output{Output: output}}
		stream.Answer(asked, &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_CommandResult{CommandResult: result}})
	}
	stream.Until("the withdrawal", func(frame *kelpiev1.NodeFrame) bool {
		return frame.GetCancelCommand().GetIssuedRequestId() == asked.RequestId
	})
	for _, err = range results {
	}
	if !errors.Is(err, kelpie.ReasonResultsUnread) {
		t.Errorf("got %v", err)
	}
	c.None(t, 0)
}

// An event counts until its done has returned, so a slow one makes no queue without an end.
func TestSlowDone(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"x", strings.Repeat("x", 200_000)} {
		client, _, stream := scriptedClient(t, kelpie.Options{}, nil)
		began, release := make(chan uint64, 20_000), make(chan struct{})
		publish := func(number uint64) error {
			return client.PublishAsync("x", content, func(err error) {
				began <- number
				<-release
				if err != nil || number == 2 {
					panic(fmt.Sprint("odd: ", err))
				}
			})
		}
		last := uint64(0)
		for publish(last+1) == nil {
			last++
		}
		stream.Until("the last publish", func(frame *kelpiev1.NodeFrame) bool {
			sent := frame.GetPublish()
			return sent.GetFirstPublishSequence()+uint64(len(sent.GetEvents())) == last+1
		})
		ack := &kelpiev1.PublishAck{PublishSequence: last}
		stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_PublishAck{PublishAck: ack}})
		next(t, began)
		if err := publish(last + 1); !errors.Is(err, kelpie.ReasonPublishQueueFull) {
			t.Errorf("a publish while done runs: %v", err)
		}
		close(release)
		for range last - 1 {
			next(t, began)
		}
		eventually(t, "room", func() bool { return publish(last+1) == nil })
	}
}

// A loop that stops withdraws the command, and a closed subscription its topic.
func TestLoopsThatStop(t *testing.T) {
	t.Parallel()
	client, _, stream := scriptedClient(t, kelpie.Options{}, nil)
	results := client.Issue(context.Background(), kelpie.Issue{Target: kelpie.ToEvery(kelpie.Selector{}), Command: kelpie.Custom("c", "x")})
	asked := stream.Until("the command", func(frame *kelpiev1.NodeFrame) bool { return frame.GetIssueCommand() != nil })
	result := &kelpiev1.CommandResult{Node: "a", Outcome: &kelpiev1.CommandResult_Output{Output: &kelpiev1.CommandOutput{}}}
	stream.Answer(asked, &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_CommandResult{CommandResult: result}})
	for range results {
		break
	}
	stream.Until("the withdrawal", func(frame *kelpiev1.NodeFrame) bool { return frame.GetCancelCommand() != nil })
	loop := client.Events(context.Background(), "x")
	added := stream.Until("the topic", func(frame *kelpiev1.NodeFrame) bool { return frame.GetUpdateSubscription() != nil })
	if got := fmt.Sprint(added.GetUpdateSubscription().AddedTopics); got != "[x]" {
		t.Errorf("added %s", got)
	}
	stream.Batch("x", 1, 2)
	for range loop {
		break
	}
	removed := stream.Until("its end", func(frame *kelpiev1.NodeFrame) bool { return frame.GetUpdateSubscription() != nil })
	if got := fmt.Sprint(removed.GetUpdateSubscription().RemovedTopics); got != "[x]" {
		t.Errorf("removed %s", got)
	}
}

// Close waits for the acknowledgement of the publishes, and says goodbye last.
func TestCloseWaitsForPublishes(t *testing.T) {
	t.Parallel()
	client, _, stream := scriptedClient(t, kelpie.Options{}, nil)
	stored := make(chan error, 1)
	if err := client.PublishAsync("x", "x", func(err error) { stored <- err }); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- client.Close(within(t)) }()
	stream.Until("the publish", func(frame *kelpiev1.NodeFrame) bool { return frame.GetPublish() != nil })
	eventually(t, "the end of publishing", func() bool {
		return errors.Is(client.PublishAsync("x", "y", nil), kelpie.ReasonClosed)
	})
	ack := &kelpiev1.PublishAck{PublishSequence: 1}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_PublishAck{PublishAck: ack}})
	stream.Until("Goodbye", isGoodbye(kelpiev1.GoodbyeReason_GOODBYE_REASON_STOP))
	if rest := stream.Rest(); len(rest) > 0 {
		t.Errorf("after Goodbye came %v", rest)
	}
	stream.End(nil)
	if err := next(t, stored); err != nil {
		t.Error(err)
	}
	if err := next(t, closed); err != nil {
		t.Error(err)
	}
}

// After Close no goroutine of the client is left. The test is not parallel, so no other client runs.
func TestCloseLeavesNothing(t *testing.T) {
	for range 3 {
		client, _, stream := scriptedClient(t, kelpie.Options{Load: func() kelpie.Load { return kelpie.Load{} }}, func(client *kelpie.Client) {
			received(t, client, "x")
		})
		_ = client.Events(context.Background(), "y")
		_ = client.Issue(context.Background(), kelpie.Issue{Target: kelpie.ToNode("a"), Command: kelpie.Custom("c", "x")})
		stream.Batch("x", 1, 2)
		stream.Until("Ack or command", func(*kelpiev1.NodeFrame) bool { return true })
		go func() { stream.Rest(); stream.End(nil) }()
		if err := client.Close(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	var stacks string
	left := func() bool {
		bytes := make([]byte, 1<<20)
		stacks = string(bytes[:runtime.Stack(bytes, true)])
		for stack := range strings.SplitSeq(stacks, "\n\n") {
			if strings.Contains(stack, "example.com/kelpie.(") {
				stacks = stack
				return true
			}
		}
		return false
	}
	deadline := time.Now().Add(patience)
	for left() {
		if time.Now().After(deadline) {
			t.Fatalf("left:\n%s", stacks)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

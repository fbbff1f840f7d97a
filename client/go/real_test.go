package kelpie_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/kelpie"
	"example.com/kelpie/internal/testkelpied"
	"example.com/kelpie/kelpiev1"
)

func TestEventReachesAnotherNode(t *testing.T) {
	t.Parallel()
	reader, writer := join(t, "event-reader"), join(t, "event-writer")
	events := received(t, reader, "event.*")
	eventually(t, "the subscription", func() bool {
		if err := writer.Publish(within(t), "event.begin", "x"); err != nil {
			t.Fatal(err)
		}
		return len(events) > 0
	})
	content := map[string]any{"kit": 7.0, "items": []any{"sword", nil, true}}
	err := writer.Publish(within(t), "event.json", content, kelpie.WithType("kit"),
		kelpie.WithAttributes(map[string]string{"a": "b"}), kelpie.FromThisNode())
	if err != nil {
		t.Fatal(err)
	}
	event := next(t, events)
	for event.Topic != "event.json" {
		event = next(t, events)
	}
	if event.Source != "event-writer" || event.Type != "kit" || event.Attributes["a"] != "b" || !event.FromNode {
		t.Errorf("got %+v", event)
	}
	if got := fmt.Sprint(event.Content.Value()); got != fmt.Sprint(content) {
		t.Errorf("content is %v", got)
	}
}

func TestEventsComeInOrderAndOnce(t *testing.T) {
	t.Parallel()
	const count = 5000
	client := newClient(t, kelpie.Options{Name: "order", Endpoints: []string{coordinator(t)}})
	events := received(t, client, "order.>")
	client.Start(context.Background())
	ready(t, client)
	settled := make(chan error, count)
	for i := range count {
		if err := client.PublishAsync("order.x", fmt.Sprint(i), func(err error) { settled <- err }); err != nil {
			t.Fatal(err)
		}
	}
	for i := range count {
		if err := next(t, settled); err != nil {
			t.Fatal(err)
		}
		if got := next(t, events).Content.Text(); got != fmt.Sprint(i) {
			t.Fatalf("event %d is %s", i, got)
		}
	}
}

func TestEventsLoop(t *testing.T) {
	t.Parallel()
	client := newClient(t, kelpie.Options{Name: "loop", Endpoints: []string{coordinator(t)}})
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	loop := client.Events(ctx, "loop.x")
	client.Start(ctx)
	ready(t, client)
	for i := range 3 {
		if err := client.Publish(ctx, "loop.x", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	count := 0
	for event, err := range loop {
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			break
		}
		if got := event.Content.Text(); got != fmt.Sprint(count) {
			t.Fatalf("event %d is %s", count, got)
		}
		if count++; count == 3 {
			cancel()
		}
	}
	if count != 3 {
		t.Fatalf("%d events", count)
	}
	for _, err := range client.Events(context.Background(), "..") {
		if !errors.Is(err, kelpie.ReasonTopicInvalid) {
			t.Errorf("got %v", err)
		}
	}
}

func TestPublishFails(t *testing.T) {
	t.Parallel()
	client := join(t, "publish-fails")
	for topic, reason := range map[string]kelpie.Reason{
		"a..b": kelpie.ReasonTopicInvalid, "nodes.x": kelpie.ReasonTopicReserved, "inbox.A": kelpie.ReasonTopicInvalid,
	} {
		if err := client.Publish(within(t), topic, "x"); !errors.Is(err, reason) {
			t.Errorf("%s: %v", topic, err)
		}
	}
	for _, topic := range []string{"chat.*", ">"} {
		err := client.Publish(within(t), topic, "x")
		if !errors.Is(err, kelpie.ReasonTopicInvalid) || !strings.Contains(err.Error(), "a publish has no wildcards") {
			t.Errorf("%s: %v", topic, err)
		}
	}
	err := client.Publish(within(t), "a.b", strings.Repeat("x", 300*1024))
	var known *kelpie.Error
	if !errors.As(err, &known) || known.Reason != kelpie.ReasonPayloadTooLarge || known.Metadata["limit"] == "" || !known.Permanent {
		t.Errorf("got %v", err)
	}
	if err := client.Publish(within(t), "a.b", 7); !errors.Is(err, kelpie.ReasonValueInvalid) {
		t.Errorf("got %v", err)
	}
	deep := any("x")
	for range 31 {
		deep = []any{deep}
	}
	if err := client.Publish(within(t), "a.b", deep); !errors.Is(err, kelpie.ReasonContentTooDeep) {
		t.Errorf("got %v", err)
	}
	if err := client.Publish(within(t), "a.b", "x", kelpie.WithType(strings.Repeat("x", 300))); !errors.Is(err, kelpie.ReasonTextTooLong) {
		t.Errorf("got %v", err)
	}
}

// Calls that the program does not wait for return at once. Their refusal is a status.
func TestNoWait(t *testing.T) {
	t.Parallel()
	client := join(t, "no-wait")
	refused := statuses(t, client, kelpie.Refused)
	if err := client.Publish(kelpie.NoWait, "no-wait.x", "x", kelpie.WithType(strings.Repeat("x", 300))); err != nil {
		t.Error(err)
	}
	if status := next(t, refused); !errors.Is(status.Err, kelpie.ReasonTextTooLong) {
		t.Errorf("got %v", status)
	}
	motd := strings.Repeat("x", 2000)
	if err := client.Update(kelpie.NoWait, kelpie.NodeChange{MOTD: &motd}); err != nil {
		t.Error(err)
	}
	if status := next(t, refused); !errors.Is(status.Err, kelpie.ReasonTextTooLong) {
		t.Errorf("got %v", status)
	}
	if _, err := client.State().Put(kelpie.NoWait, "no-wait", "a", "x"); err != nil {
		t.Error(err)
	}
	eventually(t, "the value", func() bool {
		_, err := client.State().Get(within(t), "no-wait", "a")
		return err == nil
	})
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := client.Publish(ended, "no-wait.x", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCommandsBothWays(t *testing.T) {
	t.Parallel()
	asker, shop := join(t, "command-asker"), join(t, "command-shop")
	_, err := shop.Handle("price", func(_ context.Context, request *kelpie.Request) (any, error) {
		if request.Content.Text() == "anvil" {
			return nil, errors.New("there are no anvils")
		}
		return map[string]any{"coins": 250, "for": request.Source}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = shop.HandleRunConsoleCommand(func(_ context.Context, _ *kelpie.Request, line string) ([]string, error) {
		return []string{"ran", line}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var reply struct {
		Coins int
		For   string
	}
	eventually(t, "the handler", func() bool {
		content, err := asker.Call(within(t), kelpie.ToNode("command-shop"), "price", "sword")
		if errors.Is(err, kelpie.ReasonCommandNotHandled) {
			return false
		}
		if err == nil {
			err = content.Decode(&reply)
		}
		if err != nil {
			t.Fatal(err)
		}
		return true
	})
	if reply.Coins != 250 || reply.For != "command-asker" {
		t.Errorf("got %+v", reply)
	}
	if _, err := asker.Call(within(t), kelpie.ToNode("command-shop"), "price", "anvil"); !errors.Is(err, kelpie.ReasonCommandFailed) ||
		!strings.Contains(err.Error(), "there are no anvils") {
		t.Errorf("got %v", err)
	}
	if _, err := asker.Call(within(t), kelpie.ToNode("command-nobody"), "price", "x"); !errors.Is(err, kelpie.ReasonNoTarget) {
		t.Errorf("got %v", err)
	}
	count := 0
	for result, err := range asker.Issue(within(t), kelpie.Issue{
		Target:  kelpie.ToNodes("command-shop", "command-asker", "command-nobody"),
		Command: kelpie.RunConsoleCommand("list"),
	}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
		switch result.Node {
		case "command-shop":
			if lines := result.Output.GetConsole().GetLines(); len(lines) != 2 || lines[1] != "list" {
				t.Errorf("got %v", result)
			}
		case "command-asker":
			if !errors.Is(result.Err, kelpie.ReasonCommandNotHandled) {
				t.Errorf("got %v", result)
			}
		case "command-nobody":
			if !errors.Is(result.Err, kelpie.ReasonNodeNotFound) {
				t.Errorf("got %v", result)
			}
		}
	}
	if count != 3 {
		t.Errorf("%d results", count)
	}
}

func TestCommandIsWithdrawn(t *testing.T) {
	t.Parallel()
	asker := join(t, "withdraw-asker")
	shop := newClient(t, kelpie.Options{Name: "withdraw-shop", Endpoints: []string{coordinator(t)}})
	begun, ended := make(chan struct{}), make(chan error, 1)
	_, err := shop.Handle("wait", func(ctx context.Context, request *kelpie.Request) (any, error) {
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	shop.Start(context.Background())
	ready(t, shop)
	ctx, cancel := context.WithCancel(context.Background())
	results := asker.Issue(ctx, kelpie.Issue{Target: kelpie.ToNode("withdraw-shop"), Command: kelpie.Custom("wait", "x")})
	next(t, begun)
	cancel()
	next(t, ended)
	for result, err := range results {
		if err != nil || !errors.Is(result.Err, kelpie.ReasonCancelled) {
			t.Errorf("got %v, %v", result, err)
		}
	}
	eventually(t, "no pending command", func() bool { return shop.Pending() == 0 && asker.Pending() == 0 })
}

func TestSharedValues(t *testing.T) {
	t.Parallel()
	client, other := join(t, "values"), join(t, "values-other")
	state := client.State()
	if _, err := state.Get(within(t), "values", "a"); !errors.Is(err, kelpie.ReasonValueNotFound) {
		t.Fatalf("got %v", err)
	}
	first, err := state.Put(within(t), "values", "a.b c", "one", kelpie.Expect(0))
	if err != nil {
		t.Fatal(err)
	}
	changes := make(chan kelpie.Value, 100)
	watch, err := other.State().Watch("values", "*", func(_ context.Context, value kelpie.Value) error {
		changes <- value
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	next(t, watch.Loaded())
	if one := next(t, changes); one.Key != "a.b c" || one.Content.Text() != "one" || one.Sequence != first {
		t.Errorf("got %+v", one)
	}
	if _, err := state.Put(within(t), "values", "a.b c", "two", kelpie.Expect(first+1)); !errors.Is(err, kelpie.ReasonSequenceConflict) {
		t.Errorf("got %v", err)
	}
	second, err := state.Put(within(t), "values", "a.b c", "two", kelpie.Expect(first), kelpie.TTL(time.Hour), kelpie.Bound())
	if err != nil {
		t.Fatal(err)
	}
	if one := next(t, changes); one.Content.Text() != "two" || one.Owner != "values" || one.TTL != time.Hour {
		t.Errorf("got %+v", one)
	}
	if err := state.Delete(within(t), "values", "a.b c", kelpie.Expect(first)); !errors.Is(err, kelpie.ReasonSequenceConflict) {
		t.Errorf("got %v", err)
	}
	if err := state.Delete(within(t), "values", "a.b c", kelpie.Expect(second)); err != nil {
		t.Fatal(err)
	}
	if one := next(t, changes); !one.Ended || one.Reason != kelpiev1.StateEndReason_STATE_END_REASON_DELETED {
		t.Errorf("got %+v", one)
	}
}

func TestSlotsAndMoves(t *testing.T) {
	t.Parallel()
	server := connect(t, kelpie.Options{Name: "slots", MaxPlayers: 3, Endpoints: []string{coordinator(t)}})
	ready(t, server)
	held, err := server.Reserve(within(t), kelpie.SlotRequest{Node: "slots", Slots: 2, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.Reserve(within(t), kelpie.SlotRequest{Node: "slots", Slots: 2, TTL: time.Minute}); !errors.Is(err, kelpie.ReasonServerFull) {
		t.Errorf("got %v", err)
	}
	if err := server.Release(within(t), held.ID, 0); err != nil {
		t.Error(err)
	}
	if err := server.Release(within(t), held.ID, 0); !errors.Is(err, kelpie.ReasonReservationNotFound) {
		t.Errorf("got %v", err)
	}
	_, err = server.Move(within(t), kelpie.Transfer{Players: kelpie.PlayerByName("nobody"), To: kelpie.Server("slots")})
	if !errors.Is(err, kelpie.ReasonPlayerNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestCallsAndFacts(t *testing.T) {
	t.Parallel()
	tps := 0.0
	client := connect(t, kelpie.Options{
		Name: "Facts", Endpoints: []string{coordinator(t)}, Address: &kelpie.Address{Port: 19132},
		Load: func() kelpie.Load { return kelpie.Load{TPS: &tps} },
	})
	ready(t, client)
	if client.Name() != "facts" {
		t.Errorf("name is %s", client.Name())
	}
	if err := client.Update(within(t), kelpie.NodeChange{Labels: map[string]string{"mode": "lobby"}, State: kelpie.Draining}); err != nil {
		t.Fatal(err)
	}
	nodes := kelpiev1.NewNodeServiceClient(client.Conn())
	eventually(t, "the load", func() bool {
		answer, err := nodes.GetNode(within(t), &kelpiev1.GetNodeRequest{Name: "facts"})
		if err != nil {
			t.Fatal(err)
		}
		node := answer.Node
		if node.Labels["mode"] != "lobby" || node.State != kelpie.Draining || node.DisplayName != "Facts" || node.Address.Port != 19132 {
			t.Fatalf("got %v", node)
		}
		return node.Load != nil && node.Load.Tps != nil && *node.Load.Tps == 0
	})
	if _, err := nodes.GetNode(within(t), &kelpiev1.GetNodeRequest{Name: "nobody"}); !errors.Is(err, kelpie.ReasonNodeNotFound) {
		t.Errorf("got %v", err)
	}
	stream, err := kelpiev1.NewEventServiceClient(client.Conn()).WatchEvents(within(t), &kelpiev1.WatchEventsRequest{Topics: []string{"a..b"}})
	if err == nil {
		_, err = stream.Recv()
	}
	if !errors.Is(err, kelpie.ReasonTopicInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestNameInUseEndsTheClient(t *testing.T) {
	t.Parallel()
	join(t, "in-use")
	second := connect(t, kelpie.Options{Name: "in-use", Endpoints: []string{coordinator(t)}})
	if err := second.Ready(within(t)); !errors.Is(err, kelpie.ReasonNodeNameInUse) {
		t.Fatalf("got %v", err)
	}
	next(t, second.Done())
	if !errors.Is(second.Err(), kelpie.ReasonNodeNameInUse) {
		t.Errorf("got %v", second.Err())
	}
	if err := second.Publish(within(t), "a.b", "x"); !errors.Is(err, kelpie.ReasonNodeNameInUse) {
		t.Errorf("got %v", err)
	}
}

func TestCloseLeavesAtOnce(t *testing.T) {
	t.Parallel()
	reader := newClient(t, kelpie.Options{Name: "close-reader", Endpoints: []string{coordinator(t)}})
	events := received(t, reader, "nodes.close-leaver")
	reader.Start(context.Background())
	ready(t, reader)
	leaver := join(t, "close-leaver")
	stored := make(chan error, 1)
	if err := leaver.PublishAsync("close.x", "last words", func(err error) { stored <- err }); err != nil {
		t.Fatal(err)
	}
	if err := leaver.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := next(t, stored); err != nil {
		t.Errorf("the last publish: %v", err)
	}
	for {
		if left, is := next(t, events).Body.(*kelpiev1.NodeLeft); is {
			if left.Reason != kelpiev1.NodeLeaveReason_NODE_LEAVE_REASON_STOPPED {
				t.Errorf("left as %v", left.Reason)
			}
			break
		}
	}
	if err := leaver.Err(); err != nil {
		t.Error(err)
	}
	if err := leaver.Publish(within(t), "a.b", "x"); !errors.Is(err, kelpie.ReasonClosed) {
		t.Errorf("got %v", err)
	}
}

// The process of a node goes on where its former process ended, and a restart of the coordinator loses and repeats
// nothing.
func TestRestarts(t *testing.T) {
	t.Parallel()
	data, endpoint := t.TempDir(), freePort(t)
	_, port, _ := strings.Cut(endpoint, ":")
	arguments := []string{"--port", port, "--data", filepath.Join(data, "journal"), "--metrics-port", "off", "--log-format", "json"}
	first := startAt(t, endpoint, arguments)
	options := kelpie.Options{
		Name: "restarts", Endpoints: []string{endpoint}, Start: kelpie.FromLatest, CursorFile: filepath.Join(data, "cursor"),
	}
	client := newClient(t, options)
	events := received(t, client, "restarts.x")
	connected := statuses(t, client, kelpie.Connected)
	client.Start(context.Background())
	next(t, connected)
	settled := make(chan error, 1000)
	publish := func(text string) {
		if err := client.PublishAsync("restarts.x", text, func(err error) { settled <- err }); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		publish(fmt.Sprint(i))
	}
	first.Kill()
	for i := 50; i < 100; i++ {
		publish(fmt.Sprint(i))
	}
	startAt(t, endpoint, arguments)
	if status := next(t, connected); status.Welcome.Outcome != kelpiev1.WelcomeOutcome_WELCOME_OUTCOME_RESUMED {
		t.Errorf("outcome %v", status.Welcome.Outcome)
	}
	for i := range 100 {
		if err := next(t, settled); err != nil {
			t.Fatal(err)
		}
		if got := next(t, events).Content.Text(); got != fmt.Sprint(i) {
			t.Fatalf("event %d is %s", i, got)
		}
	}
	if err := client.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	other := connect(t, kelpie.Options{Name: "restarts-other", Endpoints: []string{endpoint}})
	if err := other.Publish(within(t), "restarts.x", "while away"); err != nil {
		t.Fatal(err)
	}
	later := newClient(t, options)
	events = received(t, later, "restarts.x")
	later.Start(context.Background())
	if got := next(t, events).Content.Text(); got != "while away" {
		t.Errorf("got %s", got)
	}
}

func startAt(t *testing.T, endpoint string, arguments []string) *testkelpied.Kelpied {
	t.Helper()
	k := testkelpied.Start(t, arguments...)
	if k.Endpoint != endpoint {
		t.Fatalf("kelpied listens at %s", k.Endpoint)
	}
	return k
}

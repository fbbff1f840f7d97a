package kelpie_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

// A command without the message that it is about fails, and the client goes on.
func TestCommandWithoutAPlayer(t *testing.T) {
	t.Parallel()
	client, _, stream := scriptedClient(t, kelpie.Options{Role: kelpie.Proxy, Players: &kelpie.PlayersOptions{
		OnEvicted: func(kelpie.Evicted) {},
		Verify: func(context.Context, string) (kelpie.Verified, error) {
			return kelpie.Verified{}, errors.New("nobody was asked for")
		},
	}}, nil)
	verify := &kelpiev1.Command{Form: &kelpiev1.Command_VerifyPlayer{VerifyPlayer: &kelpiev1.VerifyPlayerCommand{}}}
	request := &kelpiev1.CommandRequest{CommandId: 1, TimeLeft: durationpb.New(patience), Command: verify}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_CommandRequest{CommandRequest: request}})
	reply := stream.Until("the reply", func(frame *kelpiev1.NodeFrame) bool { return frame.GetCommandReply() != nil })
	if reply.GetCommandReply().GetOutput().GetVerified().GetConnected() {
		t.Errorf("the reply is %v", reply)
	}
	if client.Players().Len() != 0 {
		t.Error("a player is in")
	}
}

// A text that the wire cannot carry fails its own call, and not the stream with all other requests.
func TestTextThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	const text = "\xff"
	client, _, stream := scriptedClient(t, kelpie.Options{}, nil)
	ctx := within(t)
	issue := func(target kelpie.Target, command kelpie.Command) error {
		for _, err := range client.Issue(ctx, kelpie.Issue{Target: target, Command: command}) {
			return err
		}
		return nil
	}
	node, motd := kelpie.ToNode("lobby-1"), text
	_, moved := client.Move(ctx, kelpie.Transfer{Players: kelpie.PlayerByName(text), To: kelpie.Server("lobby-1")})
	for what, err := range map[string]error{
		"kick":     issue(node, kelpie.KickPlayers(text)),
		"console":  issue(node, kelpie.RunConsoleCommand(text)),
		"custom":   issue(node, kelpie.Custom(text, "x")),
		"node":     issue(kelpie.ToNode(text), kelpie.RunConsoleCommand("list")),
		"move":     moved,
		"motd":     client.Update(ctx, kelpie.NodeChange{MOTD: &motd}),
		"address":  client.Update(ctx, kelpie.NodeChange{Address: &kelpie.Address{Host: text, Port: 1}}),
		"labels":   client.Update(ctx, kelpie.NodeChange{RemovedLabels: []string{text}}),
		"release":  client.Release(ctx, text, 1),
		"property": client.Players().Update(ctx, &kelpiev1.Player{Id: text}, kelpie.PlayerFactsChange{}),
	} {
		if !errors.Is(err, kelpie.ReasonValueInvalid) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if client.Pending() != 0 {
		t.Error("requests wait")
	}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_HeartbeatRequested{}})
	stream.Until("the next heartbeat", isHeartbeat)
	_, err := kelpie.New(kelpie.Options{Name: "x", Role: kelpie.Service, Address: &kelpie.Address{Host: text, Port: 1}})
	if !errors.Is(err, kelpie.ReasonValueInvalid) {
		t.Errorf("the option Address: got %v", err)
	}
}

// Requests for a heartbeat that come while one is measured have this one for an answer. A later one has its own.
func TestManyHeartbeatRequests(t *testing.T) {
	t.Parallel()
	tps, release, slow := 20.0, make(chan struct{}), atomic.Bool{}
	measuring := make(chan struct{}, 1000)
	client, _, stream := scriptedClient(t, kelpie.Options{Load: func() kelpie.Load {
		if slow.Load() {
			measuring <- struct{}{}
			<-release
		}
		return kelpie.Load{TPS: &tps}
	}}, nil)
	failed := statuses(t, client, kelpie.HandlerFailed)
	slow.Store(true)
	requested := &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_HeartbeatRequested{}}
	for range 100 {
		stream.Send(requested, requested)
	}
	// The client has read all of them when it has read the event.
	events := received(t, client, "x")
	stream.Batch("x", 1, 2)
	next(t, events)
	next(t, measuring)
	close(release)
	answered := func() {
		if frame := stream.Until("a heartbeat", isHeartbeat); frame.GetHeartbeat().GetLoad().GetTps() != tps {
			t.Errorf("it has no load: %v", frame)
		}
	}
	answered()
	must(t, client.PublishAsync("x", "x", nil))
	stream.Until("the publish", func(frame *kelpiev1.NodeFrame) bool {
		if isHeartbeat(frame) {
			t.Error("a second heartbeat came")
		}
		return frame.GetPublish() != nil
	})
	stream.Send(requested)
	answered()
	if len(failed) > 0 {
		t.Errorf("got %v", <-failed)
	}
}

// Latencies that hang do not stop the heartbeats.
func TestLatenciesThatHang(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	defer close(hang)
	client, _, stream := scriptedClient(t, kelpie.Options{Role: kelpie.Proxy, Players: &kelpie.PlayersOptions{
		OnEvicted: func(kelpie.Evicted) {},
		Latencies: func() map[string]time.Duration { <-hang; return nil },
	}}, nil)
	failed := statuses(t, client, kelpie.HandlerFailed)
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_HeartbeatRequested{}})
	stream.Until("a heartbeat", isHeartbeat)
	if status := next(t, failed); status.Pattern != "Latencies" || !errors.Is(status.Err, kelpie.ReasonHandlerTimeout) {
		t.Errorf("got %v", status)
	}
}

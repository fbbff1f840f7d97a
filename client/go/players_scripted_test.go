package kelpie_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"example.com/kelpie"
	"example.com/kelpie/internal/scripted"
	"example.com/kelpie/kelpiev1"
)

// A change that got no answer follows the list of the next stream at once: the list does not replace what other nodes
// changed.
func TestChangeWithoutAnAnswerFollowsTheList(t *testing.T) {
	t.Parallel()
	c := scripted.Start(t)
	client := connect(t, kelpie.Options{
		Name: "gate-1", Role: kelpie.Proxy, Endpoints: []string{c.Endpoint},
		Players: &kelpie.PlayersOptions{OnEvicted: func(kelpie.Evicted) { t.Error("a player was evicted") }},
	})
	first, _ := c.Open(t, nil)
	answerList(first)
	one := kelpie.PlayerFacts{XUID: "77", Name: "Maja", Properties: map[string]string{"rank": "vip"}}
	must(t, client.Players().Joined(kelpie.NoWait, one))
	answerReports(first, "joined")
	// The stream breaks before the answer.
	change := kelpie.PlayerFactsChange{Properties: map[string]string{"kit": "7"}, RemovedProperties: []string{"rank"}}
	must(t, client.Players().Changed(kelpie.NoWait, "77", change))
	first.Until("the change", func(frame *kelpiev1.NodeFrame) bool { return frame.GetReportPlayers() != nil })
	first.Cut()

	// No heartbeat comes that could repair a loss.
	second, _ := c.Open(t, func(welcome *kelpiev1.Welcome) { welcome.HeartbeatInterval = durationpb.New(time.Minute) })
	list := answerList(second)
	if len(list.Players) != 1 || list.Players[0].Generation != 1007 || list.Players[0].Properties["kit"] != "7" {
		t.Fatalf("the list is %v", list)
	}
	changed := answerReports(second, "changed").GetChanged()
	if changed.GetProperties()["kit"] != "7" || len(changed.RemovedProperties) != 1 || changed.RemovedProperties[0] != "rank" {
		t.Fatalf("after the list came %v", changed)
	}
}

// A report that is under way when the node moves is settled by the list of the newer stream: an answer of the older one
// changes nothing.
func TestLateAnswerToAReport(t *testing.T) {
	t.Parallel()
	c, other := scripted.Start(t), scripted.Start(t)
	client := connect(t, kelpie.Options{
		Name: "gate-1", Role: kelpie.Proxy, Endpoints: []string{c.Endpoint, other.Endpoint},
		Players: &kelpie.PlayersOptions{OnEvicted: func(kelpie.Evicted) { t.Error("a player was evicted") }},
	})
	first, _ := c.Open(t, nil)
	first.Snapshot(1, true, rosterTopics)
	answerList(first)
	ready(t, client)
	joined := make(chan error, 1)
	go func() { joined <- client.Players().Joined(within(t), kelpie.PlayerFacts{XUID: "77", Name: "Maja"}) }()
	report := first.Until("the report", func(frame *kelpiev1.NodeFrame) bool { return frame.GetReportPlayers() != nil })
	drain := &kelpiev1.Drain{ReconnectWindow: durationpb.New(time.Millisecond)}
	first.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_Drain{Drain: drain}})
	second, _ := other.Open(t, nil)
	answerList(second)
	generation := func() uint64 {
		player, _ := client.Players().Get("77")
		return player.GetGeneration()
	}
	eventually(t, "the generation", func() bool { return generation() == 1007 })
	result := &kelpiev1.PlayerReportResult{PlayerId: "77", Generation: 1000}
	answer := &kelpiev1.PlayersReported{Results: []*kelpiev1.PlayerReportResult{result}}
	first.Answer(report, &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_PlayersReported{PlayersReported: answer}})
	must(t, next(t, joined))
	if got := generation(); got != 1007 {
		t.Errorf("the generation is %d", got)
	}
	first.Until("Goodbye", isGoodbye(kelpiev1.GoodbyeReason_GOODBYE_REASON_DRAINED))
	first.End(nil)
}

// Answers the next list: the coordinator has all of its players, under generation 1007.
func answerList(s *scripted.Stream) *kelpiev1.SyncPlayers {
	frame := s.Until("the list", func(frame *kelpiev1.NodeFrame) bool { return frame.GetSyncPlayers() != nil })
	answer := &kelpiev1.PlayersSynced{}
	for _, player := range frame.GetSyncPlayers().Players {
		answer.Results = append(answer.Results, &kelpiev1.PlayerReportResult{PlayerId: player.Id, Generation: 1007})
	}
	s.Send(&kelpiev1.CoordinatorFrame{
		RequestId: frame.RequestId, Frame: &kelpiev1.CoordinatorFrame_PlayersSynced{PlayersSynced: answer},
	})
	return frame.GetSyncPlayers()
}

// Answers the next report, under generation 1007.
func answerReports(s *scripted.Stream, what string) *kelpiev1.PlayerReport {
	frame := s.Until(what, func(frame *kelpiev1.NodeFrame) bool { return frame.GetReportPlayers() != nil })
	report := frame.GetReportPlayers().Reports[0]
	result := &kelpiev1.PlayerReportResult{PlayerId: report.PlayerId, Generation: 1007}
	s.Send(&kelpiev1.CoordinatorFrame{
		RequestId: frame.RequestId,
		Frame:     &kelpiev1.CoordinatorFrame_PlayersReported{PlayersReported: &kelpiev1.PlayersReported{Results: []*kelpiev1.PlayerReportResult{result}}},
	})
	return report
}

// Answers the next request for a player with a grant under a generation; 0: with a denial.
func answerAcquire(s *scripted.Stream, frame *kelpiev1.NodeFrame, generation uint64) {
	answer := &kelpiev1.PlayerAcquired{Outcome: &kelpiev1.PlayerAcquired_Generation{Generation: generation}}
	if generation == 0 {
		answer.Outcome = &kelpiev1.PlayerAcquired_Denial{Denial: &kelpiev1.PlayerDenial{Text: "no"}}
	}
	s.Answer(frame, &kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_PlayerAcquired{PlayerAcquired: answer}})
}

func isAcquire(frame *kelpiev1.NodeFrame) bool { return frame.GetAcquirePlayer() != nil }

// A player logs in twice at once, and the first connection ends before its answer: the grant that comes is given back.
func TestEndOfTheOlderOfTwoLogins(t *testing.T) {
	t.Parallel()
	client, _, stream := scriptedClient(t, kelpie.Options{
		Role: kelpie.Proxy, Players: &kelpie.PlayersOptions{OnEvicted: func(kelpie.Evicted) {}},
	}, nil)
	allow := kelpie.Allow(client.Players(), kelpie.DenyNew, func(_ net.Addr, id string, _ int) kelpie.PlayerFacts {
		return kelpie.PlayerFacts{XUID: id, Name: "Maja"}
	})
	addresses := []net.Addr{&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2}}
	var frames []*kelpiev1.NodeFrame
	allowed := make(chan bool, 2)
	for _, address := range addresses {
		go func() {
			_, ok := allow(address, "77", 0)
			allowed <- ok
		}()
		frames = append(frames, stream.Until("the request", isAcquire))
	}
	client.Players().LoginEnded(addresses[0])
	answerAcquire(stream, frames[1], 0)
	answerAcquire(stream, frames[0], 2000)
	for range addresses {
		if next(t, allowed) {
			t.Error("a login that had ended was granted")
		}
	}
	released := stream.Until("the release", func(frame *kelpiev1.NodeFrame) bool { return frame.GetReleasePlayer() != nil })
	if released.GetReleasePlayer().Generation != 2000 {
		t.Errorf("released %v", released)
	}
}

// A function for evictions that hangs delays a login, but only for the time that a login may take.
func TestEvictionThatHangs(t *testing.T) {
	t.Parallel()
	hang, called := make(chan struct{}), make(chan struct{})
	defer close(hang)
	client, _, stream := scriptedClient(t, kelpie.Options{Role: kelpie.Proxy, Players: &kelpie.PlayersOptions{
		OnEvicted:      func(kelpie.Evicted) { close(called); <-hang },
		AcquireTimeout: 500 * time.Millisecond,
	}}, nil)
	must(t, client.Players().Joined(kelpie.NoWait, kelpie.PlayerFacts{XUID: "77", Name: "Maja"}))
	answerReports(stream, "joined")
	evicted := &kelpiev1.PlayerEvicted{PlayerId: "77", Generation: 1007}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_PlayerEvicted{PlayerEvicted: evicted}})
	next(t, called)
	failed := statuses(t, client, kelpie.HandlerFailed)
	done := make(chan kelpie.Acquired, 1)
	go func() {
		acquired, _ := client.Players().Acquire(context.Background(), kelpie.PlayerFacts{XUID: "78", Name: "Ole"}, kelpie.VerifyOld)
		done <- acquired
	}()
	answerAcquire(stream, stream.Until("the request", isAcquire), 2000)
	if acquired := next(t, done); !acquired.Granted {
		t.Errorf("got %v", acquired)
	}
	if status := next(t, failed); status.Pattern != "OnEvicted" || !errors.Is(status.Err, kelpie.ReasonHandlerTimeout) {
		t.Errorf("got %v", status)
	}
}

package kelpie_test

import (
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

package kelpie_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"example.com/kelpie"
	"example.com/kelpie/internal/testkelpied"
	"example.com/kelpie/kelpiev1"
)

func TestRosterHasNodesAndFindsThem(t *testing.T) {
	t.Parallel()
	service := connect(t, kelpie.Options{Name: "roster-watch", Role: kelpie.Service, Endpoints: []string{coordinator(t)}})
	ready(t, service)
	game := connect(t, kelpie.Options{
		Name: "Roster-Game", Endpoints: []string{coordinator(t)}, Labels: map[string]string{"mode": "roster-game"}, MaxPlayers: 7,
	})
	ready(t, game)
	roster := service.Roster()
	eventually(t, "the roster has the server", func() bool { _, ok := roster.Node("ROSTER-GAME"); return ok })
	node, _ := roster.Node("roster-game")
	if node.GetMaxPlayers() != 7 || node.DisplayName != "Roster-Game" || roster.IsStale("roster-game") {
		t.Errorf("the node is %v", node)
	}
	labels := map[string]string{"mode": "roster-game"}
	if found := roster.ReadyNodes(kelpie.Downstream, labels); len(found) != 1 || found[0].Name != "roster-game" {
		t.Errorf("found %v", found)
	}
	if found := roster.ReadyNodes(kelpie.Proxy, labels); len(found) != 0 {
		t.Errorf("found %v", found)
	}
	must(t, game.Update(within(t), kelpie.NodeChange{State: kelpie.Draining}))
	eventually(t, "the server is not READY", func() bool { return len(roster.ReadyNodes(kelpie.Downstream, labels)) == 0 })
	if _, err := roster.Players(); !errors.Is(err, kelpie.ReasonRosterWithoutPlayers) {
		t.Errorf("players of a roster without them: %v", err)
	}
	if _, err := roster.Pick(kelpie.PickOptions{For: kelpie.Join}); !errors.Is(err, kelpie.ReasonRosterWithoutPlayers) {
		t.Errorf("a pick without players: %v", err)
	}
}

func TestRosterFindsAndCountsPlayers(t *testing.T) {
	t.Parallel()
	proxy := joinAsProxy(t, coordinator(t), "finds-gate", nil)
	facts := map[string]kelpie.PlayerFacts{}
	for _, name := range []string{"Finds Maja", "finds maja", "Finds Ömer"} {
		facts[name] = player(name)
		facts[name] = kelpie.PlayerFacts{UUID: facts[name].UUID, Name: name, Server: "finds-arena"}
		proxy.logIn(t, facts[name])
	}
	roster := proxy.Roster()
	eventually(t, "all are there", func() bool { count, _ := roster.PlayerCount("finds-gate", ""); return count == 3 })
	for lookup, want := range map[kelpie.PlayerLookup]string{
		{Name: "finds maja"}:                       "finds maja",
		{Name: "Finds Maja"}:                       "Finds Maja",
		{Name: "FINDS ÖMER"}:                       "Finds Ömer",
		{ID: facts["finds maja"].ID()}:             "finds maja",
		{UUID: facts["Finds Ömer"].UUID}:           "Finds Ömer",
		{Name: "finds nobody"}:                     "",
		{UUID: "00000000-0000-4000-8000-0000ffff"}: "",
	} {
		found, err := roster.Player(lookup)
		if err != nil || found.GetName() != want {
			t.Errorf("%+v: %q, %v", lookup, found.GetName(), err)
		}
	}
	if _, err := roster.Player(kelpie.PlayerLookup{Name: "FINDS MAJA"}); !errors.Is(err, kelpie.ReasonPlayerAmbiguous) {
		t.Errorf("a name of two players: %v", err)
	}
	if _, err := roster.Player(kelpie.PlayerLookup{}); !errors.Is(err, kelpie.ReasonValueInvalid) {
		t.Errorf("an empty lookup: %v", err)
	}
	for place, want := range map[[2]string]int{
		{"finds-gate", "finds-arena"}: 3, {"", "FINDS-arena"}: 3, {"finds-gate", "elsewhere"}: 0,
	} {
		if count, err := roster.PlayerCount(place[0], place[1]); err != nil || count != want {
			t.Errorf("%v: %d, %v", place, count, err)
		}
	}
	must(t, proxy.Players().Left(within(t), facts["finds maja"].ID()))
	eventually(t, "one has left", func() bool { count, _ := roster.PlayerCount("finds-gate", "finds-arena"); return count == 2 })
	if found, err := roster.Player(kelpie.PlayerLookup{Name: "finds maja"}); err != nil || found.GetName() != "Finds Maja" {
		t.Errorf("the name has one player: %v, %v", found, err)
	}
}

// A network of its own: its rules are for all.
func TestPickFollowsTheRulesAndCountsItself(t *testing.T) {
	t.Parallel()
	k := testkelpied.Start(t).Endpoint
	proxy := joinAsProxy(t, k, "gate", nil)
	for i := range 2 {
		ready(t, connect(t, kelpie.Options{
			Name: fmt.Sprintf("lobby-%d", i), Endpoints: []string{k}, Labels: map[string]string{"mode": "lobby"}, MaxPlayers: 3,
		}))
	}
	ready(t, connect(t, kelpie.Options{Name: "arena", Endpoints: []string{k}}))
	rules := []*kelpiev1.RoutingRule{{
		Name: "joins", When: &kelpiev1.RoutingCondition{Occasions: []kelpiev1.RoutingOccasion{kelpie.Join}},
		To: &kelpiev1.ServerSelector{Labels: map[string]string{"mode": "lobby"}},
	}, {Name: "turns", Strategy: kelpiev1.RoutingStrategy_ROUTING_STRATEGY_ROUND_ROBIN}}
	_, err := kelpiev1.NewRoutingServiceClient(proxy.Conn()).SetRouting(within(t), &kelpiev1.SetRoutingRequest{
		Table: &kelpiev1.RoutingTable{Rules: rules},
	})
	must(t, err)
	roster := proxy.Roster()
	eventually(t, "the proxy has the rules and the servers", func() bool {
		return len(roster.Routing()) == 2 && len(roster.ReadyNodes(kelpie.Downstream, nil)) == 3
	})
	// Six players who join at once fill both lobbies, although no event has come yet.
	counts := map[string]int{}
	for i := range 6 {
		picked, err := roster.Pick(kelpie.PickOptions{For: kelpie.Join, Player: kelpie.PickPlayer{UUID: player(fmt.Sprint("pick-", i)).UUID}})
		must(t, err)
		counts[picked.Server]++
		if picked.Rule != "joins" || picked.LastResort {
			t.Errorf("picked %+v", picked)
		}
	}
	if counts["lobby-0"] != 3 || counts["lobby-1"] != 3 {
		t.Errorf("the picks are %v", counts)
	}
	// A seventh falls through to the second rule, which takes its turns among the servers with room: the arena.
	picked, err := roster.Pick(kelpie.PickOptions{For: kelpie.Join, Player: kelpie.PickPlayer{UUID: player("pick-6").UUID}})
	must(t, err)
	if picked == nil || *picked != (kelpie.Picked{Server: "arena", Rule: "turns"}) {
		t.Errorf("the seventh: %+v", picked)
	}
	// A fallback never goes back to the server that the player comes from.
	picked, err = roster.Pick(kelpie.PickOptions{For: kelpie.Fallback, FromServer: "Arena"})
	must(t, err)
	if picked != nil {
		t.Errorf("a fallback: %+v", picked)
	}
	sticks(t, k, proxy, rules)
	if _, err := roster.Pick(kelpie.PickOptions{}); !errors.Is(err, kelpie.ReasonValueInvalid) {
		t.Errorf("a pick without an occasion: %v", err)
	}
}

// A rule with STICKY takes the server that the player left last.
func sticks(t *testing.T, endpoint string, proxy *testProxy, rules []*kelpiev1.RoutingRule) {
	t.Helper()
	rules = append([]*kelpiev1.RoutingRule{{
		Name: "back", Priority: 1, When: &kelpiev1.RoutingCondition{Occasions: []kelpiev1.RoutingOccasion{kelpie.Fallback}},
		Strategy:  kelpiev1.RoutingStrategy_ROUTING_STRATEGY_STICKY,
		Otherwise: kelpiev1.RoutingStrategy_ROUTING_STRATEGY_MOST_PLAYERS,
	}}, rules...)
	_, err := kelpiev1.NewRoutingServiceClient(proxy.Conn()).SetRouting(within(t), &kelpiev1.SetRoutingRequest{
		Table: &kelpiev1.RoutingTable{Rules: rules},
	})
	must(t, err)
	ready(t, connect(t, kelpie.Options{Name: "zoo", Endpoints: []string{endpoint}}))
	one := player("pick-sticky")
	proxy.logIn(t, one)
	for _, server := range []string{"zoo", "nowhere"} {
		must(t, proxy.Players().Moved(within(t), one.ID(), server))
		sees(t, proxy.Client, one, "on "+server, isOn(server))
	}
	eventually(t, "the rules and the server have come", func() bool {
		_, ok := proxy.Roster().Node("zoo")
		return ok && len(proxy.Roster().Routing()) == 3
	})
	picked, err := proxy.Roster().Pick(kelpie.PickOptions{For: kelpie.Fallback, Player: kelpie.PickPlayer{UUID: one.UUID}})
	must(t, err)
	if picked == nil || *picked != (kelpie.Picked{Server: "zoo", Rule: "back"}) {
		t.Errorf("the sticky pick: %+v", picked)
	}
}

func TestRosterFileAnswersWithoutACoordinator(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "roster")
	options := kelpie.Options{
		Name: "file-gate", Role: kelpie.Proxy, Endpoints: []string{coordinator(t)}, RosterFile: file,
		Roster: kelpie.RosterOptions{Players: true}, Players: &kelpie.PlayersOptions{OnEvicted: func(kelpie.Evicted) {}},
	}
	first := connect(t, options)
	ready(t, first)
	one := player("file-1")
	must(t, first.Players().Joined(within(t), one))
	eventually(t, "the roster has the player", func() bool {
		found, err := first.Roster().Player(kelpie.PlayerLookup{ID: one.ID()})
		return err == nil && found != nil
	})
	must(t, first.Close(within(t)))
	options.Endpoints = []string{freePort(t)}
	second := connect(t, options)
	if _, ok := second.Roster().Node("file-gate"); !ok || !second.Roster().IsStale("file-gate") || second.Roster().Complete() {
		t.Error("the roster of the next process has no row of the file")
	}
	if found, err := second.Roster().Player(kelpie.PlayerLookup{ID: one.ID()}); err != nil || found == nil {
		t.Errorf("the player is %v, %v", found, err)
	}
	// A file that is cut off is reported, and the client begins without it.
	content, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file+".half", content[:len(content)-2], 0o600))
	options.RosterFile = file + ".half"
	third := newClient(t, options)
	failures := statuses(t, third, kelpie.FileFailed)
	third.Start(within(t))
	if failed := next(t, failures); !errors.Is(failed.Err, kelpie.ReasonFileInvalid) {
		t.Errorf("the status is %+v", failed)
	}
	if len(third.Roster().Nodes()) != 0 {
		t.Error("half a file gave rows")
	}
}

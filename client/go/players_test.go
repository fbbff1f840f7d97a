package kelpie

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"example.com/kelpie/kelpiev1"
)

// A proxy of a test, with the evictions that it got.
type testProxy struct {
	*Client
	evicted chan Evicted
}

func connectProxy(t *testing.T, k *kelpied, name string, change func(*Options)) *testProxy {
	t.Helper()
	p := &testProxy{evicted: make(chan Evicted, 100)}
	options := Options{
		Name: name, Role: Proxy, Roster: RosterOptions{Players: true},
		Players: &PlayersOptions{OnEvicted: func(one Evicted) { p.evicted <- one }},
	}
	if change != nil {
		change(&options)
	}
	p.Client = connectTo(t, k, options)
	return p
}

func (p *testProxy) nextEvicted(t *testing.T) Evicted {
	t.Helper()
	select {
	case one := <-p.evicted:
		return one
	case <-time.After(testTimeout):
		t.Fatal("nobody was evicted")
		return Evicted{}
	}
}

func facts(number int) PlayerFacts {
	return PlayerFacts{XUID: fmt.Sprint(2535400000000000 + number), Name: fmt.Sprintf("Player %d", number)}
}

// Waits until the roster of a node shows the player as wanted.
func sees(t *testing.T, c *Client, id, what string, isSo func(*kelpiev1.Player) bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s sees player %s %s", c.Name(), id, what), func() bool {
		player, err := c.Roster().Player(PlayerLookup{ID: id})
		return err == nil && isSo(player)
	})
}

func isGone(player *kelpiev1.Player) bool { return player == nil }

func isOn(server string) func(*kelpiev1.Player) bool {
	return func(player *kelpiev1.Player) bool { return player != nil && player.Server == server }
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *testProxy) logIn(t *testing.T, facts PlayerFacts) Acquired {
	t.Helper()
	acquired, err := p.Players().Acquire(testContext(t), facts, 0)
	must(t, err)
	if !acquired.Granted || acquired.Generation == 0 {
		t.Fatalf("the login of %s: %+v", facts.Name, acquired)
	}
	must(t, p.Players().Joined(testContext(t), facts))
	return acquired
}

func TestPlayerComesMovesChangesAndLeaves(t *testing.T) {
	k := startKelpied(t)
	proxy := connectProxy(t, k, "gate-1", nil)
	lobby := connectTo(t, k, Options{Name: "lobby", Role: Downstream, Roster: RosterOptions{Players: true}})
	maja := facts(1)
	acquired := proxy.logIn(t, maja)
	sees(t, lobby, maja.ID(), "without a server", isOn(""))
	must(t, proxy.Players().Moved(testContext(t), maja.ID(), "Lobby"))
	sees(t, lobby, maja.ID(), "on lobby", isOn("lobby"))

	// A server changes its player, and the proxy another fact.
	player, _ := lobby.Roster().Player(PlayerLookup{Name: "player 1"})
	if player.GetGeneration() != acquired.Generation {
		t.Fatalf("the generation is %d, granted was %d", player.GetGeneration(), acquired.Generation)
	}
	must(t, lobby.Players().Update(testContext(t), player, PlayerFactsChange{Properties: map[string]string{"kit": "7"}}))
	must(t, proxy.Players().Changed(testContext(t), maja.ID(), PlayerFactsChange{Properties: map[string]string{"rank": "vip"}}))
	sees(t, lobby, maja.ID(), "with both facts", func(player *kelpiev1.Player) bool {
		return player.GetProperties()["kit"] == "7" && player.GetProperties()["rank"] == "vip"
	})
	must(t, proxy.Players().Left(testContext(t), maja.ID()))
	sees(t, lobby, maja.ID(), "gone", isGone)
	if proxy.Players().Len() != 0 {
		t.Fatalf("the proxy has %d players", proxy.Players().Len())
	}
}

func TestReportsOfOneMomentGoInOrder(t *testing.T) {
	k := startKelpied(t)
	proxy := connectProxy(t, k, "gate-1", nil)
	maja := facts(1)
	players := proxy.Players()
	// Without a grant: later reports need the generation of the answer to the first one.
	must(t, players.Joined(NoWait, maja))
	for i := range 50 {
		must(t, players.Moved(NoWait, maja.ID(), fmt.Sprintf("server-%d", i)))
	}
	must(t, players.Left(NoWait, maja.ID()))
	must(t, players.Joined(NoWait, maja))
	must(t, players.Moved(testContext(t), maja.ID(), "last"))
	sees(t, proxy.Client, maja.ID(), "on the last server", isOn("last"))
}

func TestRefusedReportIsUndone(t *testing.T) {
	k := startKelpied(t)
	proxy := connectProxy(t, k, "gate-1", nil)
	maja := facts(1)
	proxy.logIn(t, maja)
	err := proxy.Players().Moved(testContext(t), maja.ID(), "gate-1")
	if !errors.Is(err, ReasonPlayerInvalid) {
		t.Fatalf("a move to a proxy: %v", err)
	}
	if player, _ := proxy.Players().Get(maja.ID()); player.GetServer() != "" {
		t.Fatalf("the player is on %q", player.GetServer())
	}
	if err := proxy.Players().Moved(testContext(t), "nobody", "lobby"); !errors.Is(err, ReasonPlayerNotFound) {
		t.Fatalf("a move of nobody: %v", err)
	}
}

func TestSecondLoginIsVerified(t *testing.T) {
	k := startKelpied(t)
	connected := make(chan bool, 10)
	old := connectProxy(t, k, "gate-1", func(o *Options) {
		o.Players.Verify = func(context.Context, string) (Verified, error) {
			return Verified{Connected: <-connected}, nil
		}
	})
	other := connectProxy(t, k, "gate-2", nil)
	maja := facts(1)
	first := old.logIn(t, maja)

	connected <- true
	denied, err := other.Players().Acquire(testContext(t), maja, 0)
	must(t, err)
	if denied.Granted || denied.Proxy != "gate-1" || denied.Reason != kelpiev1.PlayerDenialReason_PLAYER_DENIAL_REASON_ONLINE {
		t.Fatalf("while the player is there: %+v", denied)
	}
	connected <- false
	second := other.logIn(t, maja)
	gone := old.nextEvicted(t)
	if gone.ID != maja.ID() || gone.Generation != first.Generation || gone.Text == "" {
		t.Fatalf("evicted was %+v", gone)
	}
	sees(t, old.Client, maja.ID(), "on the other proxy", func(player *kelpiev1.Player) bool {
		return player.GetProxy() == "gate-2" && player.GetGeneration() == second.Generation
	})
	// The older proxy has nothing to report about the player.
	must(t, old.Players().Left(testContext(t), maja.ID()))
	sees(t, old.Client, maja.ID(), "still there", func(player *kelpiev1.Player) bool { return player != nil })
}

func TestNewerLoginOnOneProxyEvictsBeforeItsGrant(t *testing.T) {
	k := startKelpied(t)
	var proxy *testProxy
	// The newer connection of the player, as a program has it.
	newer := false
	proxy = connectProxy(t, k, "gate-1", func(o *Options) {
		o.Players.OnEvicted = func(one Evicted) {
			if newer {
				t.Error("the newer login is evicted")
			}
			proxy.evicted <- one
		}
	})
	maja := facts(1)
	first := proxy.logIn(t, maja)
	second, err := proxy.Players().Acquire(testContext(t), maja, 0)
	newer = true
	must(t, err)
	if !second.Granted || second.Generation <= first.Generation {
		t.Fatalf("the second login: %+v", second)
	}
	if gone := proxy.nextEvicted(t); gone.Generation != first.Generation {
		t.Fatalf("evicted was %+v", gone)
	}
	must(t, proxy.Players().Joined(testContext(t), maja))
}

type address string

func (a address) Network() string { return "udp" }
func (a address) String() string  { return string(a) }

func TestAllowAcquiresAndLoginEndedGivesBack(t *testing.T) {
	k := startKelpied(t)
	proxy := connectProxy(t, k, "gate-1", nil)
	other := connectProxy(t, k, "gate-2", nil)
	type identity struct{ xuid, name string }
	type client struct{ language string }
	allow := Allow(proxy.Players(), DenyNew, func(a net.Addr, i identity, c client) PlayerFacts {
		return PlayerFacts{XUID: i.xuid, Name: i.name, Address: a.String(), Language: c.language}
	})
	maja := facts(1)
	if text, ok := allow(address("10.0.0.1:5"), identity{maja.XUID, maja.Name}, client{"en_GB"}); !ok {
		t.Fatal("denied: " + text)
	}
	denied, err := other.Players().Acquire(testContext(t), maja, DenyNew)
	must(t, err)
	if denied.Granted {
		t.Fatal("two proxies have the grant")
	}
	// Another connection does not end the login.
	proxy.Players().LoginEnded(address("10.0.0.1:6"))
	if grant, ok := proxy.Players().Grant(maja.ID()); !ok || grant.Generation == 0 || grant.Ticket != nil {
		t.Fatalf("the grant is %+v, %v", grant, ok)
	}
	proxy.Players().LoginEnded(address("10.0.0.1:5"))
	if _, ok := proxy.Players().Grant(maja.ID()); ok {
		t.Fatal("the login has ended, and has a grant")
	}
	eventually(t, "the grant is given back", func() bool {
		acquired, err := other.Players().Acquire(testContext(t), maja, DenyNew)
		return err == nil && acquired.Granted
	})
	// A connection that ends when its player is in changes nothing: the proxy reports that.
	if text, ok := allow(address("10.0.0.1:7"), identity{facts(2).XUID, "Player 2"}, client{}); !ok {
		t.Fatal("denied: " + text)
	}
	must(t, proxy.Players().Joined(testContext(t), facts(2)))
	proxy.Players().LoginEnded(address("10.0.0.1:7"))
	if _, in := proxy.Players().Get(facts(2).ID()); !in {
		t.Fatal("the player is not in any more")
	}
}

func TestAwayProxyDecidesByItself(t *testing.T) {
	k := startKelpied(t)
	open := connectProxy(t, k, "gate-1", nil)
	deny := connectProxy(t, k, "gate-2", func(o *Options) { o.Players.WhenAway = AwayDeny })
	lobby := connectTo(t, k, Options{Name: "lobby", Role: Downstream})
	settings := kelpiev1.NewNetworkServiceClient(lobby.Conn())
	_, err := settings.SetSettings(testContext(t), &kelpiev1.SetSettingsRequest{Settings: &kelpiev1.NetworkSettings{
		Maintenance: true, MaintenanceMessage: "Back at noon", AllowedPlayers: []string{"PLAYER 1"},
	}})
	must(t, err)
	for _, proxy := range []*testProxy{open, deny} {
		eventually(t, "the proxy knows the maintenance", func() bool { return proxy.Roster().Settings().GetMaintenance() })
	}
	k.kill()
	for name, one := range map[string]struct {
		proxy  *testProxy
		player PlayerFacts
		want   Acquired
	}{
		"open, allowed": {open, facts(1), Acquired{Granted: true}},
		"open, another": {open, facts(2), Acquired{
			Text: "Back at noon", Reason: kelpiev1.PlayerDenialReason_PLAYER_DENIAL_REASON_MAINTENANCE}},
		"deny, allowed": {deny, facts(1), Acquired{Text: unreachableText}},
	} {
		got, err := one.proxy.Players().Acquire(testContext(t), one.player, 0)
		if err != nil || got != one.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestNodesWithoutPlayersSaySo(t *testing.T) {
	k := startKelpied(t)
	lobby := connectTo(t, k, Options{Name: "lobby", Role: Downstream})
	for name, err := range map[string]error{
		"joined":  lobby.Players().Joined(testContext(t), facts(1)),
		"release": lobby.Players().Release(testContext(t), "1"),
	} {
		if !errors.Is(err, ReasonRoleHoldsNoPlayers) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := lobby.Players().Acquire(testContext(t), facts(1), 0); !errors.Is(err, ReasonRoleHoldsNoPlayers) {
		t.Errorf("acquire: %v", err)
	}
	if _, err := New(Options{Name: "a", Role: Service, Players: &PlayersOptions{OnEvicted: func(Evicted) {}}}); !errors.Is(err, ReasonRoleHoldsNoPlayers) {
		t.Errorf("a service with players: %v", err)
	}
	if _, err := New(Options{Name: "a", Role: Proxy, Players: &PlayersOptions{}}); !errors.Is(err, ReasonValueInvalid) {
		t.Errorf("a proxy without OnEvicted: %v", err)
	}
}

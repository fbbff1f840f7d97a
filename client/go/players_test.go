package kelpie_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"testing"
	"time"

	"example.com/kelpie"
	"example.com/kelpie/internal/testkelpied"
	"example.com/kelpie/kelpiev1"
)

// A proxy of a test, with the evictions that it got.
type testProxy struct {
	*kelpie.Client
	evicted chan kelpie.Evicted
}

func joinAsProxy(t *testing.T, endpoint, name string, change func(*kelpie.Options)) *testProxy {
	t.Helper()
	p := &testProxy{evicted: make(chan kelpie.Evicted, 100)}
	options := kelpie.Options{
		Name: name, Role: kelpie.Proxy, Endpoints: []string{endpoint}, Roster: kelpie.RosterOptions{Players: true},
		Players: &kelpie.PlayersOptions{OnEvicted: func(one kelpie.Evicted) { p.evicted <- one }},
	}
	if change != nil {
		change(&options)
	}
	p.Client = connect(t, options)
	ready(t, p.Client)
	return p
}

func joinAsServer(t *testing.T, endpoint, name string) *kelpie.Client {
	t.Helper()
	client := connect(t, kelpie.Options{
		Name: name, Endpoints: []string{endpoint}, Roster: kelpie.RosterOptions{Players: true},
	})
	ready(t, client)
	return client
}

// A player of a test. All tests share a coordinator, so each has players of its own.
func player(name string) kelpie.PlayerFacts {
	return kelpie.PlayerFacts{UUID: "00000000-0000-4000-8000-" + fmt.Sprintf("%012x", crc32.ChecksumIEEE([]byte(name))), Name: name}
}

// Waits until the roster of a node shows the player as wanted.
func sees(t *testing.T, c *kelpie.Client, one kelpie.PlayerFacts, what string, isSo func(*kelpiev1.Player) bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s sees %s %s", c.Name(), one.Name, what), func() bool {
		player, err := c.Roster().Player(kelpie.PlayerLookup{ID: one.ID()})
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

func (p *testProxy) logIn(t *testing.T, facts kelpie.PlayerFacts) kelpie.Acquired {
	t.Helper()
	acquired, err := p.Players().Acquire(within(t), facts, 0)
	must(t, err)
	if !acquired.Granted || acquired.Generation == 0 {
		t.Fatalf("the login of %s: %+v", facts.Name, acquired)
	}
	must(t, p.Players().Joined(within(t), facts))
	return acquired
}

func TestPlayerComesMovesChangesAndLeaves(t *testing.T) {
	t.Parallel()
	k := coordinator(t)
	proxy := joinAsProxy(t, k, "comes-gate-1", nil)
	lobby := joinAsServer(t, k, "comes-lobby")
	maja := player("comes-1")
	acquired := proxy.logIn(t, maja)
	sees(t, lobby, maja, "without a server", isOn(""))
	must(t, proxy.Players().Moved(within(t), maja.ID(), "Lobby"))
	sees(t, lobby, maja, "on lobby", isOn("lobby"))

	// A server changes its player, and the proxy another fact.
	found, _ := lobby.Roster().Player(kelpie.PlayerLookup{Name: "COMES-1"})
	if found.GetGeneration() != acquired.Generation {
		t.Fatalf("the generation is %d, granted was %d", found.GetGeneration(), acquired.Generation)
	}
	must(t, lobby.Players().Update(within(t), found, kelpie.PlayerFactsChange{Properties: map[string]string{"kit": "7"}}))
	must(t, proxy.Players().Changed(within(t), maja.ID(), kelpie.PlayerFactsChange{Properties: map[string]string{"rank": "vip"}}))
	sees(t, lobby, maja, "with both facts", func(player *kelpiev1.Player) bool {
		return player.GetProperties()["kit"] == "7" && player.GetProperties()["rank"] == "vip"
	})
	must(t, proxy.Players().Left(within(t), maja.ID()))
	sees(t, lobby, maja, "gone", isGone)
	if proxy.Players().Len() != 0 {
		t.Fatalf("the proxy has %d players", proxy.Players().Len())
	}
}

func TestReportsOfOneMomentGoInOrder(t *testing.T) {
	t.Parallel()
	k := coordinator(t)
	proxy := joinAsProxy(t, k, "moment-gate-1", nil)
	maja := player("moment-1")
	players := proxy.Players()
	refusals := statuses(t, proxy.Client, kelpie.Refused)
	// Without a grant: later reports need the generation of the answer to the first one.
	must(t, players.Joined(kelpie.NoWait, maja))
	for i := range 50 {
		must(t, players.Moved(kelpie.NoWait, maja.ID(), fmt.Sprintf("server-%d", i)))
	}
	must(t, players.Left(kelpie.NoWait, maja.ID()))
	must(t, players.Joined(kelpie.NoWait, maja))
	must(t, players.Moved(within(t), maja.ID(), "last"))
	sees(t, proxy.Client, maja, "on the last server", isOn("last"))
	if len(refusals) > 0 {
		t.Fatalf("a report overtook another one: %v", (<-refusals).Err)
	}
}

func TestRefusedReportIsUndone(t *testing.T) {
	t.Parallel()
	k := coordinator(t)
	proxy := joinAsProxy(t, k, "undone-gate-1", nil)
	maja := player("undone-1")
	proxy.logIn(t, maja)
	err := proxy.Players().Moved(within(t), maja.ID(), "undone-gate-1")
	if !errors.Is(err, kelpie.ReasonPlayerInvalid) {
		t.Fatalf("a move to a proxy: %v", err)
	}
	if player, _ := proxy.Players().Get(maja.ID()); player.GetServer() != "" {
		t.Fatalf("the player is on %q", player.GetServer())
	}
	if err := proxy.Players().Moved(within(t), "nobody", "lobby"); !errors.Is(err, kelpie.ReasonPlayerNotFound) {
		t.Fatalf("a move of nobody: %v", err)
	}
}

func TestSecondLoginIsVerified(t *testing.T) {
	t.Parallel()
	k := coordinator(t)
	connected := make(chan bool, 10)
	old := joinAsProxy(t, k, "second-gate-1", func(o *kelpie.Options) {
		o.Players.Verify = func(context.Context, string) (kelpie.Verified, error) {
			return kelpie.Verified{Connected: <-connected}, nil
		}
	})
	other := joinAsProxy(t, k, "second-gate-2", nil)
	maja := player("second-1")
	first := old.logIn(t, maja)

	connected <- true
	denied, err := other.Players().Acquire(within(t), maja, 0)
	must(t, err)
	if denied.Granted || denied.Proxy != "second-gate-1" || denied.Reason != kelpiev1.PlayerDenialReason_PLAYER_DENIAL_REASON_ONLINE {
		t.Fatalf("while the player is there: %+v", denied)
	}
	connected <- false
	second := other.logIn(t, maja)
	gone := next(t, old.evicted)
	if gone.ID != maja.ID() || gone.Generation != first.Generation || gone.Text == "" ||
		gone.Reason != kelpiev1.PlayerLeaveReason_PLAYER_LEAVE_REASON_REPLACED {
		t.Fatalf("evicted was %+v", gone)
	}
	sees(t, old.Client, maja, "on the other proxy", func(player *kelpiev1.Player) bool {
		return player.GetProxy() == "second-gate-2" && player.GetGeneration() == second.Generation
	})
	// The older proxy has nothing to report about the player.
	must(t, old.Players().Left(within(t), maja.ID()))
	sees(t, old.Client, maja, "still there", func(player *kelpiev1.Player) bool { return player != nil })
}

func TestGrantThatComesTooLateIsGivenBack(t *testing.T) {
	t.Parallel()
	asked := make(chan context.CancelFunc, 1)
	old := joinAsProxy(t, coordinator(t), "late-gate-1", func(o *kelpie.Options) {
		o.Players.Verify = func(context.Context, string) (kelpie.Verified, error) {
			(<-asked)() // The login at the other proxy ends while the coordinator asks this one.
			return kelpie.Verified{}, nil
		}
	})
	other := joinAsProxy(t, coordinator(t), "late-gate-2", nil)
	maja := player("late-1")
	old.logIn(t, maja)
	ctx, cancel := context.WithCancel(within(t))
	asked <- cancel
	if _, err := other.Players().Acquire(ctx, maja, kelpie.VerifyOld); !errors.Is(err, context.Canceled) {
		t.Fatalf("the login that ended: %v", err)
	}
	next(t, old.evicted)
	// A grant that nobody gives back would hold the player for a minute.
	eventually(t, "the grant is given back", func() bool {
		acquired, err := old.Players().Acquire(within(t), maja, kelpie.DenyNew)
		return err == nil && acquired.Granted
	})
}

func TestNewerLoginOnOneProxyEvictsBeforeItsGrant(t *testing.T) {
	t.Parallel()
	k := coordinator(t)
	var proxy *testProxy
	// The newer connection of the player, as a program has it.
	newer := false
	proxy = joinAsProxy(t, k, "newer-gate-1", func(o *kelpie.Options) {
		o.Players.OnEvicted = func(one kelpie.Evicted) {
			if newer {
				t.Error("the newer login is evicted")
			}
			proxy.evicted <- one
		}
	})
	maja := player("newer-1")
	first := proxy.logIn(t, maja)
	second, err := proxy.Players().Acquire(within(t), maja, 0)
	newer = true
	must(t, err)
	if !second.Granted || second.Generation <= first.Generation {
		t.Fatalf("the second login: %+v", second)
	}
	if gone := next(t, proxy.evicted); gone.Generation != first.Generation {
		t.Fatalf("evicted was %+v", gone)
	}
	must(t, proxy.Players().Joined(within(t), maja))
}

type address string

func (a address) Network() string { return "udp" }
func (a address) String() string  { return string(a) }

func TestAllowAcquiresAndLoginEndedGivesBack(t *testing.T) {
	t.Parallel()
	k := coordinator(t)
	proxy := joinAsProxy(t, k, "allow-gate-1", nil)
	other := joinAsProxy(t, k, "allow-gate-2", nil)
	type identity struct{ uuid, name string }
	type client struct{ language string }
	allow := kelpie.Allow(proxy.Players(), kelpie.DenyNew, func(a net.Addr, i identity, c client) kelpie.PlayerFacts {
		return kelpie.PlayerFacts{UUID: i.uuid, Name: i.name, Address: a.String(), Language: c.language}
	})
	maja := player("allow-1")
	if text, ok := allow(address("10.0.0.1:5"), identity{maja.UUID, maja.Name}, client{"en_GB"}); !ok {
		t.Fatal("denied: " + text)
	}
	denied, err := other.Players().Acquire(within(t), maja, kelpie.DenyNew)
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
		acquired, err := other.Players().Acquire(within(t), maja, kelpie.DenyNew)
		return err == nil && acquired.Granted
	})
	// A connection that ends when its player is in changes nothing: the proxy reports that.
	if text, ok := allow(address("10.0.0.1:7"), identity{player("allow-2").UUID, "allow-2"}, client{}); !ok {
		t.Fatal("denied: " + text)
	}
	must(t, proxy.Players().Joined(within(t), player("allow-2")))
	proxy.Players().LoginEnded(address("10.0.0.1:7"))
	if _, in := proxy.Players().Get(player("allow-2").ID()); !in {
		t.Fatal("the player is not in any more")
	}
}

func TestAwayProxyDecidesByItself(t *testing.T) {
	t.Parallel()
	own := testkelpied.Start(t)
	k := own.Endpoint
	open := joinAsProxy(t, k, "away-gate-1", nil)
	deny := joinAsProxy(t, k, "away-gate-2", func(o *kelpie.Options) { o.Players.WhenAway = kelpie.AwayDeny })
	lobby := joinAsServer(t, k, "away-lobby")
	settings := kelpiev1.NewNetworkServiceClient(lobby.Conn())
	_, err := settings.SetSettings(within(t), &kelpiev1.SetSettingsRequest{Settings: &kelpiev1.NetworkSettings{
		Maintenance: true, MaintenanceMessage: "Back at noon", AllowedPlayers: []string{"AWAY-1"},
	}})
	must(t, err)
	for _, proxy := range []*testProxy{open, deny} {
		eventually(t, "the proxy knows the maintenance", func() bool { return proxy.Roster().Settings().GetMaintenance() })
	}
	own.Kill()
	for name, one := range map[string]struct {
		proxy  *testProxy
		player kelpie.PlayerFacts
		want   kelpie.Acquired
	}{
		"open, allowed": {open, player("away-1"), kelpie.Acquired{Granted: true}},
		"open, another": {open, player("away-2"), kelpie.Acquired{
			Text: "Back at noon", Reason: kelpiev1.PlayerDenialReason_PLAYER_DENIAL_REASON_MAINTENANCE}},
		"deny, allowed": {deny, player("away-1"), kelpie.Acquired{Text: "The network cannot be reached right now. Try again soon."}},
	} {
		got, err := one.proxy.Players().Acquire(within(t), one.player, 0)
		if err != nil || got != one.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestNodesWithoutPlayersSaySo(t *testing.T) {
	t.Parallel()
	k := coordinator(t)
	lobby := joinAsServer(t, k, "none-lobby")
	for name, err := range map[string]error{
		"joined":  lobby.Players().Joined(within(t), player("none-1")),
		"release": lobby.Players().Release(within(t), "1"),
	} {
		if !errors.Is(err, kelpie.ReasonRoleHoldsNoPlayers) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := lobby.Players().Acquire(within(t), player("none-1"), 0); !errors.Is(err, kelpie.ReasonRoleHoldsNoPlayers) {
		t.Errorf("acquire: %v", err)
	}
	if _, err := kelpie.New(kelpie.Options{Name: "a", Role: kelpie.Service, Players: &kelpie.PlayersOptions{OnEvicted: func(kelpie.Evicted) {}}}); !errors.Is(err, kelpie.ReasonRoleHoldsNoPlayers) {
		t.Errorf("a service with players: %v", err)
	}
	if _, err := kelpie.New(kelpie.Options{Name: "a", Role: kelpie.Proxy, Players: &kelpie.PlayersOptions{}}); !errors.Is(err, kelpie.ReasonValueInvalid) {
		t.Errorf("a proxy without OnEvicted: %v", err)
	}
}

// A proxy that waits less long than the coordinator lets the player in. The grant that comes then settles them, before or
// after their join.
func TestLateGrant(t *testing.T) {
	t.Parallel()
	k := coordinator(t)
	holder := joinAsProxy(t, k, "late-gate-1", func(options *kelpie.Options) {
		options.Players.Verify = func(ctx context.Context, _ string) (kelpie.Verified, error) {
			<-ctx.Done()
			return kelpie.Verified{}, ctx.Err()
		}
	})
	proxy := joinAsProxy(t, k, "late-gate-2", func(options *kelpie.Options) {
		options.Players.AcquireTimeout = 50 * time.Millisecond
	})
	before, after := player("late-1"), player("late-2")
	for _, one := range []kelpie.PlayerFacts{before, after} {
		holder.logIn(t, one)
		acquired, err := proxy.Players().Acquire(within(t), one, kelpie.VerifyOld)
		must(t, err)
		if !acquired.Granted || acquired.Generation != 0 {
			t.Fatalf("the login of %s: %+v", one.Name, acquired)
		}
		if one.Name == before.Name {
			// The grant evicts the older login.
			next(t, holder.evicted)
		}
		must(t, proxy.Players().Joined(within(t), one))
		sees(t, proxy.Client, one, "on the second proxy", func(player *kelpiev1.Player) bool {
			own, _ := proxy.Players().Get(one.ID())
			return player.GetProxy() == proxy.Name() && player.GetGeneration() == own.GetGeneration()
		})
	}
	if len(proxy.evicted) > 0 {
		t.Errorf("evicted %v", <-proxy.evicted)
	}
}

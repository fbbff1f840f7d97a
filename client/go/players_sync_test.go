package kelpie_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"example.com/kelpie"
	"example.com/kelpie/internal/testkelpied"
	"example.com/kelpie/kelpiev1"
)

// Waits until the stream of the client has broken.
func isAway(t *testing.T, losses <-chan kelpie.Status) {
	t.Helper()
	next(t, losses)
}

func TestListSettlesWhatHappenedWithoutACoordinator(t *testing.T) {
	t.Parallel()
	way := startRelay(t, coordinator(t))
	proxy := joinAsProxy(t, way.endpoint, "list-gate", nil)
	lobby := joinAsServer(t, coordinator(t), "list-lobby")
	leaver, mover, changer, comer := player("list-leaver"), player("list-mover"), player("list-changer"), player("list-comer")
	for _, one := range []kelpie.PlayerFacts{leaver, mover, changer} {
		proxy.logIn(t, one)
	}
	// Another node has changed the same fact: the list of the proxy does not replace that, but a change does.
	sees(t, lobby, changer, "in", isOn(""))
	found, _ := lobby.Roster().Player(kelpie.PlayerLookup{ID: changer.ID()})
	must(t, lobby.Players().Update(within(t), found, kelpie.PlayerFactsChange{Properties: map[string]string{"kit": "1"}}))
	losses := statuses(t, proxy.Client, kelpie.Disconnected)
	way.hold()
	isAway(t, losses)

	players := proxy.Players()
	must(t, players.Left(within(t), leaver.ID()))
	must(t, players.Moved(within(t), mover.ID(), "list-lobby"))
	must(t, players.Changed(within(t), changer.ID(), kelpie.PlayerFactsChange{Properties: map[string]string{"kit": "7"}}))
	acquired, err := players.Acquire(within(t), comer, 0)
	must(t, err)
	if !acquired.Granted || acquired.Generation != 0 {
		t.Fatalf("the login without a coordinator: %+v", acquired)
	}
	must(t, players.Joined(within(t), comer))
	way.release()

	sees(t, lobby, leaver, "gone", isGone)
	sees(t, lobby, mover, "moved", isOn("list-lobby"))
	sees(t, lobby, changer, "changed", func(p *kelpiev1.Player) bool { return p.GetProperties()["kit"] == "7" })
	sees(t, lobby, comer, "in", isOn(""))
	eventually(t, "the proxy has the generation of the login that nobody granted", func() bool {
		one, in := players.Get(comer.ID())
		return in && one.Generation > 0
	})
	// Later reports need that generation.
	must(t, players.Moved(within(t), comer.ID(), "list-lobby"))
	sees(t, lobby, comer, "moved", isOn("list-lobby"))
}

func TestNewerLoginWithoutACoordinatorKeepsThePlayer(t *testing.T) {
	t.Parallel()
	ways := [2]*relay{startRelay(t, coordinator(t)), startRelay(t, coordinator(t))}
	one := player("ungranted-1")
	var proxies [2]*testProxy
	var losses [2]<-chan kelpie.Status
	for i, way := range ways {
		proxies[i] = joinAsProxy(t, way.endpoint, fmt.Sprintf("ungranted-gate-%d", i), nil)
		losses[i] = statuses(t, proxies[i].Client, kelpie.Disconnected)
	}
	for i, way := range ways {
		way.hold()
		isAway(t, losses[i])
	}
	for _, proxy := range proxies {
		must(t, proxy.Players().Joined(within(t), one))
		// A list has the ages of its logins, and a busy machine may deliver it late: the logins look younger then.
		time.Sleep(500 * time.Millisecond)
	}
	// The newer login comes first to the coordinator, and the older one must not take the player away.
	ways[1].release()
	sees(t, proxies[1].Client, one, "by the newer login", func(p *kelpiev1.Player) bool { return p.GetProxy() == "ungranted-gate-1" })
	ways[0].release()
	if gone := next(t, proxies[0].evicted); gone.ID != one.ID() {
		t.Fatalf("evicted was %+v", gone)
	}
	if _, in := proxies[1].Players().Get(one.ID()); !in {
		t.Fatal("the newer login has lost the player")
	}
}

// Two proxies do anything in any order while their streams break, and the network has the same players as they do.
func TestProxiesAndNetworkAgree(t *testing.T) {
	t.Parallel()
	const steps, people = 400, 12
	k := testkelpied.Start(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	ways := [2]*relay{startRelay(t, k.Endpoint), startRelay(t, k.Endpoint)}
	var proxies [2]*testProxy
	for i, way := range ways {
		proxies[i] = joinAsProxy(t, way.endpoint, fmt.Sprintf("agree-gate-%d", i), func(o *kelpie.Options) {
			o.Players.OnEvicted = func(kelpie.Evicted) {}
		})
	}
	watch := joinAsServer(t, k.Endpoint, "agree-watch")
	for range steps {
		at := draw.IntN(2)
		players, one := proxies[at].Players(), player(fmt.Sprintf("agree-%d", draw.IntN(people)))
		server := fmt.Sprintf("server-%d", draw.IntN(3))
		switch draw.IntN(8) {
		case 0, 1:
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+draw.IntN(50))*time.Millisecond)
			policy := []kelpie.Policy{kelpie.KickOld, kelpie.DenyNew, kelpie.VerifyOld}[draw.IntN(3)]
			if acquired, err := players.Acquire(ctx, one, policy); err == nil && acquired.Granted {
				_ = players.Joined(kelpie.NoWait, one)
			}
			cancel()
		case 2:
			_ = players.Joined(kelpie.NoWait, one)
		case 3, 4:
			_ = players.Moved(kelpie.NoWait, one.ID(), server)
		case 5:
			_ = players.Changed(kelpie.NoWait, one.ID(), kelpie.PlayerFactsChange{Properties: map[string]string{"at": server}})
		case 6:
			_ = players.Left(kelpie.NoWait, one.ID())
		case 7:
			if draw.IntN(4) == 0 {
				ways[at].cut()
			}
		}
	}
	api := kelpiev1.NewPlayerServiceClient(watch.Conn())
	eventually(t, "the network has the players of the proxies", func() bool {
		listed, err := api.ListPlayers(within(t), &kelpiev1.ListPlayersRequest{})
		return err == nil && agree(proxies, listed.Players)
	})
	for _, proxy := range proxies {
		eventually(t, "nothing waits for an answer", func() bool { return proxy.Pending() == 0 })
	}
}

// Whether the proxies have exactly these players, with the same generation, server and properties.
func agree(proxies [2]*testProxy, listed []*kelpiev1.Player) bool {
	count := 0
	for _, proxy := range proxies {
		count += proxy.Players().Len()
	}
	for _, there := range listed {
		for _, proxy := range proxies {
			here, in := proxy.Players().Get(there.Id)
			if in != (proxy.Name() == there.Proxy) {
				return false
			}
			if in && (here.Generation != there.Generation || here.Server != there.Server ||
				here.Properties["at"] != there.Properties["at"]) {
				return false
			}
		}
	}
	return count == len(listed)
}

func TestNewCoordinatorGetsThePlayersAndRowsGoStale(t *testing.T) {
	t.Parallel()
	endpoint := freePort(t)
	_, port, _ := net.SplitHostPort(endpoint)
	arguments := []string{"--dev", "--port", port, "--grace-seconds", "3"}
	first := testkelpied.Start(t, arguments...)
	proxy := joinAsProxy(t, endpoint, "stale-gate", nil)
	lobby := joinAsServer(t, endpoint, "stale-lobby")
	maja := player("stale-1")
	before := proxy.logIn(t, maja)
	eventually(t, "the proxy has the lobby", func() bool { _, ok := proxy.Roster().Node("stale-lobby"); return ok })
	gaps := statuses(t, proxy.Client, kelpie.Gap)
	first.Kill()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = lobby.Close(ctx) // It never comes back.
	<-lobby.Done()
	testkelpied.Start(t, arguments...)

	next(t, gaps)
	sees(t, proxy.Client, maja, "under a new generation", func(p *kelpiev1.Player) bool {
		return p != nil && p.Generation != before.Generation && p.Generation > 0
	})
	// The row of the lobby answers for one grace more.
	if _, ok := proxy.Roster().Node("stale-lobby"); !ok || !proxy.Roster().IsStale("stale-lobby") {
		t.Fatal("the node of the lost history is gone at once, or not stale")
	}
	if proxy.Roster().IsStale("stale-gate") {
		eventually(t, "the new history confirms the proxy", func() bool { return !proxy.Roster().IsStale("stale-gate") })
	}
	eventually(t, "the stale node is gone", func() bool { _, ok := proxy.Roster().Node("stale-lobby"); return !ok })
}

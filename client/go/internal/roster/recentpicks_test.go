package roster

import (
	"fmt"
	"testing"
	"time"
)

// Picks with a clock and a roster of the test.
func picksOf(t *testing.T) (*RecentPicks, map[string]string, *time.Time) {
	t.Helper()
	now := time.Now()
	shown := map[string]string{}
	return NewRecentPicks(func() time.Time { return now }, func(player string) string { return shown[player] }, func(string) {}),
		shown, &now
}

func expectOn(t *testing.T, picks *RecentPicks, server string, want int) {
	t.Helper()
	if got := picks.OnServer(server); got != want {
		t.Fatalf("%d count on %s, want %d", got, server, want)
	}
}

func TestPickCountsForALifetime(t *testing.T) {
	picks, _, now := picksOf(t)
	picks.Add("maja", "lobby")
	picks.Add("ben", "lobby")
	expectOn(t, picks, "lobby", 2)
	picks.Add("maja", "arena")
	expectOn(t, picks, "lobby", 1)
	*now = now.Add(pickLifetime - time.Millisecond)
	picks.Expire()
	expectOn(t, picks, "arena", 1)
	*now = now.Add(time.Millisecond)
	picks.Expire()
	expectOn(t, picks, "arena", 0)
	if picks.Len() != 0 {
		t.Fatalf("%d players are remembered", picks.Len())
	}
}

func TestOwnPlayerCountsUntilTheRosterShowsThem(t *testing.T) {
	picks, shown, now := picksOf(t)
	picks.Add("maja", "lobby")
	picks.Own("maja", "")
	*now = now.Add(pickLifetime)
	picks.Expire()
	// They have not arrived, and this process holds them: they count on without an end by time.
	expectOn(t, picks, "lobby", 1)
	picks.Own("maja", "arena")
	expectOn(t, picks, "lobby", 0)
	expectOn(t, picks, "arena", 1)
	shown["maja"] = "arena"
	picks.End("maja")
	picks.Settle("maja")
	expectOn(t, picks, "arena", 0)
	// The roster loses them, for example with a coordinator that lost its history.
	delete(shown, "maja")
	picks.Gone("maja")
	expectOn(t, picks, "arena", 1)
	picks.Disown("maja")
	expectOn(t, picks, "arena", 0)
	if picks.Len() != 0 {
		t.Fatalf("%d players are remembered", picks.Len())
	}
}

func TestPicksAndLastServersAreBounded(t *testing.T) {
	picks, _, _ := picksOf(t)
	for i := range mostPicks + 5 {
		picks.Add(fmt.Sprint(i), "lobby")
	}
	expectOn(t, picks, "lobby", mostPicks)
	var last LastServers
	for i := range mostLastServers + 1 {
		last.Left(fmt.Sprint(i), "arena")
	}
	if last.Of("0") != "" || last.Of("1") != "arena" {
		t.Fatal("not the one who left longest ago is forgotten")
	}
	last.Left("1", "lobby")
	if last.Of("1") != "lobby" {
		t.Fatal("an older server is remembered")
	}
}

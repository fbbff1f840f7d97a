package kelpie_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/kelpie"
)

// Of callers in several processes one at a time has the lock, and each gets it.
func TestLockIsExclusive(t *testing.T) {
	t.Parallel()
	clients := []*kelpie.Client{join(t, "lock-1"), join(t, "lock-2")}
	var holders, tokens atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			lock, err := clients[i%2].State().Lock(within(t), "locks", "shop")
			if err != nil {
				t.Error(err)
				return
			}
			if holders.Add(1) != 1 {
				t.Error("two callers have the lock")
			}
			if int64(lock.Token) <= tokens.Swap(int64(lock.Token)) {
				t.Error("the token did not grow")
			}
			if _, err := clients[i%2].State().Put(within(t), "locks", "stock", "x", lock.Guard()); err != nil {
				t.Error(err)
			}
			holders.Add(-1)
			if err := lock.Release(within(t)); err != nil {
				t.Error(err)
			}
			if _, err := clients[i%2].State().Put(within(t), "locks", "stock", "x", lock.Guard()); !errors.Is(err, kelpie.ReasonSequenceConflict) {
				t.Errorf("a write without the lock: %v", err)
			}
		}()
	}
	all.Wait()
}

func TestLockThatIsHeld(t *testing.T) {
	t.Parallel()
	relay := startRelay(t, coordinator(t))
	holder := connect(t, kelpie.Options{Name: "held-1", Endpoints: []string{relay.endpoint}})
	ready(t, holder)
	other := join(t, "held-2")
	lock, err := holder.State().Lock(within(t), "held", "a")
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := other.State().Lock(short, "held", "a"); !errors.Is(err, kelpie.ReasonLockHeld) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	// The presence goes on after a break, and the lock with it.
	connected := statuses(t, holder, kelpie.Connected)
	next(t, connected)
	relay.cut()
	next(t, connected)
	if _, err := holder.State().Get(within(t), "held", "a"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lock.Lost():
		t.Error("the lock is lost")
	default:
	}
	// The process ends, and the next caller has it.
	waiting := make(chan error, 1)
	go func() {
		_, err := other.State().Lock(within(t), "held", "a")
		waiting <- err
	}()
	if err := holder.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	next(t, lock.Lost())
	if err := next(t, waiting); err != nil {
		t.Error(err)
	}
	// Somebody deletes the value.
	lock, err = other.State().Lock(within(t), "held", "b", kelpie.TTL(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := other.State().Delete(within(t), "held", "b"); err != nil {
		t.Fatal(err)
	}
	next(t, lock.Lost())
	if err := lock.Release(within(t)); err != nil {
		t.Error(err)
	}
}

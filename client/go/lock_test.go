package kelpie_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
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
	short, cancel := context.WithTimeout(context.Background(), time.Second)
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

// A call whose answer the program needs cannot be made without waiting: it sends nothing. An answer without the token of
// the lock, or without the id of the reservation, is an error.
func TestHeldWithoutAnswer(t *testing.T) {
	t.Parallel()
	client, _, stream := scriptedClient(t, kelpie.Options{}, nil)
	slots := kelpie.SlotRequest{Node: "arena-1", TTL: time.Minute}
	calls := map[string]func(context.Context) error{
		"Lock":    func(ctx context.Context) error { _, err := client.State().Lock(ctx, "locks", "shop"); return err },
		"Reserve": func(ctx context.Context) error { _, err := client.Reserve(ctx, slots); return err },
		"Get":     func(ctx context.Context) error { _, err := client.State().Get(ctx, "locks", "shop"); return err },
	}
	for name, made := range calls {
		if err := made(kelpie.NoWait); !errors.Is(err, kelpie.ReasonValueInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	stream.Send(&kelpiev1.CoordinatorFrame{Frame: &kelpiev1.CoordinatorFrame_HeartbeatRequested{}})
	if frame := stream.Next(); !isHeartbeat(frame) {
		t.Errorf("it sent %v", frame)
	}
	for name, one := range map[string]*kelpiev1.CoordinatorFrame{
		"Lock":    {Frame: &kelpiev1.CoordinatorFrame_ValueStored{ValueStored: &kelpiev1.PutValueResponse{}}},
		"Reserve": {Frame: &kelpiev1.CoordinatorFrame_SlotsReserved{SlotsReserved: &kelpiev1.ReserveSlotsResponse{Node: "arena-1"}}},
	} {
		failed := make(chan error, 1)
		go func() { failed <- calls[name](within(t)) }()
		asked := stream.Until(name, func(frame *kelpiev1.NodeFrame) bool { return frame.RequestId > 0 })
		stream.Answer(asked, one)
		if err := next(t, failed); !errors.Is(err, kelpie.ReasonProtocol) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// While the coordinator cannot store anything the caller goes on.
func TestLockWhileTheStorageIsAway(t *testing.T) {
	t.Parallel()
	client, _, stream := scriptedClient(t, kelpie.Options{}, nil)
	got := make(chan error, 1)
	go func() {
		_, err := client.State().Lock(within(t), "maps", "a")
		got <- err
	}()
	isPut := func(frame *kelpiev1.NodeFrame) bool { return frame.GetPutValue() != nil }
	put := stream.Until("the put", isPut)
	away := &kelpiev1.ErrorDetail{Reason: kelpiev1.ErrorReason_ERROR_REASON_ENGINE_UNAVAILABLE, Code: 14}
	failed := &kelpiev1.CoordinatorFrame_RequestFailed{RequestFailed: &kelpiev1.RequestFailed{Error: away}}
	stream.Answer(put, &kelpiev1.CoordinatorFrame{Frame: failed})
	stored := &kelpiev1.CoordinatorFrame_ValueStored{ValueStored: &kelpiev1.PutValueResponse{Sequence: 8}}
	stream.Answer(stream.Until("the next put", isPut), &kelpiev1.CoordinatorFrame{Frame: stored})
	must(t, next(t, got))
}

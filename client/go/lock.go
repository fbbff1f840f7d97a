package kelpie

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"example.com/kelpie/kelpiev1"
)

const (
	// The wait before another attempt where no answer came.
	lockRetry = time.Second
	// Those who waited for a lock try again within this time, each at another moment.
	lockSpread = 20 * time.Millisecond
)

// After these errors the request may be carried out, or a later attempt can succeed.
var lockAgain = []Reason{
	ReasonUnavailable, ReasonOutcomeUnknown, ReasonStaleGeneration, ReasonJournalReadOnly, ReasonEngineUnavailable,
	ReasonEpochEnded,
}

// Lock is a lock that this process has: a value that is bound to it. The sequence of the value is the token of the lock.
// A process that was paused may believe that it still has the lock, so a write that depends on the lock names it by
// Guard: then the coordinator refuses the write once the lock is lost.
type Lock struct {
	// It grows with each holder of the lock.
	Token       uint64
	bucket, key string
	state       *SharedState
	watch       *ValueWatch
	lost        chan struct{}
	once        sync.Once
	freed       chan struct{}
	free        sync.Once
}

// Lock gets a lock, and waits while another caller has it. The only option is TTL, the longest time for which the lock
// is held. When ctx ends first: LOCK_HELD, or the error of the last attempt; both unwrap to the error of ctx. Else
// KEY_INVALID, OUT_OF_RANGE, STATE_LIMIT, RIGHT_MISSING or CLOSED.
func (s *SharedState) Lock(ctx context.Context, bucket, key string, options ...WriteOption) (*Lock, error) {
	if err := needsAnswer(ctx, "Lock"); err != nil {
		return nil, err
	}
	c := &contender{state: s, bucket: bucket, key: key, nonce: rand.Text(), options: options, news: make(chan Value, 1)}
	var err error
	if c.watch, err = s.Watch(bucket, key, c.take); err != nil {
		return nil, err
	}
	lock, err := c.compete(ctx)
	if err != nil {
		c.watch.Close()
		if c.unsure {
			go c.abandon()
		}
		return nil, err
	}
	c.hold(lock)
	return lock, nil
}

// Guard lets a write fail with SEQUENCE_CONFLICT once the lock is lost.
func (l *Lock) Guard() WriteOption { return Guard(l.bucket, l.key, l.Token) }

// Lost is closed when the process has lost the lock, or has released it, as far as it can see. A process without a
// connection loses it at the end of the grace.
func (l *Lock) Lost() <-chan struct{} { return l.lost }

// Release frees the lock, and waits until the coordinator has done so, also over reconnects. It returns nil if the lock
// was lost. When ctx ends first, the client goes on by itself.
func (l *Lock) Release(ctx context.Context) error {
	held := false
	l.once.Do(func() { held = true; close(l.lost) })
	l.free.Do(func() {
		if !held {
			close(l.freed)
			return
		}
		go l.delete()
	})
	select {
	case <-l.freed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Lock) delete() {
	defer close(l.freed)
	l.watch.Close()
	l.state.session.forgetLock(l)
	repeat(l.state.session, func(ctx context.Context) error {
		return l.state.Delete(ctx, l.bucket, l.key, Expect(l.Token))
	})
}

// The process has lost the lock.
func (l *Lock) lose() {
	l.once.Do(func() {
		close(l.lost)
		go func() {
			l.watch.Close()
			l.state.session.forgetLock(l)
		}()
	})
}

// Asks whether the value of the lock is still there. If no answer comes, the next session asks again.
func (l *Lock) verify() {
	value, err := l.state.Get(context.Background(), l.bucket, l.key)
	if errors.Is(err, ReasonValueNotFound) || err == nil && value.Sequence != l.Token {
		l.lose()
	}
}

// contender is a caller that competes for a lock. A caller that puts the absent value has the lock. The others wait until
// their watch reports its end. The value has a nonce, by which a caller recognizes a put without an answer.
type contender struct {
	state              *SharedState
	bucket, key, nonce string
	options            []WriteOption
	watch              *ValueWatch
	mu                 sync.Mutex
	lock               *Lock
	// The coordinator may have stored the value.
	unsure bool
	// The newest change.
	news chan Value
	// When the put began that may have stored the value: the TTL of the lock runs from there.
	began time.Time
}

func (c *contender) compete(ctx context.Context) (*Lock, error) {
	for {
		if !c.unsure {
			c.began = time.Now()
		}
		value := map[string]string{"holder": c.state.session.name, "nonce": c.nonce}
		sequence, err := c.state.Put(ctx, c.bucket, c.key, value, append([]WriteOption{Expect(0), Bound()}, c.options...)...)
		switch known, _ := err.(*Error); {
		case err == nil:
			return c.won(sequence), nil
		case known == nil: // ctx ended, and the put may be on its way.
			c.unsure = true
			return nil, err
		case known.Reason == ReasonSequenceConflict:
			sequence, err = c.untilFree(ctx)
			if sequence > 0 {
				return c.won(sequence), nil
			}
		case slices.Contains(lockAgain, known.Reason):
			c.unsure = true
			err = c.rest(ctx, known)
		}
		if err != nil {
			return nil, err
		}
	}
}

// Waits until the value of another caller has ended. A sequence above 0: an earlier put of this caller stored the value.
func (c *contender) untilFree(ctx context.Context) (uint64, error) {
	held := &Error{Reason: ReasonLockHeld, Message: fmt.Sprintf(
		"another caller has the lock %q of bucket %q; wait longer, or try again later", c.key, c.bucket)}
	// The watch reports the end of each value that was there after it had loaded.
	select {
	case <-c.watch.Loaded():
	case <-ctx.Done():
		return 0, late(ctx, held)
	}
	value, err := c.state.Get(ctx, c.bucket, c.key)
	switch {
	case errors.Is(err, ReasonValueNotFound):
		return 0, nil
	case err == nil && c.isOwn(value):
		return value.Sequence, nil
	}
	for {
		select {
		case change := <-c.news:
			if change.Ended {
				// All who wait hear of the end at the same time.
				time.Sleep(time.Duration(mathrand.Int64N(int64(lockSpread))))
				return 0, nil
			}
		case <-c.state.session.done:
			return 0, closedError()
		case <-ctx.Done():
			return 0, late(ctx, held)
		}
	}
}

// Waits before another attempt.
func (c *contender) rest(ctx context.Context, last *Error) error {
	select {
	case <-time.After(lockRetry):
		return nil
	case <-c.state.session.done:
		return closedError()
	case <-ctx.Done():
		return late(ctx, last)
	}
}

// The last error, where ctx ended first.
func late(ctx context.Context, last *Error) error {
	return &Error{Reason: last.Reason, Message: last.Message, Metadata: last.Metadata, cause: ctx.Err()}
}

func (c *contender) won(sequence uint64) *Lock {
	c.unsure = false
	return &Lock{
		Token: sequence, bucket: c.bucket, key: c.key, state: c.state, watch: c.watch, lost: make(chan struct{}), freed: make(chan struct{}),
	}
}

// Whether a put of this caller stored the value.
func (c *contender) isOwn(value Value) bool {
	var stored struct{ Nonce string }
	return value.Content.Decode(&stored) == nil && stored.Nonce == c.nonce
}

// Takes a change of the value: for the caller that waits, and for the lock.
func (c *contender) take(_ context.Context, value Value) error {
	select {
	case <-c.news:
	default:
	}
	c.news <- value
	c.mu.Lock()
	lock := c.lock
	c.mu.Unlock()
	switch {
	case lock == nil:
	case value.Ended && value.Reason == kelpiev1.StateEndReason_STATE_END_REASON_UNSPECIFIED:
		lock.verify()
	case value.Sequence > lock.Token:
		lock.lose()
	}
	return nil
}

// The caller has the lock, which follows its value, its session and its TTL from now on.
func (c *contender) hold(lock *Lock) {
	c.mu.Lock()
	c.lock = lock
	c.mu.Unlock()
	put := &kelpiev1.PutValueRequest{}
	for _, option := range c.options {
		option(put)
	}
	if put.Ttl != nil {
		timer := time.AfterFunc(put.Ttl.AsDuration()-time.Since(c.began), lock.lose)
		context.AfterFunc(lock.watch.ctx, func() { timer.Stop() })
	}
	c.state.session.rememberLock(lock)
	// A change may have come before the lock was there.
	go lock.verify()
}

// Deletes the value of a put whose answer did not come.
func (c *contender) abandon() {
	repeat(c.state.session, func(ctx context.Context) error {
		value, err := c.state.Get(ctx, c.bucket, c.key)
		if err != nil || !c.isOwn(value) {
			return err
		}
		return c.state.Delete(ctx, c.bucket, c.key, Expect(value.Sequence))
	})
}

// Repeats the work until it is done, or until the client ends: then the value ends with the process.
func repeat(s *session, work func(context.Context) error) {
	for {
		err := work(context.Background())
		var known *Error
		if !errors.As(err, &known) || !slices.Contains(lockAgain, known.Reason) {
			return
		}
		select {
		case <-time.After(lockRetry):
		case <-s.done:
			return
		}
	}
}

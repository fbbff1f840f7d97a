package kelpie

import (
	"context"
	"fmt"
	"time"

	"example.com/kelpie/kelpiev1"
)

const (
	shortestTTL = time.Second
	longestTTL  = 30 * 24 * time.Hour
)

// SharedState has the values that the programs of the network share. A value has a bucket and a key.
type SharedState struct{ session *session }

// Value is a value that the programs of a network share, or its end.
type Value struct {
	Bucket, Key string
	// The content; zero if the value has ended.
	Content Content
	// The sequence of the last write, which a later write may Expect; or the position of the end.
	Sequence uint64
	// When the coordinator took the value, by its own clock. For display only.
	UpdateTime time.Time
	// The time after which the value ends; 0: it does not end by itself.
	TTL time.Duration
	// The node that the value ends with; empty: none.
	Owner string
	// Whether the value has ended, as a watch reports it. Reason is UNSPECIFIED if it ended while this node got no events.
	Ended  bool
	Reason kelpiev1.StateEndReason
}

// WriteOption is a condition or a fact of a write.
type WriteOption func(*kelpiev1.PutValueRequest)

// Expect stores only if the value has this sequence; 0: only if it is absent. Else SEQUENCE_CONFLICT.
func Expect(sequence uint64) WriteOption {
	return func(put *kelpiev1.PutValueRequest) { put.ExpectedSequence = &sequence }
}

// Guard stores only if another value has this sequence; 0: only if it is absent. Else SEQUENCE_CONFLICT.
func Guard(bucket, key string, sequence uint64) WriteOption {
	return func(put *kelpiev1.PutValueRequest) {
		put.Guard = &kelpiev1.StateGuard{Bucket: bucket, Key: key, Sequence: sequence}
	}
}

// TTL is the time after which the value ends: 1 s to 30 days. Each put begins it anew. Only for Put.
func TTL(ttl time.Duration) WriteOption {
	return func(put *kelpiev1.PutValueRequest) { put.Ttl = durationOf(ttl) }
}

// Bound lets the value end with this process: when the node leaves, or another process takes its name. Only for Put.
func Bound() WriteOption {
	return func(put *kelpiev1.PutValueRequest) { put.Owner = ownNode }
}

// Stands for the own node until the request is sent. No node has this name.
const ownNode = "."

// Get gets a value. VALUE_NOT_FOUND if it is absent, KEY_INVALID, or UNAVAILABLE while no coordinator is connected.
func (s *SharedState) Get(ctx context.Context, bucket, key string) (Value, error) {
	if err := needsAnswer(ctx, "Get"); err != nil {
		return Value{}, err
	}
	if err := checkPlace(bucket, key); err != nil {
		return Value{}, err
	}
	get := &kelpiev1.NodeFrame_GetValue{GetValue: &kelpiev1.GetValueRequest{Bucket: bucket, Key: key}}
	answer, err := s.session.ask(ctx, &kelpiev1.NodeFrame{Frame: get})
	if err != nil {
		return Value{}, err
	}
	value := answer.GetValue().GetValue()
	if value == nil {
		return Value{}, fail(ReasonProtocol, "the coordinator answered without the value")
	}
	return valueOf(value, value.Sequence), nil
}

// Put stores a value of at most 64 KiB, and returns its sequence. The content is as in Client.Publish. SEQUENCE_CONFLICT
// if the value or the guard has another sequence than the writer expects; STATE_LIMIT, PAYLOAD_TOO_LARGE,
// CONTENT_TOO_DEEP, KEY_INVALID or OUT_OF_RANGE; STALE_GENERATION once the node has a newer stream. After UNAVAILABLE or
// OUTCOME_UNKNOWN the value may be stored: get it before another put. With NoWait the sequence is 0.
func (s *SharedState) Put(ctx context.Context, bucket, key string, content any, options ...WriteOption) (uint64, error) {
	put := &kelpiev1.PutValueRequest{Bucket: bucket, Key: key}
	if err := s.check(put, options); err != nil {
		return 0, err
	}
	var err error
	if put.Content, err = contentOf(content); err != nil {
		return 0, err
	}
	answer, err := s.session.ask(ctx, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_PutValue{PutValue: put}})
	if err != nil {
		return 0, err
	}
	stored := answer.GetValueStored()
	if ctx == NoWait {
		return stored.GetSequence(), nil
	}
	if stored.GetSequence() == 0 {
		return 0, fail(ReasonProtocol, "the coordinator answered a put without the sequence")
	}
	return stored.Sequence, nil
}

// Delete deletes a value. VALUE_NOT_FOUND, SEQUENCE_CONFLICT, KEY_INVALID, OUT_OF_RANGE or STALE_GENERATION. After
// UNAVAILABLE or OUTCOME_UNKNOWN the value may be deleted.
func (s *SharedState) Delete(ctx context.Context, bucket, key string, options ...WriteOption) error {
	put := &kelpiev1.PutValueRequest{Bucket: bucket, Key: key}
	if err := s.check(put, options); err != nil {
		return err
	}
	if put.Ttl != nil || put.Owner != "" {
		return invalid("options", "TTL and Bound are for Put; a deletion has neither")
	}
	if put.ExpectedSequence != nil && *put.ExpectedSequence == 0 {
		return outOfRange("Expect", "an absent value cannot be deleted: Expect needs a sequence above 0")
	}
	deletion := &kelpiev1.DeleteValueRequest{Bucket: bucket, Key: key, ExpectedSequence: put.ExpectedSequence, Guard: put.Guard}
	_, err := s.session.ask(ctx, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_DeleteValue{DeleteValue: deletion}})
	return err
}

func (s *SharedState) check(put *kelpiev1.PutValueRequest, options []WriteOption) error {
	if err := checkPlace(put.Bucket, put.Key); err != nil {
		return err
	}
	for _, option := range options {
		option(put)
	}
	if put.Owner == ownNode {
		put.Owner = s.session.name
	}
	if put.Ttl != nil {
		if ttl := put.Ttl.AsDuration(); ttl < shortestTTL || ttl > longestTTL {
			return outOfRange("TTL", fmt.Sprintf("TTL is %v; it must be 1 s to 30 days", ttl))
		}
	}
	if put.Guard != nil {
		return checkPlace(put.Guard.Bucket, put.Guard.Key)
	}
	return nil
}

func valueOf(wire *kelpiev1.StateValue, sequence uint64) Value {
	value := Value{
		Bucket: wire.Bucket, Key: wire.Key, Content: Content{wire.Content}, Sequence: sequence,
		TTL: wire.Ttl.AsDuration(), Owner: wire.Owner,
	}
	if wire.UpdateTime != nil {
		value.UpdateTime = wire.UpdateTime.AsTime()
	}
	return value
}

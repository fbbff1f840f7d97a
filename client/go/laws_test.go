package kelpie

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"example.com/kelpie/kelpiev1"
)

// The laws hold for each of many random cases. A failure names the seed.
func law(t *testing.T, cases int, check func(random *rand.Rand) error) {
	t.Helper()
	for range cases {
		seed := rand.Uint64()
		if err := check(rand.New(rand.NewPCG(seed, 0))); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// The definition of a match, token by token.
func matchesByDefinition(pattern, topic []string) bool {
	switch {
	case len(pattern) == 0 || len(topic) == 0:
		return len(pattern) == len(topic)
	case pattern[0] == ">":
		return len(pattern) == 1
	}
	return (pattern[0] == "*" || pattern[0] == topic[0]) && matchesByDefinition(pattern[1:], topic[1:])
}

func TestLawOfPatterns(t *testing.T) {
	t.Parallel()
	tokens := func(random *rand.Rand, some ...string) []string {
		var picked []string
		for range 1 + random.IntN(4) {
			picked = append(picked, some[random.IntN(len(some))])
		}
		return picked
	}
	law(t, 20_000, func(random *rand.Rand) error {
		topic, pattern := tokens(random, "a", "b", "nodes", "inbox"), tokens(random, "a", "b", "*", "nodes", "inbox")
		if random.IntN(3) == 0 {
			pattern[len(pattern)-1] = ">"
		}
		want := matchesByDefinition(pattern, topic)
		if reserved := topic[0] == "nodes" || topic[0] == "inbox"; reserved && pattern[0] != topic[0] {
			want = false
		}
		if got := matches(strings.Join(pattern, "."), strings.Join(topic, ".")); got != want {
			return fmt.Errorf("%v matches %v: %t", pattern, topic, got)
		}
		return nil
	})
}

func TestLawOfKeys(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	err := quick.Check(func(key string) bool {
		encoded := encodedKey(key)
		before, again := seen[encoded]
		seen[encoded] = key
		return (!again || before == key) && (key == "" || checkTopicForm("state.b."+encoded) == nil)
	}, &quick.Config{MaxCount: 5000})
	if err != nil {
		t.Error(err)
	}
}

// Only the form: the length has a check of its own.
func checkTopicForm(topic string) error {
	if !topicForm.MatchString(topic) {
		return fmt.Errorf("%q is no topic", topic)
	}
	return nil
}

// Whatever the order in which pieces end: an acknowledgement never covers a piece that is not processed, never runs
// back, and the last one covers all.
func TestLawOfAcknowledgements(t *testing.T) {
	t.Parallel()
	law(t, 500, func(random *rand.Rand) error {
		var p processing
		var pieces []*piece
		open := map[uint64]*piece{}
		last := uint64(0)
		finish := func(sequence uint64) error {
			upTo, _ := p.finish(open[sequence])
			delete(open, sequence)
			if upTo == nil {
				return nil
			}
			for other := range open {
				if other <= upTo.Sequence {
					return fmt.Errorf("%d is acknowledged before %d is processed", upTo.Sequence, other)
				}
			}
			if upTo.Sequence < last {
				return fmt.Errorf("%d is acknowledged after %d", upTo.Sequence, last)
			}
			last = upTo.Sequence
			return nil
		}
		for sequence := uint64(1); sequence <= 40; sequence++ {
			one := p.begin(&kelpiev1.Cursor{Sequence: sequence}, random.IntN(600))
			pieces = append(pieces, one)
			open[sequence] = one
			for candidate := range open {
				if random.IntN(2) == 0 {
					if err := finish(candidate); err != nil {
						return err
					}
				}
			}
		}
		for sequence := range open {
			if err := finish(sequence); err != nil {
				return err
			}
		}
		if last != uint64(len(pieces)) {
			return fmt.Errorf("the last acknowledgement is %d", last)
		}
		return nil
	})
}

// A journal that stores each number once.
type journal struct {
	stored []string
}

func (j *journal) take(frame *kelpiev1.Publish) error {
	for i, event := range frame.Events {
		number := frame.FirstPublishSequence + uint64(i)
		text := event.Payload.Content.GetText()
		switch {
		case number > uint64(len(j.stored))+1:
			return fmt.Errorf("number %d leaves a hole after %d", number, len(j.stored))
		case number <= uint64(len(j.stored)) && j.stored[number-1] != text:
			return fmt.Errorf("number %d is %s and was %s", number, text, j.stored[number-1])
		case number == uint64(len(j.stored))+1:
			j.stored = append(j.stored, text)
		}
	}
	return nil
}

// Whatever the order of publishes, frames, acknowledgements and broken streams: each event is settled once, in order,
// and stored once, in order.
func TestLawOfPublishing(t *testing.T) {
	t.Parallel()
	law(t, 300, func(random *rand.Rand) error {
		var failed error
		p := publisher{first: 1, wake: func() {}}
		var j journal
		published, settled := 0, 0
		publish := func() {
			number := published
			published++
			payload := &kelpiev1.Payload{Content: &kelpiev1.Content{Form: &kelpiev1.Content_Text{Text: fmt.Sprint(number)}}}
			_ = p.publish(&kelpiev1.EventDraft{Topic: "x", Payload: payload}, func(err error, free func()) {
				free()
				if number != settled || err != nil {
					failed = fmt.Errorf("event %d is settled after %d: %v", number, settled, err)
				}
				settled++
			})
		}
		restart := func() {
			p.restart(&kelpiev1.Welcome{PublishSequence: uint64(len(j.stored)), Limits: &kelpiev1.Limits{
				PayloadBytes: 1 << 18, PublishEvents: uint32(1 + random.IntN(5)), PublishBytes: 1 << 19, MessageBytes: 1 << 20,
			}})
		}
		restart()
		for range 200 {
			switch random.IntN(6) {
			case 0, 1:
				publish()
			case 2, 3:
				if frame := p.take(1 << 20); frame != nil && random.IntN(5) > 0 {
					if err := j.take(frame); err != nil {
						return err
					}
				} else if frame != nil {
					restart() // The stream broke before the frame arrived.
				}
			case 4:
				p.acknowledge(&kelpiev1.PublishAck{PublishSequence: uint64(random.IntN(len(j.stored) + 1))})
			case 5:
				if random.IntN(4) == 0 {
					restart()
				}
			}
			if failed != nil {
				return failed
			}
		}
		restart()
		for frame := p.take(1 << 20); frame != nil; frame = p.take(1 << 20) {
			if err := j.take(frame); err != nil {
				return err
			}
		}
		p.acknowledge(&kelpiev1.PublishAck{PublishSequence: uint64(len(j.stored))})
		if failed != nil || settled != published || len(j.stored) != published {
			return fmt.Errorf("%d published, %d stored, %d settled: %v", published, len(j.stored), settled, failed)
		}
		for i, text := range j.stored {
			if text != fmt.Sprint(i) {
				return fmt.Errorf("event %d is %s", i, text)
			}
		}
		if p.bytes != 0 || p.events != 0 || len(p.pending) != 0 {
			return fmt.Errorf("%d bytes and %d events are left", p.bytes, p.events)
		}
		return nil
	})
}

// An acknowledgement of numbers that never went out settles nothing.
func TestWrongAcknowledgement(t *testing.T) {
	t.Parallel()
	p := publisher{first: 1, wake: func() {}}
	payload := &kelpiev1.Payload{Content: &kelpiev1.Content{Form: &kelpiev1.Content_Text{Text: "x"}}}
	settled := 0
	for range 2 {
		if err := p.publish(&kelpiev1.EventDraft{Topic: "x", Payload: payload}, func(_ error, free func()) { free(); settled++ }); err != nil {
			t.Fatal(err)
		}
	}
	p.acknowledge(&kelpiev1.PublishAck{PublishSequence: 2})
	if settled > 0 {
		t.Errorf("%d are settled", settled)
	}
}

func TestLawOfBackoff(t *testing.T) {
	t.Parallel()
	law(t, 10_000, func(random *rand.Rand) error {
		attempt, most := random.IntN(200), time.Duration(1+random.Int64N(int64(time.Minute)))
		wait := backoffTime(attempt, most)
		if wait < 0 || wait > most || attempt == 0 && wait != 0 {
			return fmt.Errorf("attempt %d waits %v, at most %v", attempt, wait, most)
		}
		return nil
	})
}

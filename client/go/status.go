package kelpie

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"example.com/kelpie/kelpiev1"
)

// StatusKind is the kind of a Status.
type StatusKind int

// The kinds of statuses, and the fields that each has.
const (
	// An attempt to connect begins: Endpoint, Attempt.
	Connecting StatusKind = iota + 1
	// The session is open: Endpoint, Welcome.
	Connected
	// The stream is gone, or an attempt failed: Err, nil if the stream ended in order. The client connects again after
	// RetryIn.
	Disconnected
	// Events were lost: Gap. Load again all data that your program derives from them. If Gap.Topics is not empty, only
	// events that match one of its patterns were lost.
	Gap
	// The coordinator is about to stop; the client moves on.
	DrainAnnounced
	// The credential of the node ends in ExpiresIn, and its session then. Posted at a connect and once a day, from 7 days
	// before the end on.
	CredentialExpiring
	// The coordinator refused a request of the client, and did not carry it out: Err.
	Refused
	// A handler returned an error, panicked or took too long: Err. Pattern is that of its subscription, or names the
	// function of the options.
	HandlerFailed
	// The client could not read or write one of its files: Path, Err.
	FileFailed
	// The reader of Client.Status was too slow, and missed this number of statuses: Skipped.
	Skipped
	// The client has ended: Err, nil after Close.
	Closed
)

var statusNames = map[StatusKind]string{
	Connecting: "connecting", Connected: "connected", Disconnected: "disconnected", Gap: "gap",
	DrainAnnounced: "draining", CredentialExpiring: "credentialExpiring", Refused: "refused",
	HandlerFailed: "handlerFailed", FileFailed: "fileFailed", Skipped: "skipped", Closed: "closed",
}

func (k StatusKind) String() string { return statusNames[k] }

// Status is one event in the life of a client. Kind names the fields that are set.
type Status struct {
	Kind      StatusKind
	Endpoint  string
	Attempt   int
	Welcome   *kelpiev1.Welcome
	Err       error
	RetryIn   time.Duration
	ExpiresIn time.Duration
	Gap       *kelpiev1.Gap
	Pattern   string
	Path      string
	Skipped   int
}

func (s Status) String() string {
	if s.Err != nil {
		return fmt.Sprintf("%v: %v", s.Kind, s.Err)
	}
	return s.Kind.String()
}

// The number of statuses that the board keeps for slow readers.
const keptStatuses = 1000

// statusBoard gives every loop over Client.Status each status. A loop is only a position, so one that nobody reads
// costs nothing.
type statusBoard struct {
	warnings *warnings
	mu       sync.Mutex
	// The newest, in order, and the number of those before.
	kept []Status
	gone int
	// The present state of the connection.
	present *Status
	readers int
	// Closed at the next status.
	news chan struct{}
}

func newStatusBoard(warnings *warnings) *statusBoard {
	return &statusBoard{warnings: warnings, news: make(chan struct{})}
}

func (b *statusBoard) post(status Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch status.Kind {
	case Connecting, Connected, Disconnected, Closed:
		b.present = &status
	}
	if b.kept = append(b.kept, status); len(b.kept) > keptStatuses {
		b.kept[0] = Status{}
		b.kept = b.kept[1:]
		b.gone++
	}
	close(b.news)
	b.news = make(chan struct{})
	if b.readers == 0 {
		b.warnings.take(status)
	}
}

// See Client.Status.
func (b *statusBoard) read(ctx context.Context) iter.Seq[Status] {
	b.mu.Lock()
	defer b.mu.Unlock()
	first, position := b.present, b.gone+len(b.kept)
	return func(yield func(Status) bool) {
		b.count(1)
		defer b.count(-1)
		if first != nil && (!yield(*first) || first.Kind == Closed) {
			return
		}
		for {
			status, news := b.at(&position)
			if news == nil {
				if !yield(status) || status.Kind == Closed {
					return
				}
				continue
			}
			select {
			case <-news:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (b *statusBoard) count(change int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers += change
}

// The status at a position, and the position after it. If it has not come yet: the channel that closes when it comes.
func (b *statusBoard) at(position *int) (Status, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if missed := b.gone - *position; missed > 0 {
		*position = b.gone
		return Status{Kind: Skipped, Skipped: missed}, nil
	}
	if *position-b.gone >= len(b.kept) {
		return Status{}, b.news
	}
	*position++
	return b.kept[*position-1-b.gone], nil
}

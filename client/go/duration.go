package kelpie

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
)

func durationOf(d time.Duration) *durationpb.Duration { return durationpb.New(d) }

// A duration of the wire, or a default where it is not set.
func durationOr(d *durationpb.Duration, other time.Duration) time.Duration {
	if d == nil {
		return other
	}
	return d.AsDuration()
}

// A time of a Welcome: the default where it is not set. A coordinator that named shorter times than the least would keep
// the node busy with nothing else.
func welcomeTime(d *durationpb.Duration, other, least time.Duration) time.Duration {
	return max(least, durationOr(d, other))
}

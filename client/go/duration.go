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

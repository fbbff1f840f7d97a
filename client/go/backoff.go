package kelpie

import (
	"math/rand/v2"
	"time"
)

// The upper bound of the first wait.
const firstBackoff = 500 * time.Millisecond

// Full jitter: a random time up to a bound that doubles with each attempt, up to most. So a thousand nodes that lost
// the same coordinator do not all come back at the same moment. Attempt 0, the first after a healthy stream, does not
// wait.
func backoffTime(attempt int, most time.Duration) time.Duration {
	if attempt == 0 {
		return 0
	}
	bound := min(most, firstBackoff<<min(attempt-1, 30))
	return time.Duration(rand.Float64() * float64(bound))
}

// Package presence has a proxy's own list of its players, and the digest of it.
package presence

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	v1 "example.com/kelpie/kelpiev1"
)

const digestBytes = 8

// Digest is the digest of players who are in, in any order, as PresenceDigest describes it. Each has its id, generation
// and server.
func Digest(players []*v1.Player) []byte {
	lines := make([]string, len(players))
	for i, p := range players {
		lines[i] = p.Id + " " + strconv.FormatUint(p.Generation, 10) + " " + p.Server + "\n"
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return sum[:digestBytes]
}

package presence

import (
	"encoding/hex"
	"testing"

	v1 "example.com/kelpie/kelpiev1"
)

// The test vectors of test/support/model/digest-vectors.ts, the same in every language.
func TestDigest(t *testing.T) {
	for want, players := range map[string][]*v1.Player{
		"e3b0c44298fc1c14": nil,
		"8ecfeded65cbcda5": {{Id: "2535400000000001", Generation: 1700000000000001, Server: "lobby-1"}},
		// "10" sorts before "9", by bytes and not as numbers. One player is on no server.
		"e0df045f25990497": {
			{Id: "9", Generation: 7, Server: "lobby"},
			{Id: "10", Generation: 8},
			{Id: "0a1b2c3d-0000-4000-8000-00000000000f", Generation: 9007199254740991, Server: "a_b-c"},
		},
	} {
		if got := hex.EncodeToString(Digest(players)); got != want {
			t.Errorf("the digest is %s, want %s", got, want)
		}
	}
}

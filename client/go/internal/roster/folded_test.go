package roster

import "testing"

// The same names as in the coordinator's own test.
func TestFolded(t *testing.T) {
	for _, one := range [][2]string{
		{"Maja", "MAJA"}, {"straße", "STRASSE"}, {"Σίσυφος", "σίσυφοσ"}, {"Ömer", "O\u0308MER"}, {"ﬁn", "FIN"}, {"ſ", "s"},
	} {
		if Folded(one[0]) != Folded(one[1]) {
			t.Errorf("%q and %q are two names", one[0], one[1])
		}
	}
	if Folded("Maja") == Folded("Maya") {
		t.Error("two names are one")
	}
}

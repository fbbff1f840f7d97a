package roster

import (
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Folded is the form of a player's name without case: two names are equal if their forms are equal. The coordinator
// has the same function. The name is put in lower case and then in upper case, because some letters have more than one
// lower-case or upper-case form. It is decomposed (NFD), so that a prefix of a name has a prefix of its form.
func Folded(name string) string {
	lower := cases.Lower(language.Und).String(norm.NFD.String(name))
	return norm.NFD.String(cases.Upper(language.Und).String(lower))
}

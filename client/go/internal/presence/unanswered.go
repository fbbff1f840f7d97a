package presence

import (
	"slices"

	v1 "example.com/kelpie/kelpiev1"
)

// The most names. A player has at most 64 properties; the same number of removed ones fits beside them.
const mostNames = 128

// Unanswered are the facts of a player that the proxy changed without an answer of the coordinator. The list of the
// proxy does not replace facts that other nodes changed, so the proxy reports these facts as a change again. The player
// in the list has their values.
type Unanswered struct {
	// Names of properties, including removed ones.
	names             []string
	context, language bool
}

// With returns the changed facts after one more change without an answer. u may be nil. If there are too many names,
// removed ones go first.
func (u *Unanswered) With(change *v1.PlayerChange, properties map[string]string) *Unanswered {
	after := &Unanswered{context: change.Context != nil, language: change.Language != nil}
	fresh := map[string]bool{}
	for name := range change.Properties {
		fresh[name] = true
	}
	for _, name := range change.RemovedProperties {
		fresh[name] = true
	}
	if u != nil {
		after.context, after.language = after.context || u.context, after.language || u.language
		after.names = slices.DeleteFunc(slices.Clone(u.names), func(name string) bool { return fresh[name] })
	}
	for name := range fresh {
		after.names = append(after.names, name)
	}
	slices.SortStableFunc(after.names, func(a, b string) int { return rank(properties, a) - rank(properties, b) })
	after.names = after.names[max(0, len(after.names)-mostNames):]
	return after
}

// Removed properties sort before present ones.
func rank(properties map[string]string, name string) int {
	if _, present := properties[name]; present {
		return 1
	}
	return 0
}

// Again returns one change that gives all these facts the values that the player has now.
func (u *Unanswered) Again(player *v1.Player) *v1.PlayerChange {
	change := &v1.PlayerChange{Properties: map[string]string{}}
	for _, name := range u.names {
		if value, present := player.Properties[name]; present {
			change.Properties[name] = value
		} else {
			change.RemovedProperties = append(change.RemovedProperties, name)
		}
	}
	if u.context {
		change.Context = append([]byte{}, player.Context...)
	}
	if u.language {
		language := player.Language
		change.Language = &language
	}
	return change
}

package presence

import (
	"bytes"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	v1 "example.com/kelpie/kelpiev1"
)

// Changed returns the player after a change: a copy.
func Changed(player *v1.Player, change *v1.PlayerChange) *v1.Player {
	after := proto.Clone(player).(*v1.Player)
	if after.Properties == nil {
		after.Properties = map[string]string{}
	}
	maps.Copy(after.Properties, change.Properties)
	for _, name := range change.RemovedProperties {
		delete(after.Properties, name)
	}
	if change.Context != nil {
		after.Context = slices.Clone(change.Context)
	}
	if change.Language != nil {
		after.Language = *change.Language
	}
	return after
}

// Unchanged returns the player without a refused change: a copy. Fields that have changed again since stay.
func Unchanged(now, before *v1.Player, change *v1.PlayerChange) *v1.Player {
	after := proto.Clone(now).(*v1.Player)
	for name, value := range change.Properties {
		if found, present := after.Properties[name]; !present || found != value {
			continue
		}
		if former, had := before.Properties[name]; had {
			after.Properties[name] = former
		} else {
			delete(after.Properties, name)
		}
	}
	if change.Context != nil && bytes.Equal(now.Context, change.Context) {
		after.Context = before.Context
	}
	if change.Language != nil && now.Language == *change.Language {
		after.Language = before.Language
	}
	return after
}

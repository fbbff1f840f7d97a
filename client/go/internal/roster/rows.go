// Package roster has the parts of a live copy of a network: its rows, and the counts that picks need. None of its types
// is safe for several goroutines at once.
package roster

import (
	"iter"
	"maps"
	"slices"
)

type row[T any] struct {
	value T
	// The sequence of the event that last wrote the row.
	sequence uint64
	// The row comes from another history or a file, and no coordinator has confirmed it yet. Any other row is newer.
	stale bool
}

// Rows are rows of one kind, from a Snapshot and the events after it. If a coordinator loses its history, rows that the
// new history does not have yet stay for a while, marked stale.
type Rows[T any] struct {
	rows  map[string]row[T]
	keyOf func(T) string
	// Called with each row that changes, before and after the change; nil: there is none.
	onChange func(before, after *T)
	// The keys of the Snapshot that has begun and is not complete.
	named map[string]bool
}

// NewRows makes an empty list of rows.
func NewRows[T any](keyOf func(T) string, onChange func(before, after *T)) *Rows[T] {
	return &Rows[T]{rows: map[string]row[T]{}, keyOf: keyOf, onChange: onChange}
}

// Get returns the row of a key, and whether there is one.
func (r *Rows[T]) Get(key string) (T, bool) {
	found, ok := r.rows[key]
	return found.value, ok
}

// All returns all rows, in the order of their keys.
func (r *Rows[T]) All() []T {
	all := make([]T, 0, len(r.rows))
	for _, key := range slices.Sorted(maps.Keys(r.rows)) {
		all = append(all, r.rows[key].value)
	}
	return all
}

// Len is the number of rows.
func (r *Rows[T]) Len() int { return len(r.rows) }

// IsStale reports whether no coordinator has confirmed the row yet.
func (r *Rows[T]) IsStale(key string) bool { return r.rows[key].stale }

// Begin begins a Snapshot.
func (r *Rows[T]) Begin() { r.named = map[string]bool{} }

// Put takes a row if it is newer than the present one.
func (r *Rows[T]) Put(value T, sequence uint64) {
	key := r.keyOf(value)
	// A row that an event brings during a Snapshot counts as named by the Snapshot.
	if r.named != nil {
		r.named[key] = true
	}
	if sequence > r.rows[key].sequence {
		r.set(key, row[T]{value, sequence, false})
	}
}

// Leave removes a row if that is newer than the present one.
func (r *Rows[T]) Leave(value T, sequence uint64) {
	if key := r.keyOf(value); sequence > r.rows[key].sequence {
		r.remove(key)
	}
}

// Complete ends a Snapshot. It removes the rows that the Snapshot does not name, except stale rows: DropStale removes
// those.
func (r *Rows[T]) Complete() {
	for key, one := range r.rows {
		if !one.stale && !r.named[key] {
			r.remove(key)
		}
	}
	r.named = nil
}

// Outdate says that the rows come from another history from now on. Its sequences may be lower, so any of its rows
// counts as newer. stale: the new history may not have all rows yet, so it marks the present ones stale.
func (r *Rows[T]) Outdate(stale bool) {
	for key, one := range r.rows {
		r.set(key, row[T]{one.value, 0, stale || one.stale})
	}
}

// DropStale removes the stale rows.
func (r *Rows[T]) DropStale() {
	for key, one := range r.rows {
		if one.stale {
			r.remove(key)
		}
	}
}

// Restore takes a row of a file.
func (r *Rows[T]) Restore(value T) { r.set(r.keyOf(value), row[T]{value, 0, true}) }

// Sequences loops over all rows with their sequences.
func (r *Rows[T]) Sequences() iter.Seq2[T, uint64] {
	return func(yield func(T, uint64) bool) {
		for _, one := range r.rows {
			if !yield(one.value, one.sequence) {
				return
			}
		}
	}
}

func (r *Rows[T]) set(key string, after row[T]) {
	before, had := r.rows[key]
	r.rows[key] = after
	if had {
		r.onChange(&before.value, &after.value)
	} else {
		r.onChange(nil, &after.value)
	}
}

func (r *Rows[T]) remove(key string) {
	if before, had := r.rows[key]; had {
		delete(r.rows, key)
		r.onChange(&before.value, nil)
	}
}

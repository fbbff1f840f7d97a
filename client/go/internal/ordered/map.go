// Package ordered has a map that remembers the order of its keys.
package ordered

import (
	"container/list"
	"iter"
)

// Map is a map whose oldest key is found at once. The zero value is empty.
type Map[K comparable, V any] struct {
	byKey map[K]*list.Element
	order list.List
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// Get returns the value of a key, and whether there is one.
func (m *Map[K, V]) Get(key K) (V, bool) {
	if found, ok := m.byKey[key]; ok {
		return found.Value.(entry[K, V]).value, true
	}
	var none V
	return none, false
}

// Put stores a value. Its key is the newest one then.
func (m *Map[K, V]) Put(key K, value V) {
	m.Delete(key)
	if m.byKey == nil {
		m.byKey = map[K]*list.Element{}
	}
	m.byKey[key] = m.order.PushBack(entry[K, V]{key, value})
}

// Delete removes a key, and reports whether it was there.
func (m *Map[K, V]) Delete(key K) bool {
	found, ok := m.byKey[key]
	if ok {
		m.order.Remove(found)
		delete(m.byKey, key)
	}
	return ok
}

// Oldest returns the key that was put longest ago, and its value; false if the map is empty.
func (m *Map[K, V]) Oldest() (key K, value V, ok bool) {
	if front := m.order.Front(); front != nil {
		oldest := front.Value.(entry[K, V])
		return oldest.key, oldest.value, true
	}
	return key, value, false
}

// Len is the number of keys.
func (m *Map[K, V]) Len() int { return len(m.byKey) }

// Values loops over the values, the oldest first. The loop may delete the key that it is at.
func (m *Map[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		for one := m.order.Front(); one != nil; {
			next := one.Next()
			if !yield(one.Value.(entry[K, V]).value) {
				return
			}
			one = next
		}
	}
}

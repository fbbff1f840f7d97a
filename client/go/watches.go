package kelpie

import "example.com/kelpie/kelpiev1"

type watches struct{ session *session }

func (w *watches) restart(topics []string, loading bool) {}
func (w *watches) begin()                                {}
func (w *watches) applyEvent(event *kelpiev1.Event)      {}
func (w *watches) applySnapshot(part *kelpiev1.Snapshot) {}
func (w *watches) applyGap(gap *kelpiev1.Gap)            {}
func (w *watches) close()                                {}

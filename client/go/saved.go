package kelpie

import "example.com/kelpie/kelpiev1"

type savedState struct{ processing *processing }

func newSavedState(s *session, options Options) (savedState, *kelpiev1.Cursor, error) {
	return savedState{&processing{}}, nil, nil
}

func (s *savedState) restore(roster *rosterTable)           {}
func (s *savedState) received(upTo *kelpiev1.Cursor) *piece { return s.processing.begin(upTo, 0) }
func (s *savedState) processed(one *piece)                  { s.processing.finish(one) }
func (s *savedState) close()                                {}

package kelpie

import "example.com/kelpie/kelpiev1"

// locks are those that this process has. The presence of the process holds them: they are lost when it ends. The lock of
// the session guards all fields.
type locks struct {
	session *session
	held    map[*Lock]bool
	// Stops the timer of the grace; nil while a session is open.
	stopAway func()
}

// A session is open. If the presence of the process goes on, the locks may be there still.
func (l *locks) connected(outcome kelpiev1.WelcomeOutcome) {
	if l.stopAway != nil {
		l.stopAway()
		l.stopAway = nil
	}
	for one := range l.held {
		if outcome == kelpiev1.WelcomeOutcome_WELCOME_OUTCOME_RESUMED {
			go one.verify()
		} else {
			one.lose()
		}
	}
}

// No session is open. After the grace the coordinator ends the presence.
func (l *locks) disconnected() {
	if l.stopAway == nil && len(l.held) > 0 {
		l.stopAway = l.session.after(l.session.grace(), l.close)
	}
}

// The client has ended, or the grace.
func (l *locks) close() {
	if l.stopAway != nil {
		l.stopAway()
	}
	for one := range l.held {
		one.lose()
	}
}

func (s *session) rememberLock(one *Lock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks.held == nil {
		s.locks.held = map[*Lock]bool{}
	}
	s.locks.held[one] = true
	if s.ended {
		one.lose()
	}
}

func (s *session) forgetLock(one *Lock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.locks.held, one)
}

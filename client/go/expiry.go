package kelpie

import "time"

const (
	day = 24 * time.Hour
	// The warnings begin so long before the end of a credential.
	expiryNotice = 7 * day
)

// Posts CredentialExpiring now if the end is near, and once a day. 0: the credential never expires.
func (l *link) watchExpiry(left time.Duration) {
	if left <= 0 {
		return
	}
	end := time.Now().Add(left)
	var check func()
	check = func() {
		left := time.Until(end)
		next := left - expiryNotice
		if left <= expiryNotice {
			l.session.post(Status{Kind: CredentialExpiring, ExpiresIn: left})
			next = day
		}
		l.stopExpiry = l.session.after(min(next, day), check)
	}
	check()
}

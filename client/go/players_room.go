package kelpie

// The most logins that a proxy sends at once, and their bytes: half of the contract's limits, as a coordinator counts
// more for a login than its bytes. A coordinator refuses logins above its own bound. Here they wait in order instead, so
// that no login fails only because many come at once.
const (
	mostLogins     = 500
	mostLoginBytes = 4 * 1024 * 1024
)

type waitingLogin struct {
	bytes int
	ask   func()
}

// loginRoom bounds the logins that are under way. The lock of the session guards all fields.
type loginRoom struct {
	waiting []waitingLogin
	logins  int
	bytes   int
}

// Calls ask now, or when there is room. Each call of ask needs one leave later.
func (r *loginRoom) enter(bytes int, ask func()) {
	r.waiting = append(r.waiting, waitingLogin{bytes, ask})
	r.fill()
}

func (r *loginRoom) leave(bytes int) {
	r.logins--
	r.bytes -= bytes
	r.fill()
}

func (r *loginRoom) fill() {
	for len(r.waiting) > 0 && r.logins < mostLogins && r.bytes < mostLoginBytes {
		next := r.waiting[0]
		r.waiting[0] = waitingLogin{}
		r.waiting = r.waiting[1:]
		r.logins++
		r.bytes += next.bytes
		next.ask()
	}
}

// The client has ended: the logins that wait ask at once, and are refused.
func (r *loginRoom) close() {
	waiting := r.waiting
	r.waiting = nil
	for _, one := range waiting {
		r.logins++
		r.bytes += one.bytes
		one.ask()
	}
}

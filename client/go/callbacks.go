package kelpie

import "sync"

// callbacks calls functions of the program one after the other, in order, on a goroutine that lives while there are
// any. Its own lock guards it, so that it can be used with or without the lock of the session. A panic is a status
// HandlerFailed.
type callbacks struct {
	session *session
	mu      sync.Mutex
	queue   []func()
	running bool
}

func (c *callbacks) run(work func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, work)
	if !c.running {
		c.running = true
		go c.work()
	}
}

func (c *callbacks) work() {
	for work := c.next(); work != nil; work = c.next() {
		if err := call(func() error { work(); return nil }); err != nil {
			c.session.handlerFailed("callback", err)
		}
	}
}

func (c *callbacks) next() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.running = false
		return nil
	}
	work := c.queue[0]
	c.queue[0] = nil
	c.queue = c.queue[1:]
	return work
}

package kelpie

import (
	"fmt"

	"example.com/kelpie/kelpiev1"
)

// The most requests that wait for answers, and their bytes. The client refuses more.
const (
	mostRequests     = 10_000
	mostRequestBytes = 16 * 1024 * 1024
)

// A waiter gets the answers to one request, with the lock of the session held. It must not wait.
type waiter struct {
	// Takes an answer. Returns true if it is the last one.
	answer func(*kelpiev1.CoordinatorFrame) bool
	// The coordinator refused the request, or the stream ended before an answer (UNAVAILABLE).
	fail func(*Error)
	// The bytes of the request.
	bytes int
	// See isSuperseded.
	superseded bool
}

// requests are the requests of one stream that wait for their answers. When the stream ends, they fail.
type requests struct {
	waiting map[uint32]*waiter
	bytes   int
	last    uint32
}

// Sends a request with a new number. send returns the bytes of the request. REQUEST_QUEUE_FULL if too many wait.
func (r *requests) open(one waiter, send func(number uint32) (int, error)) (uint32, error) {
	if r.full() {
		return 0, fail(ReasonRequestQueueFull, fmt.Sprintf(
			"%d requests (%d bytes) wait for answers; send fewer requests, or wait for the answers",
			len(r.waiting), r.bytes))
	}
	number := r.last + 1
	bytes, err := send(number)
	if err != nil {
		return 0, err
	}
	r.last = number
	one.bytes = bytes
	r.bytes += bytes
	if r.waiting == nil {
		r.waiting = map[uint32]*waiter{}
	}
	r.waiting[number] = &one
	return number, nil
}

func (r *requests) full() bool { return len(r.waiting) >= mostRequests || r.bytes >= mostRequestBytes }

// Gives an answer to the request that waits for it.
func (r *requests) answer(frame *kelpiev1.CoordinatorFrame) {
	if one := r.waiting[frame.RequestId]; one != nil && one.answer(frame) {
		r.remove(frame.RequestId)
	}
}

// The coordinator refused a request. Returns false if no such request waits.
func (r *requests) refuse(number uint32, err *Error) bool {
	one := r.remove(number)
	if one != nil {
		one.fail(err)
	}
	return one != nil
}

// The stream has ended: all requests fail with UNAVAILABLE.
func (r *requests) drop() {
	waiting := r.waiting
	r.waiting, r.bytes = nil, 0
	for _, one := range waiting {
		one.fail(unanswered())
	}
}

func (r *requests) remove(number uint32) *waiter {
	one := r.waiting[number]
	if one != nil {
		r.bytes -= one.bytes
		delete(r.waiting, number)
	}
	return one
}

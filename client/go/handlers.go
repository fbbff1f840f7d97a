package kelpie

import "example.com/kelpie/kelpiev1"

type handlers struct {
	session *session
	running map[uint64]*kelpiev1.CommandRequest
}

func (h *handlers) names() []string                       { return nil }
func (h *handlers) take(request *kelpiev1.CommandRequest) {}
func (h *handlers) cancel(id uint64)                      {}
func (h *handlers) restart()                              {}
func (h *handlers) close()                                {}

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// How long anything that the director waits for may take.
const waitTimeout = 20 * time.Second

// history is the lines that something saw or printed, in order.
type history struct {
	mu    sync.Mutex
	lines []string
	// Closed and made anew with each line.
	news  chan struct{}
	ended bool
}

func newHistory() *history { return &history{news: make(chan struct{})} }

func (h *history) add(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line)
	close(h.news)
	h.news = make(chan struct{})
}

// end says that no further line comes.
func (h *history) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	close(h.news)
	h.news = make(chan struct{})
}

// mark is the present end of the history.
func (h *history) mark() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.lines)
}

func (h *history) since(mark int) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.lines[mark:])
}

// wait returns the first line since the mark that matches, now or later. what names it for people.
func (h *history) wait(what string, mark int, matches func(string) bool) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	for {
		h.mu.Lock()
		lines, news, ended := h.lines[mark:], h.news, h.ended
		h.mu.Unlock()
		if i := slices.IndexFunc(lines, matches); i >= 0 {
			return lines[i], nil
		}
		if ended {
			return "", fmt.Errorf("%s did not come before the end", what)
		}
		select {
		case <-news:
		case <-ctx.Done():
			return "", fmt.Errorf("%s did not come in %v", what, waitTimeout)
		}
	}
}

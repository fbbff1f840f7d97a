package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// How many of its last lines the director prints of each process after a failure.
const lastLines = 12

// direct plays all acts, and returns the exit code.
func direct() int {
	s, err := newStage()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	played := make(chan error, 1)
	s.title("Kelpie herds Dragonfly and gophertunnel",
		"Servers, proxies and players speak Bedrock over UDP. A ✓ is what a player’s own client saw, or the network lists.")
	go func() { played <- s.play() }()
	select {
	case err = <-played:
	case one := <-interrupted:
		err = fmt.Errorf("the director got %s", one)
	}
	if err != nil {
		s.fails(err)
		for _, one := range s.all {
			lines := one.output.since(0)
			s.lastWords(one.name, lines[max(0, len(lines)-lastLines):])
		}
		for _, one := range s.bots {
			lines := one.seen.since(0)
			s.lastWords(one.name, lines[max(0, len(lines)-lastLines):])
		}
	}
	s.forget()
	s.summary()
	if err != nil || s.failed > 0 {
		return 1
	}
	return 0
}

func (s *stage) play() error {
	for _, act := range acts {
		if err := act(s); err != nil {
			return err
		}
	}
	return nil
}

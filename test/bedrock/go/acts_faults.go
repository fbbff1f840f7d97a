package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

func logInTwice(s *stage) error {
	s.act("One account on both proxies")
	eve := s.bots["Eve"]
	mark, news := eve.seen.mark(), s.watch.news.mark()
	twin := newBot("Eve", s.ports)
	if err := s.expect("Eve logs in again at gate-2: gate-1 asks her older client, which answers, so the newer one is refused", func() (string, error) {
		err := twin.join("gate-2")
		if err == nil {
			return "", errors.New("both clients are in")
		}
		if !strings.Contains(err.Error(), "already on this network") {
			return "", err
		}
		return err.Error(), eve.unbroken(mark)
	}); err != nil {
		return err
	}
	s.does("the older client hangs")
	eve.frozen.Store(true)
	if err := s.expect("Eve logs in once more at gate-2, and plays; the older client shows why it ended", func() (string, error) {
		if err := twin.join("gate-2"); err != nil {
			return "", err
		}
		text, err := eve.waitForDisconnect(mark)
		_, heard := s.watch.hears("Eve left: REPLACED", news)
		return text, firstOf(err, heard)
	}); err != nil {
		return err
	}
	s.bots["Eve"] = twin
	return s.areListed()
}

func loseProxy(s *stage) error {
	s.act("A proxy is killed")
	news := s.watch.news.mark()
	var lost []*bot
	generations := map[string]uint64{}
	for _, one := range s.bots {
		if strings.Contains(one.place(), "by gate-1") {
			lost = append(lost, one)
			generations[one.name] = s.generation(one)
		}
	}
	slices.SortFunc(lost, func(a, b *bot) int { return strings.Compare(a.name, b.name) })
	first := s.bots["Ana"]
	s.does(fmt.Sprintf("kill -9 gate-1, which has %d players", len(lost)))
	s.children["gate-1"].stop(syscall.SIGKILL)
	if err := s.expect("Ana comes back by gate-2 at once; the network replaces her older presence", func() (string, error) {
		first.leave()
		if err := first.join("gate-2"); err != nil {
			return "", err
		}
		return s.watch.hears(fmt.Sprintf("Ana left: REPLACED %d", generations["Ana"]), news)
	}); err != nil {
		return err
	}
	others := slices.DeleteFunc(lost, func(one *bot) bool { return one == first })
	if err := s.expect("after the grace the others have left: PROXY_LOST", func() (string, error) {
		var heard []string
		for _, one := range others {
			line, err := s.watch.hears(fmt.Sprintf("%s left: PROXY_LOST %d", one.name, generations[one.name]), news)
			if err != nil {
				return "", err
			}
			heard = append(heard, line)
			delete(s.bots, one.name)
		}
		return strings.Join(heard, ", "), nil
	}); err != nil {
		return err
	}
	if err := s.expect("no server has a player of the lost proxy any more: kelpie run list", func() (string, error) {
		return "", s.serversHave()
	}); err != nil {
		return err
	}
	return s.comeBack(others)
}

// serversHave waits until the servers have exactly the players who are online, under their present generations.
func (s *stage) serversHave() error {
	var want []string
	for _, one := range s.bots {
		want = append(want, fmt.Sprintf("%s %d", one.name, s.generation(one)))
	}
	slices.Sort(want)
	var have []string
	for range 10 {
		have = nil
		for _, server := range servers {
			output, err := s.kelpie("run", server.name, "list")
			if err != nil {
				return err
			}
			for _, line := range strings.Split(output, "\n") {
				if line = strings.TrimSpace(line); line != "" {
					have = append(have, line)
				}
			}
		}
		slices.Sort(have)
		if slices.Equal(have, want) {
			return nil
		}
	}
	return fmt.Errorf("the servers have %q, and online are %q", have, want)
}

func (s *stage) comeBack(others []*bot) error {
	s.does("gate-1 starts again")
	if err := s.start("gate-1"); err != nil {
		return err
	}
	if err := s.expect("the others return by gate-1, as each server has let go of their older connections", func() (string, error) {
		for _, one := range others {
			one.leave()
			if err := one.join("gate-1"); err != nil {
				return "", fmt.Errorf("%s: %w", one.name, err)
			}
			s.bots[one.name] = one
		}
		return strings.Join(s.places(), ", "), nil
	}); err != nil {
		return err
	}
	if err := s.areListed(); err != nil {
		return err
	}
	return s.expect("everybody sees what Ana says", func() (string, error) {
		marks := map[*bot]int{}
		for _, one := range s.bots {
			marks[one] = one.seen.mark()
		}
		s.bots["Ana"].say("we are all back")
		for one, mark := range marks {
			if err := one.waitFor("<Ana@", mark); err != nil {
				return "", err
			}
		}
		return fmt.Sprint(len(marks)), nil
	})
}

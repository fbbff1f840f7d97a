package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

var acts = []func(*stage) error{gather, join, move, talk, kick, logInTwice, loseProxy, goHome}

func gather(s *stage) error {
	s.act("Two Dragonfly servers, two proxies on gophertunnel")
	s.does("kelpied certs; kelpied token create alice; kelpie token create: join tokens")
	if err := s.expect("the coordinator listens with TLS, and asks for credentials", func() (string, error) {
		return s.endpoint, s.startCoordinator()
	}); err != nil {
		return err
	}
	if err := s.expect("two servers and two proxies join, each with a join token", func() (string, error) {
		return "", s.together(servers[0].name, servers[1].name, gates[0], gates[1])
	}); err != nil {
		return err
	}
	return s.expect("`kelpie nodes --json` lists them, READY, with their software", s.listsNodes)
}

func (s *stage) startCoordinator() error {
	alice := s.file("alice.token")
	if err := firstOf(
		s.kelpied("certs", host, "--out", s.file("tls")),
		s.kelpied("token", "create", "alice", "--data", s.file("data"), "--token-file", alice),
	); err != nil {
		return err
	}
	port := s.endpoint[strings.LastIndex(s.endpoint, ":")+1:]
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := s.spawn("coordinator", nil, self, "leash", "node", filepath.Join(s.root, "dist/server/main.js"),
		"--host", host, "--port", port, "--metrics-port", "off", "--data", s.file("data"), "--log-format", "json",
		"--tls-cert", s.file("tls/server.pem"), "--tls-key", s.file("tls/server-key.pem"),
		"--grace-seconds", fmt.Sprint(graceSeconds)); err != nil {
		return err
	}
	if err := s.children["coordinator"].waitFor("the endpoint", func(line string) bool {
		return strings.Contains(line, s.endpoint)
	}); err != nil {
		return err
	}
	return s.invite()
}

// Makes the tokens by which servers and proxies join, and the token of the director's own client.
func (s *stage) invite() error {
	join := func(name, preset string, nodes ...string) (string, error) {
		args := []string{"token", "create", name, "--preset", preset, "--join", "--uses", "2", "--ttl", "1h", "--quiet"}
		for _, node := range nodes {
			args = append(args, "--node", node)
		}
		return s.kelpie(args...)
	}
	var errs [4]error
	var all sync.WaitGroup
	all.Add(3)
	go func() {
		defer all.Done()
		s.serversToken, errs[0] = join("servers", "server", servers[0].name, servers[1].name)
	}()
	go func() { defer all.Done(); s.gatesToken, errs[1] = join("gates", "proxy", gates...) }()
	go func() {
		defer all.Done()
		_, errs[2] = s.kelpie("token", "create", "watch", "--preset", "service", "--token-file", s.file("watch.token"))
	}()
	all.Wait()
	if err := firstOf(errs[:]...); err != nil {
		return err
	}
	return s.startWatch()
}

// together starts nodes at once.
func (s *stage) together(names ...string) error {
	errs := make([]error, len(names))
	for i, name := range names {
		errs[i] = s.start(name)
	}
	return firstOf(errs...)
}

func (s *stage) listsNodes() (string, error) {
	type node struct{ Name, Role, State, Software string }
	lines, err := listed(s, func(n node) string {
		return fmt.Sprintf("%s %s %s %s", n.Name, strings.TrimPrefix(n.Role, "NODE_ROLE_"), strings.TrimPrefix(n.State, "NODE_STATE_"), n.Software)
	}, "nodes")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "watch ") })
	want := []string{
		"arena DOWNSTREAM READY Dragonfly", "gate-1 PROXY READY gophertunnel",
		"gate-2 PROXY READY gophertunnel", "lobby DOWNSTREAM READY Dragonfly",
	}
	if err == nil && !slices.Equal(lines, want) {
		err = fmt.Errorf("it lists %q", lines)
	}
	return strings.Join(lines, ", "), err
}

func join(s *stage) error {
	s.act("Six players")
	s.does("kelpie routing edit routing.yaml: players who join, or lose their server, land in the lobby")
	if _, err := s.kelpie("routing", "edit", filepath.Join(s.root, "test/bedrock/routing.yaml")); err != nil {
		return err
	}
	names := []string{"Ana", "Ben", "Cleo", "Dan", "Eve", "Fay"}
	for _, name := range names {
		s.bots[name] = newBot(name, s.ports)
	}
	if err := s.expect("six players join by both proxies, and all land in the lobby by the rule", func() (string, error) {
		errs := make([]error, len(names))
		var all sync.WaitGroup
		for i, name := range names {
			all.Add(1)
			go func() { defer all.Done(); errs[i] = s.bots[name].join(gates[i%2]) }()
		}
		all.Wait()
		places := strings.Join(s.places(), ", ")
		if err := firstOf(errs...); err != nil {
			return "", err
		}
		if strings.Count(places, "on lobby") != len(names) {
			return "", errors.New(places)
		}
		return places, nil
	}); err != nil {
		return err
	}
	return s.areListed()
}

// areListed checks that an operator sees each player where their own client is.
func (s *stage) areListed() error {
	return s.expect("`kelpie players --json` has each player where their own client is", func() (string, error) {
		type player struct{ Name, Proxy, Server string }
		var lines []string
		var err error
		want := s.places()
		// A report is on its way for a moment.
		for deadline := time.Now().Add(waitTimeout); time.Now().Before(deadline); {
			lines, err = listed(s, func(p player) string { return fmt.Sprintf("%s by %s on %s", p.Name, p.Proxy, p.Server) }, "players")
			if err != nil || slices.Equal(lines, want) {
				return fmt.Sprint(len(lines)), err
			}
		}
		return "", fmt.Errorf("it lists %q, and their clients are %q", lines, want)
	})
}

func move(s *stage) error {
	s.act("Players move, and their own connections stay")
	ana, ben := s.bots["Ana"], s.bots["Ben"]
	marks := map[*bot]int{ana: ana.seen.mark(), ben: ben.seen.mark()}
	if err := s.expect("Ana types /server arena, and the arena greets her with the words that came with her", func() (string, error) {
		start := time.Now()
		ana.command("/server arena with kit 7")
		err := ana.waitFor(welcomeText("arena", "Ana", "with kit 7"), marks[ana])
		return fmt.Sprintf("%d ms", time.Since(start).Milliseconds()), err
	}); err != nil {
		return err
	}
	if err := s.expect("an operator moves Ben: kelpie transfer Ben --to arena", func() (string, error) {
		output, err := s.kelpie("transfer", "Ben", "--to", "arena")
		return output, firstOf(err, ben.waitFor(welcomeText("arena", "Ben", ""), marks[ben]))
	}); err != nil {
		return err
	}
	if err := s.expect("both saw two changes of dimension, and no end of their connection", func() (string, error) {
		for one, mark := range marks {
			changes := slices.DeleteFunc(one.seen.since(mark), func(line string) bool { return !strings.HasPrefix(line, sawDimension) })
			if len(changes) != 2 {
				return "", fmt.Errorf("%s saw %q", one.name, changes)
			}
			if err := one.unbroken(mark); err != nil {
				return "", err
			}
		}
		return "", nil
	}); err != nil {
		return err
	}
	if err := s.expect("a server that nobody has refuses Cleo, and she stays", func() (string, error) {
		cleo := s.bots["Cleo"]
		mark := cleo.seen.mark()
		cleo.command("/server nowhere")
		return "", firstOf(cleo.waitFor("No way: NODE_NOT_FOUND", mark), cleo.unbroken(mark))
	}); err != nil {
		return err
	}
	if err := s.changeProxy(); err != nil {
		return err
	}
	return s.areListed()
}

// The ticket of a transfer brings a player to another proxy, and there to the server that they are to be on.
func (s *stage) changeProxy() error {
	fay := s.bots["Fay"]
	mark := fay.seen.mark()
	return s.expect("an operator sends Fay from gate-2 to gate-1 and the arena: her client follows, her ticket decides", func() (string, error) {
		_, err := s.kelpie("transfer", "Fay", "--proxy", "gate-1", "--server", "arena")
		if err != nil {
			return "", err
		}
		if err := fay.waitFor(welcomeText("arena", "Fay", ""), mark); err != nil {
			return "", err
		}
		if !slices.Contains(fay.seen.since(mark), sawTransfer+"gate-1") {
			return "", errors.New("her client got no transfer packet")
		}
		return fay.place(), nil
	})
}

func talk(s *stage) error {
	s.act("One chat on both servers")
	return s.expect("Cleo says a word in the lobby, and Ana and Ben see it in the arena", func() (string, error) {
		ana, ben, cleo := s.bots["Ana"], s.bots["Ben"], s.bots["Cleo"]
		marks := [2]int{ana.seen.mark(), ben.seen.mark()}
		start := time.Now()
		cleo.say("anybody for a match?")
		want := "<Cleo@lobby> anybody for a match?"
		err := firstOf(ana.waitFor(want, marks[0]), ben.waitFor(want, marks[1]))
		return fmt.Sprintf("%d ms", time.Since(start).Milliseconds()), err
	})
}

func kick(s *stage) error {
	s.act("A kick")
	dan := s.bots["Dan"]
	mark, news := dan.seen.mark(), s.watch.news.mark()
	s.does("kelpie kick Dan")
	if err := s.expect("the client of Dan shows the reason, and the network has that he was kicked", func() (string, error) {
		if _, err := s.kelpie("kick", "Dan", "--message", "Mind your language."); err != nil {
			return "", err
		}
		text, err := dan.waitForDisconnect(mark)
		if err == nil && text != "Mind your language." {
			err = fmt.Errorf("he saw %q", text)
		}
		_, heard := s.watch.hears("Dan left: KICKED", news)
		return text, firstOf(err, heard)
	}); err != nil {
		return err
	}
	return s.expect("he joins again, and is in the lobby", func() (string, error) {
		return "", dan.join("gate-1")
	})
}

func goHome(s *stage) error {
	s.act("Lights out")
	for name, one := range s.bots {
		one.leave()
		delete(s.bots, name)
	}
	return s.expect("all processes end on SIGTERM with the code 0", func() (string, error) {
		s.watch.close()
		var ends []string
		for _, name := range []string{"gate-1", "gate-2", "lobby", "arena", "coordinator"} {
			if code := s.children[name].stop(syscall.SIGTERM); code != 0 {
				ends = append(ends, fmt.Sprintf("%s ended with %d", name, code))
			}
		}
		if len(ends) > 0 {
			return "", errors.New(strings.Join(ends, ", "))
		}
		return "", nil
	})
}

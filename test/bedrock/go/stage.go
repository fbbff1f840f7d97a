package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

const (
	// All processes listen here.
	host = "127.0.0.1"
	// The grace of a lost node, and of the players of a lost proxy.
	graceSeconds = 5
	// How long a command of an operator may take.
	commandTimeout = 30 * time.Second
)

// The servers, each with its label mode, and the proxies.
var (
	servers = []struct{ name, mode string }{{"lobby", "lobby"}, {"arena", "game"}}
	gates   = []string{"gate-1", "gate-2"}
)

// stage is the processes of the demo, its players, and what the director knows of them.
type stage struct {
	*narrator
	// The files of all processes.
	folder string
	// The repository, built.
	root     string
	endpoint string
	// The UDP port of each node.
	ports map[string]string
	// All processes that were started, and the present one of each name.
	all      []*child
	children map[string]*child
	// The join tokens of servers and of proxies.
	serversToken, gatesToken string
	watch                    *watch
	bots                     map[string]*bot
}

func newStage() (*stage, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "kelpie-demo-go-")
	if err != nil {
		return nil, err
	}
	s := &stage{
		narrator: &narrator{start: time.Now()}, folder: folder, root: root,
		ports: map[string]string{}, children: map[string]*child{}, bots: map[string]*bot{},
	}
	port, err := freePort("tcp")
	if err != nil {
		return nil, err
	}
	s.endpoint = net.JoinHostPort(host, port)
	for _, name := range append([]string{servers[0].name, servers[1].name}, gates...) {
		if s.ports[name], err = freePort("udp"); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// The folder that has the built coordinator, from here upwards.
func repository() (string, error) {
	folder, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(folder, "dist/server/main.js")); missing == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			err = fmt.Errorf("dist/server/main.js is not there: run make build first")
		}
		folder = filepath.Dir(folder)
	}
	return "", err
}

func freePort(network string) (string, error) {
	address := net.JoinHostPort(host, "0")
	var listening interface{ Close() error }
	var at net.Addr
	if network == "tcp" {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return "", err
		}
		listening, at = l, l.Addr()
	} else {
		l, err := net.ListenPacket("udp", address)
		if err != nil {
			return "", err
		}
		listening, at = l, l.LocalAddr()
	}
	_, port, err := net.SplitHostPort(at.String())
	_ = listening.Close()
	return port, err
}

func (s *stage) file(name string) string { return filepath.Join(s.folder, name) }

// The variables of a process, as a container gets them. A node joins with a join token.
func (s *stage) env(name, joinToken string) []string {
	return []string{
		"KELPIE_ENDPOINTS=" + s.endpoint, "KELPIE_CA=" + s.file("tls/ca.pem"),
		"KELPIE_TOKEN_FILE=" + s.file(name+".token"), "KELPIE_JOIN_TOKEN=" + joinToken, "KELPIE_TOKEN=",
	}
}

func (s *stage) spawn(name string, env []string, program string, args ...string) error {
	one, err := startChild(name, env, program, args...)
	if err == nil {
		s.children[name] = one
		s.all = append(s.all, one)
	}
	return err
}

// start starts a node, and waits until it is on the network.
func (s *stage) start(name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args, token := []string{"proxy", name, host, s.ports[name]}, s.gatesToken
	for _, server := range servers {
		if server.name == name {
			args, token = []string{"downstream", name, host, s.ports[name], server.mode}, s.serversToken
		}
	}
	if err := s.spawn(name, s.env(name, token), self, args...); err != nil {
		return err
	}
	return s.children[name].waitFor("the readiness", func(line string) bool { return line == "ready" })
}

// kelpied runs a command of the coordinator, on its machine.
func (s *stage) kelpied(args ...string) error {
	_, err := s.node("dist/server/main.js", nil, args...)
	return err
}

// kelpie runs a command of an operator, and returns what it printed.
func (s *stage) kelpie(args ...string) (string, error) {
	return s.node("dist/client/cli/main.js", s.env("alice", ""), args...)
}

func (s *stage) node(script string, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, "node", append([]string{filepath.Join(s.root, script)}, args...)...)
	command.Env = append(os.Environ(), env...)
	output, err := command.Output()
	if failed, ok := err.(*exec.ExitError); ok {
		err = fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, failed.Stderr)
	}
	return strings.TrimSpace(string(output)), err
}

// listed runs a command that lists with --json, and returns one line for each row.
func listed[Row any](s *stage, line func(Row) string, args ...string) ([]string, error) {
	output, err := s.kelpie(append(args, "--json")...)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, text := range strings.Split(output, "\n") {
		var row Row
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), &row); err != nil {
			return nil, fmt.Errorf("%w: %s", err, text)
		}
		lines = append(lines, line(row))
	}
	slices.Sort(lines)
	return lines, nil
}

// places returns where the players are by their own clients.
func (s *stage) places() []string {
	places := []string{}
	for _, one := range s.bots {
		places = append(places, one.place())
	}
	slices.Sort(places)
	return places
}

// generation returns the present generation of a player, by the director's own roster.
func (s *stage) generation(one *bot) uint64 {
	player, err := s.watch.client.Roster().Player(kelpie.PlayerLookup{UUID: one.id.String()})
	if err != nil {
		return 0
	}
	return player.GetGeneration()
}

func (s *stage) forget() {
	for _, one := range s.bots {
		one.leave()
	}
	if s.watch != nil {
		s.watch.close()
	}
	for _, one := range s.all {
		_ = one.process.Process.Kill()
		<-one.ended
	}
	_ = os.RemoveAll(s.folder)
}

// watch is the director's own client, with the news of nodes and players.
type watch struct {
	client *kelpie.Client
	news   *history
}

func (s *stage) startWatch() error {
	client, err := kelpie.New(kelpie.Options{
		Name: "watch", Role: kelpie.Service, Endpoints: []string{s.endpoint}, CA: s.file("tls/ca.pem"),
		TokenFile: s.file("watch.token"), Roster: kelpie.RosterOptions{Players: true},
	})
	if err != nil {
		return err
	}
	s.watch = &watch{client, newHistory()}
	_, err1 := client.Players().OnLeft(func(_ context.Context, left *kelpiev1.PlayerLeft) error {
		reason := strings.TrimPrefix(left.Reason.String(), "PLAYER_LEAVE_REASON_")
		s.watch.news.add(left.Player.Name + " left: " + reason + " " + strconv.FormatUint(left.Player.Generation, 10))
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	client.Start(context.Background())
	return firstOf(err1, client.Ready(ctx))
}

// hears waits for a news since the mark that begins with these words, and returns it.
func (w *watch) hears(words string, mark int) (string, error) {
	return w.news.wait("the news “"+words+"”", mark, func(line string) bool { return strings.HasPrefix(line, words) })
}

func (w *watch) close() {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_ = w.client.Close(ctx)
}

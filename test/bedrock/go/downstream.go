package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/df-mc/dragonfly/server"
	"github.com/df-mc/dragonfly/server/cmd"
	"github.com/df-mc/dragonfly/server/event"
	"github.com/df-mc/dragonfly/server/player"
	"github.com/sandertv/gophertunnel/minecraft/protocol/login"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

// The topic of the chat of all servers.
const chatTopic = "chat.global"

// downstream is a Dragonfly server on the network.
type downstream struct {
	name   string
	client *kelpie.Client
	server *server.Server

	mu sync.Mutex
	// The players who are here, by id.
	guests map[string]*guest
	// The generations of the connections that log in, by id.
	logins map[string]uint64
	// What transfers bring with the players who are about to come, by id.
	arrivals map[string]string
}

// guest is one connection of a player. The proxy names the generation of their presence in the login: so an event about
// an older presence never ends a newer connection.
type guest struct {
	player.NopHandler
	on         *downstream
	id         string
	player     *player.Player
	generation uint64
}

func runDownstream(name, address, port, mode string) error {
	client, err := kelpie.New(kelpie.Options{
		Name: name, Role: kelpie.Downstream, Address: addressOf(address, port), Labels: map[string]string{"mode": mode},
		Software: "Dragonfly", Version: "0.9.18", MaxPlayers: 50,
	})
	if err != nil {
		return err
	}
	d := &downstream{
		name: name, client: client, guests: map[string]*guest{}, logins: map[string]uint64{}, arrivals: map[string]string{},
	}
	if err := d.handle(); err != nil {
		return err
	}
	d.server = dragonfly(name, net.JoinHostPort(address, port), d)
	cmd.Register(cmd.New("server", "Brings you to another server.", nil, goCommand{}))
	d.server.Listen()
	go func() {
		for d.server.Accept(d.welcome) {
		}
	}()
	return runNode(client, func() {
		_ = d.server.Close()
	})
}

func (d *downstream) handle() error {
	_, err1 := d.client.Subscribe(chatTopic, func(_ context.Context, event *kelpie.Event) error {
		for _, one := range d.all() {
			one.player.Message(event.Content.Text())
		}
		return nil
	})
	_, err2 := d.client.Players().OnLeft(d.letGo)
	_, err3 := d.client.HandlePrepareArrival(func(_ context.Context, _ *kelpie.Request, command *kelpiev1.PrepareArrivalCommand) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.arrivals[command.Player.PlayerId] = string(command.Context)
		return nil
	})
	_, err4 := d.client.HandleTransferEnded(func(_ context.Context, _ *kelpie.Request, command *kelpiev1.TransferEndedCommand) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.arrivals, command.Player.PlayerId)
		return nil
	})
	_, err5 := d.client.HandleRunConsoleCommand(func(context.Context, *kelpie.Request, string) ([]string, error) {
		return d.list(), nil
	})
	return firstOf(err1, err2, err3, err4, err5)
}

// Allow is Dragonfly's Allower: it sees the login, which has the generation.
func (d *downstream) Allow(_ net.Addr, identity login.IdentityData, data login.ClientData) (string, bool) {
	generation, err := strconv.ParseUint(data.PlatformOnlineID, 10, 64)
	if err != nil {
		return "Please join by a proxy.", false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.logins[identity.Identity] = generation
	return "", true
}

// A player comes into the world.
func (d *downstream) welcome(p *player.Player) {
	// Dragonfly v0.9.18 gives new players no velocity, and their first tick would end the process: a teleport sets one.
	p.Teleport(p.Position())
	one := &guest{on: d, id: p.UUID().String(), player: p}
	d.mu.Lock()
	one.generation = d.logins[one.id]
	delete(d.logins, one.id)
	d.guests[one.id] = one
	words := d.arrivals[one.id]
	delete(d.arrivals, one.id)
	d.mu.Unlock()
	p.Handle(one)
	p.Message(welcomeText(d.name, p.Name(), words))
}

func welcomeText(server, name, words string) string {
	text := fmt.Sprintf("Welcome to %s, %s!", server, name)
	if words != "" {
		text += " " + words
	}
	return text
}

// letGo disconnects a player who has left the network, and whose connection is still here: their proxy is lost, or they
// came back by another one.
func (d *downstream) letGo(_ context.Context, left *kelpiev1.PlayerLeft) error {
	d.mu.Lock()
	one := d.guests[left.Player.Id]
	d.mu.Unlock()
	if one != nil && one.generation <= left.Player.Generation {
		// Not here: Dragonfly may wait for the tick of its world.
		go one.player.Disconnect(leaveText(left.Reason))
	}
	return nil
}

func leaveText(reason kelpiev1.PlayerLeaveReason) string {
	if reason == kelpiev1.PlayerLeaveReason_PLAYER_LEAVE_REASON_REPLACED {
		return "You logged in from another place."
	}
	return "You have left the network."
}

func (d *downstream) all() []*guest {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*guest, 0, len(d.guests))
	for _, one := range d.guests {
		all = append(all, one)
	}
	return all
}

// The names of the players who are here, each with their generation.
func (d *downstream) list() []string {
	lines := []string{}
	for _, one := range d.all() {
		lines = append(lines, fmt.Sprintf("%s %d", one.player.Name(), one.generation))
	}
	slices.Sort(lines)
	return lines
}

func (g *guest) HandleQuit() {
	g.on.mu.Lock()
	defer g.on.mu.Unlock()
	if g.on.guests[g.id] == g {
		delete(g.on.guests, g.id)
	}
}

// What a player says goes to all servers, this one too.
func (g *guest) HandleChat(ctx *event.Context, message *string) {
	ctx.Cancel()
	text := fmt.Sprintf("<%s@%s> %s", g.player.Name(), g.on.name, *message)
	if err := g.on.client.PublishAsync(chatTopic, text, nil); err != nil {
		g.player.Message("Nobody heard you: " + err.Error())
	}
}

// goCommand is what a player types: /server arena, with words that go with them.
type goCommand struct {
	Name  string
	Words cmd.Optional[cmd.Varargs]
}

func (c goCommand) Run(source cmd.Source, _ *cmd.Output) {
	p, ok := source.(*player.Player)
	if !ok {
		return
	}
	if g, ok := p.Handler().(*guest); ok {
		words, _ := c.Words.Load()
		go g.move(c.Name, string(words))
	}
}

func (g *guest) move(server, words string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	transfer := kelpie.Transfer{Players: kelpie.PlayerByID(g.id), To: kelpie.Server(server)}
	if words != "" {
		transfer.Context = words
	}
	if _, err := g.on.client.Move(ctx, transfer); err != nil {
		g.player.Message("No way: " + err.Error())
	}
}

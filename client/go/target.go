package kelpie

import (
	"maps"
	"slices"

	"example.com/kelpie/kelpiev1"
)

// Target is the nodes that a command is for. Only nodes that have a handler for it count.
type Target struct{ wire *kelpiev1.CommandTarget }

// Selector selects the nodes that match all of these. A zero field matches every node.
type Selector struct {
	Roles  []Role
	States []State
	Labels map[string]string
}

// ToNode is the node of this name.
func ToNode(name string) Target {
	return Target{&kelpiev1.CommandTarget{Place: &kelpiev1.CommandTarget_Node{Node: name}}}
}

// ToNodes is all of these. A node that is not there gives NODE_NOT_FOUND; one without a handler COMMAND_NOT_HANDLED.
func ToNodes(names ...string) Target {
	nodes := &kelpiev1.NodeNames{Names: slices.Clone(names)}
	return Target{&kelpiev1.CommandTarget{Place: &kelpiev1.CommandTarget_Nodes{Nodes: nodes}}}
}

// ToEvery is all nodes that match.
func ToEvery(selector Selector) Target {
	return Target{&kelpiev1.CommandTarget{Place: &kelpiev1.CommandTarget_Every{Every: selector.wire()}}}
}

// ToAny is one of the nodes that match, a different one each time.
func ToAny(selector Selector) Target {
	return Target{&kelpiev1.CommandTarget{Place: &kelpiev1.CommandTarget_Any{Any: selector.wire()}}}
}

// ToProxyOf is the proxy of the player with this id.
func ToProxyOf(playerID string) Target {
	return Target{&kelpiev1.CommandTarget{Place: &kelpiev1.CommandTarget_PlayerProxy{PlayerProxy: playerID}}}
}

// ToServerOf is the server of the player with this id.
func ToServerOf(playerID string) Target {
	return Target{&kelpiev1.CommandTarget{Place: &kelpiev1.CommandTarget_PlayerServer{PlayerServer: playerID}}}
}

func (s Selector) wire() *kelpiev1.NodeSelector {
	return &kelpiev1.NodeSelector{
		Roles: slices.Clone(s.Roles), States: slices.Clone(s.States), Labels: maps.Clone(s.Labels),
	}
}

// Command is a command to issue: one of the contract, or a custom command with a name of its own.
type Command struct {
	wire *kelpiev1.Command
	err  error
}

// Custom is a command with a name of its own. The content is as in Client.Publish.
func Custom(name string, content any) Command {
	if slices.Contains(formNames, name) {
		return Command{err: refuse(ReasonCommandInvalid, name+" is a command of the contract; Custom is for names of your own")}
	}
	wire, err := contentOf(content)
	custom := &kelpiev1.CustomCommand{Name: name, Content: wire}
	return Command{&kelpiev1.Command{Form: &kelpiev1.Command_Custom{Custom: custom}}, err}
}

// RunConsoleCommand runs a line as on the console of a node. The line has no slash.
func RunConsoleCommand(line string) Command {
	return Command{wire: &kelpiev1.Command{
		Form: &kelpiev1.Command_RunConsoleCommand{RunConsoleCommand: &kelpiev1.RunConsoleCommand{Line: line}},
	}}
}

// KickPlayers disconnects players from the node that holds them, and shows them the message.
func KickPlayers(message string, players ...*kelpiev1.PlayerRef) Command {
	kick := &kelpiev1.KickPlayersCommand{Players: players, Message: message}
	return Command{wire: &kelpiev1.Command{Form: &kelpiev1.Command_KickPlayers{KickPlayers: kick}}}
}

// ShowMessage shows a message to players of the node that holds them.
func ShowMessage(display *kelpiev1.Display, players ...*kelpiev1.PlayerRef) Command {
	show := &kelpiev1.ShowMessageCommand{Players: players, Display: display}
	return Command{wire: &kelpiev1.Command{Form: &kelpiev1.Command_ShowMessage{ShowMessage: show}}}
}

// VerifyPlayer asks the node that holds a player whether they are connected.
func VerifyPlayer(player *kelpiev1.PlayerRef) Command {
	return Command{wire: &kelpiev1.Command{
		Form: &kelpiev1.Command_VerifyPlayer{VerifyPlayer: &kelpiev1.VerifyPlayerCommand{Player: player}},
	}}
}

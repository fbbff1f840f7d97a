package kelpie

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

// The names of the commands of the contract.
var formNames = []string{
	"kick_players", "show_message", "run_console_command", "verify_player", "prepare_arrival", "prepare_departure",
	"transfer_player", "confirm_arrival", "transfer_ended",
}

// The name of a command; empty for a form that this version does not have.
func nameOf(command *kelpiev1.Command) string {
	switch form := command.GetForm().(type) {
	case *kelpiev1.Command_KickPlayers:
		return "kick_players"
	case *kelpiev1.Command_ShowMessage:
		return "show_message"
	case *kelpiev1.Command_RunConsoleCommand:
		return "run_console_command"
	case *kelpiev1.Command_VerifyPlayer:
		return "verify_player"
	case *kelpiev1.Command_PrepareArrival:
		return "prepare_arrival"
	case *kelpiev1.Command_PrepareDeparture:
		return "prepare_departure"
	case *kelpiev1.Command_TransferPlayer:
		return "transfer_player"
	case *kelpiev1.Command_ConfirmArrival:
		return "confirm_arrival"
	case *kelpiev1.Command_TransferEnded:
		return "transfer_ended"
	case *kelpiev1.Command_Custom:
		return form.Custom.GetName()
	}
	return ""
}

// The error for a player whom this node does not hold, or holds under another generation.
var errPlayerGone = errors.New("the player is not here any more")

// HandleRunConsoleCommand handles run_console_command: it returns the lines that the console printed. If the console
// does not have the command, return an error.
func (c *Client) HandleRunConsoleCommand(handler func(ctx context.Context, request *Request, line string) ([]string, error)) (*Handling, error) {
	return c.session.handlers.add("run_console_command", func(ctx context.Context, request *Request, command *kelpiev1.Command) (*kelpiev1.CommandOutput, error) {
		lines, err := handler(ctx, request, command.GetRunConsoleCommand().Line)
		if err != nil {
			return nil, err
		}
		for i, line := range lines {
			lines[i] = utf8Text(line)
		}
		console := &kelpiev1.ConsoleOutput{Success: true, Lines: lines}
		return &kelpiev1.CommandOutput{Form: &kelpiev1.CommandOutput_Console{Console: console}}, nil
	})
}

// Failures are the players for whom a handler failed, by id. A nil map: it did the command for all of them.
type Failures map[string]error

// HandleKickPlayers handles kick_players: disconnect these players, all of whom this node holds, and show them the
// message.
func (c *Client) HandleKickPlayers(handler func(ctx context.Context, request *Request, command *kelpiev1.KickPlayersCommand) (Failures, error)) (*Handling, error) {
	return c.session.handlers.add("kick_players", func(ctx context.Context, request *Request, command *kelpiev1.Command) (*kelpiev1.CommandOutput, error) {
		failures, err := handler(ctx, request, command.GetKickPlayers())
		return outcomesOf(command.GetKickPlayers().Players, failures), err
	})
}

// HandleShowMessage handles show_message: show these players, all of whom this node holds, the message.
func (c *Client) HandleShowMessage(handler func(ctx context.Context, request *Request, command *kelpiev1.ShowMessageCommand) (Failures, error)) (*Handling, error) {
	return c.session.handlers.add("show_message", func(ctx context.Context, request *Request, command *kelpiev1.Command) (*kelpiev1.CommandOutput, error) {
		failures, err := handler(ctx, request, command.GetShowMessage())
		return outcomesOf(command.GetShowMessage().Players, failures), err
	})
}

// HandlePrepareArrival handles prepare_arrival: a player is about to come to this server. An error refuses them.
func (c *Client) HandlePrepareArrival(handler func(ctx context.Context, request *Request, command *kelpiev1.PrepareArrivalCommand) error) (*Handling, error) {
	return c.session.handlers.addMove("prepare_arrival", func(ctx context.Context, request *Request, command *kelpiev1.Command) error {
		return handler(ctx, request, command.GetPrepareArrival())
	})
}

// HandlePrepareDeparture handles prepare_departure: a player is about to leave this server. Save what belongs to them,
// then return. After an error they stay.
func (c *Client) HandlePrepareDeparture(handler func(ctx context.Context, request *Request, command *kelpiev1.PrepareDepartureCommand) error) (*Handling, error) {
	return c.session.handlers.addMove("prepare_departure", func(ctx context.Context, request *Request, command *kelpiev1.Command) error {
		return handler(ctx, request, command.GetPrepareDeparture())
	})
}

// HandleTransferPlayer handles transfer_player on a proxy: move a player whom this node holds to a server, or with an
// Address to another proxy. The report of the move counts, and not the return.
func (c *Client) HandleTransferPlayer(handler func(ctx context.Context, request *Request, command *kelpiev1.TransferPlayerCommand) error) (*Handling, error) {
	return c.session.handlers.addMove("transfer_player", func(ctx context.Context, request *Request, command *kelpiev1.Command) error {
		return handler(ctx, request, command.GetTransferPlayer())
	})
}

// HandleConfirmArrival handles confirm_arrival: return when the player is in the world of this server.
func (c *Client) HandleConfirmArrival(handler func(ctx context.Context, request *Request, command *kelpiev1.ConfirmArrivalCommand) error) (*Handling, error) {
	return c.session.handlers.addMove("confirm_arrival", func(ctx context.Context, request *Request, command *kelpiev1.Command) error {
		return handler(ctx, request, command.GetConfirmArrival())
	})
}

// HandleTransferEnded handles transfer_ended: a transfer that this server prepared has ended. With an Error in the
// command it failed, and the player may still be on the source.
func (c *Client) HandleTransferEnded(handler func(ctx context.Context, request *Request, command *kelpiev1.TransferEndedCommand) error) (*Handling, error) {
	return c.session.handlers.addMove("transfer_ended", func(ctx context.Context, request *Request, command *kelpiev1.Command) error {
		return handler(ctx, request, command.GetTransferEnded())
	})
}

// A handler whose reply is CommandDone.
func (h *handlers) addMove(name string, handler func(context.Context, *Request, *kelpiev1.Command) error) (*Handling, error) {
	return h.add(name, func(ctx context.Context, request *Request, command *kelpiev1.Command) (*kelpiev1.CommandOutput, error) {
		if err := handler(ctx, request, command); err != nil {
			return nil, err
		}
		return &kelpiev1.CommandOutput{Form: &kelpiev1.CommandOutput_Done{Done: &kelpiev1.CommandDone{}}}, nil
	})
}

// onPlayers gives a handler of kick_players and show_message the players who are on this node, and one of
// transfer_player only such a player. The reply names the others as failures.
func (h *handlers) onPlayers(handler anyHandler) anyHandler {
	return func(ctx context.Context, request *Request, command *kelpiev1.Command) (*kelpiev1.CommandOutput, error) {
		if move := command.GetTransferPlayer(); move != nil && len(h.here(move.Player)) == 0 {
			return nil, errPlayerGone
		}
		all := append(command.GetKickPlayers().GetPlayers(), command.GetShowMessage().GetPlayers()...)
		here := h.here(all...)
		if len(here) == len(all) {
			return handler(ctx, request, command)
		}
		output := outcomesOf(nil, nil)
		if len(here) > 0 {
			narrowed := proto.Clone(command).(*kelpiev1.Command)
			switch form := narrowed.Form.(type) {
			case *kelpiev1.Command_KickPlayers:
				form.KickPlayers.Players = here
			case *kelpiev1.Command_ShowMessage:
				form.ShowMessage.Players = here
			}
			var err error
			if output, err = handler(ctx, request, narrowed); err != nil {
				return nil, err
			}
		}
		for _, player := range all {
			if !slices.Contains(here, player) {
				failed := outcomesOf([]*kelpiev1.PlayerRef{player}, Failures{player.PlayerId: errPlayerGone})
				output.GetPlayers().Outcomes = append(output.GetPlayers().Outcomes, failed.GetPlayers().Outcomes...)
			}
		}
		return output, nil
	}
}

// The players who are on this node under their generations.
func (h *handlers) here(players ...*kelpiev1.PlayerRef) []*kelpiev1.PlayerRef {
	h.session.mu.Lock()
	defer h.session.mu.Unlock()
	var here []*kelpiev1.PlayerRef
	for _, player := range players {
		if h.session.reporting.holds(player) {
			here = append(here, player)
		}
	}
	return here
}

func outcomesOf(players []*kelpiev1.PlayerRef, failures Failures) *kelpiev1.CommandOutput {
	outcomes := &kelpiev1.PlayerOutcomes{}
	for _, player := range players {
		one := &kelpiev1.PlayerOutcome{PlayerId: player.PlayerId}
		if err := failures[player.PlayerId]; err != nil {
			one.Error = &kelpiev1.ErrorDetail{
				Reason:  kelpiev1.ErrorReason_ERROR_REASON_COMMAND_FAILED,
				Code:    2, // UNKNOWN
				Message: utf8Text(err.Error()),
			}
		}
		outcomes.Outcomes = append(outcomes.Outcomes, one)
	}
	return &kelpiev1.CommandOutput{Form: &kelpiev1.CommandOutput_Players{Players: outcomes}}
}

// The wire carries UTF-8 alone.
func utf8Text(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

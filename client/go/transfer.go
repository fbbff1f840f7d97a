package kelpie

import (
	"context"
	"fmt"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

const (
	defaultTransferTimeout = 30 * time.Second
	contextBytes           = 16 * 1024
)

// PlayersTarget is the players that a request is for.
type PlayersTarget struct{ wire *kelpiev1.PlayerTarget }

// PlayerByID is the player with this id.
func PlayerByID(id string) PlayersTarget {
	return playerBy(&kelpiev1.PlayerLookup{By: &kelpiev1.PlayerLookup_Id{Id: id}})
}

// PlayerByName is the player with this name, in any case.
func PlayerByName(name string) PlayersTarget {
	return playerBy(&kelpiev1.PlayerLookup{By: &kelpiev1.PlayerLookup_Name{Name: name}})
}

func playerBy(lookup *kelpiev1.PlayerLookup) PlayersTarget {
	return PlayersTarget{&kelpiev1.PlayerTarget{Place: &kelpiev1.PlayerTarget_Player{Player: lookup}}}
}

// PlayersOn is all players on the server of this name.
func PlayersOn(server string) PlayersTarget {
	return PlayersTarget{&kelpiev1.PlayerTarget{Place: &kelpiev1.PlayerTarget_Server{Server: server}}}
}

// PlayersOfProxy is all players of the proxy of this name.
func PlayersOfProxy(proxy string) PlayersTarget {
	return PlayersTarget{&kelpiev1.PlayerTarget{Place: &kelpiev1.PlayerTarget_Proxy{Proxy: proxy}}}
}

// PlayersOnServers is all players on the servers that match.
func PlayersOnServers(selector Selector) PlayersTarget {
	return PlayersTarget{&kelpiev1.PlayerTarget{Place: &kelpiev1.PlayerTarget_Servers{Servers: selector.wire()}}}
}

// Everyone is all players of the network.
func Everyone() PlayersTarget {
	return PlayersTarget{&kelpiev1.PlayerTarget{Place: &kelpiev1.PlayerTarget_Everyone{Everyone: &kelpiev1.Everyone{}}}}
}

// Destination is the place that players are moved to.
type Destination struct {
	wire *kelpiev1.TransferDestination
	err  error
}

// Server is the server of this name.
func Server(name string) Destination {
	to := &kelpiev1.TransferDestination{Place: &kelpiev1.TransferDestination_Server{Server: name}}
	return Destination{to, named("the server", name)}
}

// AnyServer is one of the servers that match, chosen by a strategy; 0: that with the fewest players.
func AnyServer(servers *kelpiev1.ServerSelector, strategy kelpiev1.RoutingStrategy) Destination {
	selection := &kelpiev1.ServerSelection{Servers: servers, Strategy: strategy}
	return Destination{wire: &kelpiev1.TransferDestination{Place: &kelpiev1.TransferDestination_Servers{Servers: selection}}}
}

// ProxyNode is another node that players connect to, by its public address, and the server that they are on then.
// Without a server, the routing rules of that proxy decide.
func ProxyNode(name, server string) Destination {
	return Destination{proxyDestination(name, server), named("the proxy", name)}
}

// AnyProxy is the proxy with a public address that has the fewest players, and is not that of the player.
func AnyProxy(server string) Destination { return Destination{wire: proxyDestination("", server)} }

func proxyDestination(name, server string) *kelpiev1.TransferDestination {
	proxy := &kelpiev1.ProxyDestination{Name: name, Server: server}
	return &kelpiev1.TransferDestination{Place: &kelpiev1.TransferDestination_Proxy{Proxy: proxy}}
}

// Routed is the server that the routing rules give for a fallback with this reason.
func Routed(reason kelpiev1.FallbackReason) Destination {
	routed := &kelpiev1.RoutedDestination{Reason: reason}
	return Destination{wire: &kelpiev1.TransferDestination{Place: &kelpiev1.TransferDestination_Routed{Routed: routed}}}
}

// An empty name, of a variable that is not set, must not stand for any node.
func named(what, name string) error {
	if name == "" {
		return invalid("destination", what+" is empty; it must be the name of a node")
	}
	return nil
}

// Transfer says which players to move, and where to.
type Transfer struct {
	Players PlayersTarget
	To      Destination
	// For the programs of the target: content as in Client.Publish, as bytes or in UTF-8. At most 16 KiB. The target gets
	// it in prepare_arrival, and another proxy in the ticket of the login. nil: none.
	Context any
	// How long each transfer may take: at most 5 min. Default: up to the deadline of ctx, without one 30 s.
	Timeout time.Duration
	// The reservation whose slots the transfers use, one each. It must be on the destination. nil: each transfer holds a
	// slot itself.
	Reservation *Reservation
}

// Arrived is the end of a transfer that brought the player to their goal.
type Arrived struct {
	Player *kelpiev1.PlayerRef
	// The server that the player is on, or the proxy that they came to.
	Target string
}

// Transfer moves players at once, and loops over the progress and the end of each transfer as it comes. The end of the
// loop or of ctx does not end the transfers. The last error of the loop is PLAYER_NOT_FOUND, NO_TARGET, NODE_NOT_FOUND and
// the other reasons of TransferPlayers; UNAVAILABLE if no coordinator is connected; OUTCOME_UNKNOWN if the stream breaks
// before all transfers have ended; RESULTS_UNREAD.
func (c *Client) Transfer(ctx context.Context, transfer Transfer) iter.Seq2[*kelpiev1.TransferUpdate, error] {
	request, err := transfer.wire(ctx)
	if err != nil {
		return failed[*kelpiev1.TransferUpdate](err)
	}
	left := "the transfers"
	updates := newAnswers(c.session, func(answer *kelpiev1.CoordinatorFrame) (*kelpiev1.TransferUpdate, bool, bool) {
		update := answer.GetTransferUpdate()
		if update == nil {
			return nil, false, false
		}
		left = fmt.Sprintf("%d transfers", update.PlayersLeft)
		return update, true, update.Last
	})
	updates.unknown = func() *Error {
		return fail(ReasonOutcomeUnknown, fmt.Sprintf(
			"the stream broke before %s ended; players may still move: look where the players are", left))
	}
	return updates.send(ctx, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_TransferPlayers{TransferPlayers: request}})
}

// Move moves one player, and waits until they have arrived: else it returns why they have not, SERVER_FULL,
// REJECTED_BY_TARGET, TIMED_OUT and the other reasons of TransferUpdate, and those of Transfer.
//
//	_, err := client.Move(ctx, kelpie.Transfer{Players: kelpie.PlayerByName("Steve"), To: kelpie.Server("arena-1")})
func (c *Client) Move(ctx context.Context, transfer Transfer) (Arrived, error) {
	for update, err := range c.Transfer(ctx, transfer) {
		switch {
		case err != nil:
			return Arrived{}, err
		case update.Error != nil:
			return Arrived{}, fromWire(update.Error)
		case update.Stage == kelpiev1.TransferStage_TRANSFER_STAGE_ARRIVED:
			return Arrived{update.Player, update.Target}, nil
		}
	}
	return Arrived{}, fail(ReasonProtocol, "a transfer ended without a result")
}

// A copy. VALUE_INVALID, DEADLINE_INVALID, CONTENT_TOO_DEEP or PAYLOAD_TOO_LARGE.
func (t Transfer) wire(ctx context.Context) (*kelpiev1.TransferPlayersRequest, error) {
	if t.To.err != nil {
		return nil, t.To.err
	}
	timeout, err := timeoutOf(ctx, t.Timeout, defaultTransferTimeout)
	if err != nil {
		return nil, err
	}
	request := &kelpiev1.TransferPlayersRequest{Target: t.Players.wire, Timeout: durationOf(timeout)}
	request.Destination = proto.CloneOf(t.To.wire)
	if t.Context != nil {
		content, err := contentOf(t.Context)
		if err != nil {
			return nil, err
		}
		request.Context = Content{content}.Bytes()
	}
	if len(request.Context) > contextBytes {
		return nil, refuse(ReasonPayloadTooLarge, fmt.Sprintf("the context has %d bytes; the limit is %d", len(request.Context), contextBytes))
	}
	if t.Reservation != nil {
		if t.Reservation.ID == "" {
			return nil, invalid("Reservation", "Reservation has no ID; take the reservation that Reserve returned")
		}
		request.ReservationId = t.Reservation.ID
	}
	return request, nil
}

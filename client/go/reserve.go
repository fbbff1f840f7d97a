package kelpie

import (
	"context"
	"fmt"
	"time"

	"example.com/kelpie/kelpiev1"
)

const (
	shortestReservation = time.Second
	longestReservation  = 10 * time.Minute
	mostSlots           = 1000
)

// SlotRequest selects a node, and the slots to hold on it.
type SlotRequest struct {
	// The proxy or server of this name; or one of the servers that match, chosen by a strategy. Set one of them.
	Node     string
	Servers  *kelpiev1.ServerSelector
	Strategy kelpiev1.RoutingStrategy
	// 1 to 1,000. 0 means 1.
	Slots int
	// The time after which the reservation ends by itself: 1 s to 10 min.
	TTL time.Duration
	// The purpose, for people.
	Purpose string
	// The node with whose presence the reservation ends. Default: this node.
	Owner string
}

// Reservation is slots that are held.
type Reservation struct {
	// The id, by which every node can release the slots.
	ID string
	// The name of the node.
	Node string
}

// Reserve picks a node and holds slots on it, in one step. They count as players until they are released, the TTL has
// passed, or the node or this process is gone. SERVER_FULL, NO_TARGET and the other reasons of ReserveSlots; UNAVAILABLE
// if no coordinator is connected; OUTCOME_UNKNOWN if the stream breaks before the answer: then slots may be held until
// the TTL has passed.
func (c *Client) Reserve(ctx context.Context, request SlotRequest) (*Reservation, error) {
	if err := needsAnswer(ctx, "Reserve"); err != nil {
		return nil, err
	}
	wire, err := request.wire()
	if err != nil {
		return nil, err
	}
	answer, err := c.session.askOnce(ctx, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_ReserveSlots{ReserveSlots: wire}})
	if err != nil {
		return nil, err
	}
	held := answer.GetSlotsReserved()
	if held.GetReservationId() == "" {
		return nil, fail(ReasonProtocol, "the coordinator answered without the reservation")
	}
	return &Reservation{held.ReservationId, held.Node}, nil
}

// Release releases slots of any reservation; 0: all of them. RESERVATION_NOT_FOUND, also if it has ended; OUT_OF_RANGE if
// it holds fewer; and as Reserve.
func (c *Client) Release(ctx context.Context, reservationID string, slots int) error {
	if slots < 0 || slots > mostSlots {
		return outOfRange("slots", fmt.Sprintf("slots is %d; it must be 0 to %d", slots, mostSlots))
	}
	release := &kelpiev1.ReleaseSlotsRequest{ReservationId: reservationID, Slots: uint32(slots)}
	_, err := c.session.askOnce(ctx, &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_ReleaseSlots{ReleaseSlots: release}})
	return err
}

// VALUE_INVALID or OUT_OF_RANGE.
func (r SlotRequest) wire() (*kelpiev1.ReserveSlotsRequest, error) {
	if r.Slots == 0 {
		r.Slots = 1
	}
	switch {
	case (r.Node == "") == (r.Servers == nil):
		return nil, invalid("Node", "set one of Node and Servers")
	case r.Slots < 1 || r.Slots > mostSlots:
		return nil, outOfRange("Slots", fmt.Sprintf("Slots is %d; it must be 1 to %d", r.Slots, mostSlots))
	case r.TTL < shortestReservation || r.TTL > longestReservation:
		return nil, outOfRange("TTL", fmt.Sprintf("TTL is %v; it must be 1 s to 10 min", r.TTL))
	}
	request := &kelpiev1.ReserveSlotsRequest{
		Slots: uint32(r.Slots), Ttl: durationOf(r.TTL), Purpose: r.Purpose, Owner: r.Owner,
		Place: &kelpiev1.ReserveSlotsRequest_Node{Node: r.Node},
	}
	if r.Servers != nil {
		selection := &kelpiev1.ServerSelection{Servers: r.Servers, Strategy: r.Strategy}
		request.Place = &kelpiev1.ReserveSlotsRequest_Servers{Servers: selection}
	}
	return request, checkTexts(r.Node+r.Purpose+r.Owner, nil)
}

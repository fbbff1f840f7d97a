package kelpie

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"example.com/kelpie/kelpiev1"
)

// NodeChange is a change of the facts of this node. A field with its zero value stays as it is.
type NodeChange struct {
	// Labels to set, and names of labels to remove.
	Labels        map[string]string
	RemovedLabels []string
	State         State
	MaxPlayers    *int
	MOTD          *string
	Address       *Address
	PublicAddress *Address
}

// VALUE_INVALID or OUT_OF_RANGE; the coordinator checks the rest.
func (c NodeChange) wire() (*kelpiev1.NodeChange, error) {
	change := &kelpiev1.NodeChange{Labels: maps.Clone(c.Labels), RemovedLabels: slices.Clone(c.RemovedLabels), State: c.State}
	if err := checkTexts("", c.Labels); err != nil {
		return nil, err
	}
	if c.State != 0 && (c.State < Starting || c.State > Maintenance) {
		return nil, outOfRange("State", fmt.Sprintf("%v is no state that a node may set", c.State))
	}
	if c.MaxPlayers != nil {
		if *c.MaxPlayers < 0 || uint64(*c.MaxPlayers) > math.MaxUint32 {
			return nil, outOfRange("MaxPlayers", fmt.Sprintf("MaxPlayers is %d; it must be 0 to 4294967295", *c.MaxPlayers))
		}
		most := uint32(*c.MaxPlayers)
		change.MaxPlayers = &most
	}
	if c.MOTD != nil {
		motd := *c.MOTD
		change.Motd = &motd
	}
	var err error
	if change.Address, err = c.Address.wire("Address"); err != nil {
		return nil, err
	}
	change.PublicAddress, err = c.PublicAddress.wire("PublicAddress")
	return change, err
}

// The Hello of later streams has the change too: a coordinator that lost the node gets all its facts from there.
func changeHello(hello *kelpiev1.Hello, change *kelpiev1.NodeChange) {
	labels := maps.Clone(hello.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, change.Labels)
	for _, name := range change.RemovedLabels {
		delete(labels, name)
	}
	hello.Labels = labels
	if change.State != 0 {
		hello.State = change.State
	}
	if change.MaxPlayers != nil {
		hello.MaxPlayers = change.MaxPlayers
	}
	if change.Motd != nil {
		hello.Motd = *change.Motd
	}
	if change.Address != nil {
		hello.Address = change.Address
	}
	if change.PublicAddress != nil {
		hello.PublicAddress = change.PublicAddress
	}
}

func (a *Address) wire(field string) (*kelpiev1.Address, error) {
	if a == nil {
		return nil, nil
	}
	if a.Port < 1 || a.Port > 65535 {
		return nil, outOfRange(field, fmt.Sprintf("%s.Port is %d; it must be 1 to 65535", field, a.Port))
	}
	if err := checkTexts(a.Host, nil); err != nil {
		return nil, err
	}
	return &kelpiev1.Address{Host: a.Host, Port: uint32(a.Port)}, nil
}

func outOfRange(field, message string) *Error {
	return refuse(ReasonOutOfRange, message, "field", field)
}

// The wire carries UTF-8 alone: VALUE_INVALID.
func checkTexts(text string, texts map[string]string) error {
	for name, value := range texts {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return invalid(name, fmt.Sprintf("%q: %q is not UTF-8", name, value))
		}
	}
	if !utf8.ValidString(text) {
		return invalid("text", fmt.Sprintf("%q is not UTF-8", text))
	}
	return nil
}

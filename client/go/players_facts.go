package kelpie

import (
	"maps"
	"slices"
	"strings"

	"example.com/kelpie/kelpiev1"
)

// PlayerFacts are the facts of a player that a proxy reports. A name is needed, and a XUID or a UUID.
type PlayerFacts struct {
	// The Xbox user id. Empty or "0": the player is not signed in to Xbox Live.
	XUID string
	UUID string
	Name string
	// The server that the player is on. Empty: no server yet, or the server that was reported before.
	Server string
	// The network address of the player, as the proxy sees it.
	Address string
	Device  *kelpiev1.Device
	// The language of the player's client: "en_GB".
	Language        string
	ProtocolVersion uint32
	// Free facts about the player.
	Properties map[string]string
	// Bytes that go with the player from server to server: at most 16 KiB.
	Context []byte
}

// ID is the player's id: the XUID, else the UUID in lower case. Empty if both are missing.
func (f PlayerFacts) ID() string {
	if f.XUID != "" && f.XUID != "0" {
		return f.XUID
	}
	return strings.ToLower(f.UUID)
}

// PlayerFactsChange is a change of a player. A field that is nil stays as it is.
type PlayerFactsChange struct {
	Properties        map[string]string
	RemovedProperties []string
	Context           []byte
	Language          *string
}

// The player in the form of the contract: a copy. PLAYER_INVALID if the id is missing, VALUE_INVALID for a text that is
// not UTF-8. The coordinator checks the rest.
func (f PlayerFacts) wire() (*kelpiev1.Player, error) {
	if f.ID() == "" {
		return nil, playerInvalid("a player needs a XUID or a UUID; both are missing")
	}
	texts := map[string]string{
		"XUID": f.XUID, "UUID": f.UUID, "Name": f.Name, "Server": f.Server, "Address": f.Address, "Language": f.Language,
	}
	player := &kelpiev1.Player{
		Id: f.ID(), Xuid: f.XUID, Uuid: f.UUID, Name: f.Name, Server: strings.ToLower(f.Server), Address: f.Address,
		Language: f.Language, ProtocolVersion: f.ProtocolVersion, Properties: maps.Clone(f.Properties),
		Context: slices.Clone(f.Context),
	}
	if d := f.Device; d != nil {
		texts["Device.Os"], texts["Device.Model"], texts["Device.Input"] = d.Os, d.Model, d.Input
		player.Device = &kelpiev1.Device{Os: d.Os, Model: d.Model, Input: d.Input}
	}
	if err := checkTexts("", f.Properties); err != nil {
		return nil, err
	}
	return player, checkTexts("", texts)
}

// The change in the form of the contract: a copy. VALUE_INVALID.
func (c PlayerFactsChange) wire() (*kelpiev1.PlayerChange, error) {
	change := &kelpiev1.PlayerChange{
		Properties: maps.Clone(c.Properties), RemovedProperties: slices.Clone(c.RemovedProperties),
	}
	if c.Context != nil {
		change.Context = append([]byte{}, c.Context...)
	}
	if c.Language != nil {
		language := *c.Language
		change.Language = &language
	}
	for _, name := range c.RemovedProperties {
		if err := checkTexts(name, nil); err != nil {
			return nil, err
		}
	}
	return change, checkTexts(change.GetLanguage(), c.Properties)
}

func playerInvalid(message string) *Error { return refuse(ReasonPlayerInvalid, message) }

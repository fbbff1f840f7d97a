package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

type playersOptions struct {
	WhenAway         string  `json:"whenAway"`
	AcquireTimeoutMs float64 `json:"acquireTimeoutMs"`
	Verify           *struct {
		Connected bool    `json:"connected"`
		SilenceMs float64 `json:"silenceMs"`
	} `json:"verify"`
}

type facts struct {
	ID         string            `json:"id"`
	XUID       string            `json:"xuid"`
	UUID       string            `json:"uuid"`
	Name       string            `json:"name"`
	Properties map[string]string `json:"properties"`
}

type login struct {
	Player facts  `json:"player"`
	Policy string `json:"policy"`
}

type picking struct {
	Player     facts  `json:"player"`
	Occasion   string `json:"occasion"`
	From       string `json:"from"`
	Reason     string `json:"reason"`
	Host       string `json:"host"`
	LastServer string `json:"lastServer"`
}

func (s *session) addPlayers(options *kelpie.Options, raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	var given playersOptions
	if err := json.Unmarshal(raw, &given); err != nil {
		return err
	}
	players := &kelpie.PlayersOptions{AcquireTimeout: millis(given.AcquireTimeoutMs), OnEvicted: s.evicted}
	if given.WhenAway == "deny" {
		players.WhenAway = kelpie.AwayDeny
	}
	if verify := given.Verify; verify != nil {
		players.Verify = func(_ context.Context, id string) (kelpie.Verified, error) {
			s.see(map[string]any{"saw": "verify", "id": id})
			return kelpie.Verified{Connected: verify.Connected, Silence: millis(verify.SilenceMs)}, nil
		}
	}
	options.Players = players
	return nil
}

func (s *session) evicted(evicted kelpie.Evicted) {
	reason := strings.TrimPrefix(evicted.Reason.String(), "PLAYER_LEAVE_REASON_")
	s.see(map[string]any{"saw": "evicted", "id": evicted.ID, "text": evicted.Text, "reason": reason})
}

// The facts of a player, whose id the driver keeps: the client has a look-up of its players, and no list.
func (s *session) named(given facts) kelpie.PlayerFacts {
	player := kelpie.PlayerFacts{XUID: given.XUID, UUID: given.UUID, Name: given.Name, Properties: given.Properties}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.players, player.ID()) {
		s.players = append(s.players, player.ID())
	}
	return player
}

func (s *session) acquire(given login) (map[string]any, error) {
	policy := kelpie.Policy(kelpiev1.DuplicatePolicy_value["DUPLICATE_POLICY_"+given.Policy])
	acquired, err := s.client.Players().Acquire(s.ctx, s.named(given.Player), policy)
	if err != nil {
		return nil, err
	}
	line := map[string]any{"granted": acquired.Granted}
	if acquired.Granted {
		line["generation"] = acquired.Generation
		if ticket := acquired.Ticket; ticket != nil {
			line["ticket"] = map[string]any{"server": ticket.Server, "transferId": ticket.TransferId, "fromServer": ticket.FromServer}
		}
		return line, nil
	}
	line["text"] = acquired.Text
	if acquired.Reason != 0 {
		line["reason"] = strings.TrimPrefix(acquired.Reason.String(), "PLAYER_DENIAL_REASON_")
	}
	if acquired.Proxy != "" {
		line["proxy"] = acquired.Proxy
	}
	return line, nil
}

func (s *session) left(given moved) error {
	if given.Reason == "KICKED" {
		return s.client.Players().Kicked(s.ctx, given.Player)
	}
	return s.client.Players().Left(s.ctx, given.Player)
}

func (s *session) ownPlayers() (map[string]any, error) {
	s.mu.Lock()
	named := slices.Clone(s.players)
	s.mu.Unlock()
	here := []string{}
	for _, id := range named {
		if _, is := s.client.Players().Get(id); is {
			here = append(here, id)
		}
	}
	slices.Sort(here)
	return map[string]any{"players": here}, nil
}

func (s *session) roster() (map[string]any, error) {
	nodes, players := []map[string]any{}, []map[string]any{}
	for _, node := range s.client.Roster().Nodes() {
		labels := node.Labels
		if labels == nil {
			labels = map[string]string{}
		}
		nodes = append(nodes, map[string]any{
			"name": node.Name, "role": strings.TrimPrefix(node.Role.String(), "NODE_ROLE_"),
			"state": strings.TrimPrefix(node.State.String(), "NODE_STATE_"), "labels": labels,
		})
	}
	all, err := s.client.Roster().Players()
	if err != nil && !errors.Is(err, kelpie.ReasonRosterWithoutPlayers) {
		return nil, err
	}
	for _, player := range all {
		players = append(players, map[string]any{
			"id": player.Id, "name": player.Name, "proxy": player.Proxy, "server": player.Server,
		})
	}
	sortBy(nodes, "name")
	sortBy(players, "id")
	return map[string]any{"nodes": nodes, "players": players}, nil
}

func sortBy(lines []map[string]any, field string) {
	slices.SortFunc(lines, func(a, b map[string]any) int { return strings.Compare(a[field].(string), b[field].(string)) })
}

func (s *session) pick(given picking) (map[string]any, error) {
	occasion := kelpie.Join
	if given.Occasion == "FALLBACK" {
		occasion = kelpie.Fallback
	}
	player := given.Player
	picked, err := s.client.Roster().Pick(kelpie.PickOptions{
		For: occasion, Host: given.Host, FromServer: given.From, LastServer: given.LastServer,
		Reason: kelpiev1.FallbackReason(kelpiev1.FallbackReason_value["FALLBACK_REASON_"+given.Reason]),
		Player: kelpie.PickPlayer{ID: player.ID, XUID: player.XUID, UUID: player.UUID, Name: player.Name, Properties: player.Properties},
	})
	if err != nil || picked == nil {
		return nil, err
	}
	return map[string]any{"server": picked.Server}, nil
}

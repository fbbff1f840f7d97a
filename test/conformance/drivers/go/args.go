package main

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

// Content in the fields of a request.
type content struct {
	Text   *string         `json:"text"`
	JSON   json.RawMessage `json:"json"`
	Base64 string          `json:"base64"`
}

func (c content) value() any {
	if c.Text != nil {
		return *c.Text
	}
	if c.JSON != nil {
		var value any
		_ = json.Unmarshal(c.JSON, &value)
		return value
	}
	bytes, _ := base64.StdEncoding.DecodeString(c.Base64)
	return bytes
}

// Content as fields of an observation.
func contentInto(line map[string]any, content kelpie.Content) map[string]any {
	switch value := content.Value().(type) {
	case nil:
	case string:
		line["text"] = value
	case []byte:
		line["base64"] = base64.StdEncoding.EncodeToString(value)
	default:
		line["json"] = value
	}
	return line
}

type connecting struct {
	Options   options      `json:"options"`
	Subscribe []subscribed `json:"subscribe"`
	Handle    []handled    `json:"handle"`
}

type subscribed struct {
	Topic        string `json:"topic"`
	Subscription string `json:"subscription"`
	Behaviour    string `json:"behaviour"`
}

type handled struct {
	Command   string `json:"command"`
	Behaviour string `json:"behaviour"`
	Message   string `json:"message"`
	content
}

type published struct {
	Topic      string            `json:"topic"`
	Type       string            `json:"type"`
	Attributes map[string]string `json:"attributes"`
	Origin     string            `json:"origin"`
	Count      int               `json:"count"`
	Bytes      int               `json:"bytes"`
	content
}

// The answer to a command that a handler holds.
type answered struct {
	Number int     `json:"number"`
	Fail   *string `json:"fail"`
	content
}

type issued struct {
	Target target `json:"target"`
	Custom *struct {
		Name    string  `json:"name"`
		Content content `json:"content"`
	} `json:"custom"`
	RunConsoleCommand *struct {
		Line string `json:"line"`
	} `json:"runConsoleCommand"`
	TimeoutMs float64 `json:"timeoutMs"`
	// Of cancel.
	Request int `json:"request"`
}

type updated struct {
	Labels       map[string]string `json:"labels"`
	RemoveLabels []string          `json:"removeLabels"`
	State        string            `json:"state"`
	MaxPlayers   *int              `json:"maxPlayers"`
}

type place struct {
	Bucket   string  `json:"bucket"`
	Key      string  `json:"key"`
	Sequence *uint64 `json:"sequence"`
	content
}

type moved struct {
	Player    string  `json:"player"`
	Server    string  `json:"server"`
	Language  string  `json:"language"`
	TimeoutMs float64 `json:"timeoutMs"`
	Reason    string  `json:"reason"`
}

type selector struct {
	Roles  []string          `json:"roles"`
	States []string          `json:"states"`
	Labels map[string]string `json:"labels"`
}

type target struct {
	Node         *string   `json:"node"`
	Nodes        []string  `json:"nodes"`
	Every        *selector `json:"every"`
	Any          *selector `json:"any"`
	PlayerProxy  *named    `json:"playerProxy"`
	PlayerServer *named    `json:"playerServer"`
}

type named struct {
	ID string `json:"id"`
}

type options struct {
	Name             string            `json:"name"`
	Role             string            `json:"role"`
	Endpoints        []string          `json:"endpoints"`
	Address          *kelpie.Address   `json:"address"`
	PublicAddress    *kelpie.Address   `json:"publicAddress"`
	Labels           map[string]string `json:"labels"`
	MaxPlayers       int               `json:"maxPlayers"`
	MOTD             string            `json:"motd"`
	State            string            `json:"state"`
	Start            json.RawMessage   `json:"start"`
	ExcludeOwn       bool              `json:"excludeOwn"`
	HandlerTimeoutMs float64           `json:"handlerTimeoutMs"`
	CursorFile       string            `json:"cursorFile"`
	RosterFile       string            `json:"rosterFile"`
	Roster           struct {
		Players bool `json:"players"`
	} `json:"roster"`
	Load *struct {
		TPS             *float64 `json:"tps"`
		MemoryUsedBytes *uint64  `json:"memoryUsedBytes"`
	} `json:"load"`
	Players   json.RawMessage `json:"players"`
	Token     string          `json:"token"`
	TokenFile string          `json:"tokenFile"`
	JoinToken string          `json:"joinToken"`
	CA        string          `json:"ca"`
	Cert      string          `json:"cert"`
	Key       string          `json:"key"`
	TLS       bool            `json:"tls"`
	Insecure  bool            `json:"insecure"`
	Network   string          `json:"network"`
}

func (o options) kelpie() kelpie.Options {
	given := kelpie.Options{
		Name: o.Name, Role: kelpie.Role(kelpiev1.NodeRole_value["NODE_ROLE_"+o.Role]), Endpoints: o.Endpoints,
		Address: o.Address, PublicAddress: o.PublicAddress, Labels: o.Labels, MaxPlayers: o.MaxPlayers, MOTD: o.MOTD,
		State: stateOf(o.State), Start: o.start(), ExcludeOwn: o.ExcludeOwn,
		HandlerTimeout: millis(o.HandlerTimeoutMs), CursorFile: o.CursorFile, RosterFile: o.RosterFile,
		Roster: kelpie.RosterOptions{Players: o.Roster.Players},
		Token:  o.Token, TokenFile: o.TokenFile, JoinToken: o.JoinToken, CA: o.CA, Cert: o.Cert, Key: o.Key, TLS: o.TLS,
		Insecure: o.Insecure, Network: o.Network,
	}
	if o.Load != nil {
		load := kelpie.Load{TPS: o.Load.TPS, MemoryUsed: o.Load.MemoryUsedBytes}
		given.Load = func() kelpie.Load { return load }
	}
	return given
}

func (o options) start() kelpie.Start {
	var name string
	if json.Unmarshal(o.Start, &name) == nil {
		return map[string]kelpie.Start{
			"SNAPSHOT": kelpie.FromSnapshot, "EARLIEST": kelpie.FromEarliest, "LATEST": kelpie.FromLatest,
		}[name]
	}
	var since struct {
		SinceMs float64 `json:"sinceMs"`
	}
	if json.Unmarshal(o.Start, &since) == nil {
		return kelpie.FromSince(millis(since.SinceMs))
	}
	return kelpie.Start{}
}

func stateOf(name string) kelpie.State {
	return kelpie.State(kelpiev1.NodeState_value["NODE_STATE_"+name])
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func (t target) kelpie() kelpie.Target {
	switch {
	case t.Node != nil:
		return kelpie.ToNode(*t.Node)
	case t.Nodes != nil:
		return kelpie.ToNodes(t.Nodes...)
	case t.Any != nil:
		return kelpie.ToAny(t.Any.kelpie())
	case t.PlayerProxy != nil:
		return kelpie.ToProxyOf(t.PlayerProxy.ID)
	case t.PlayerServer != nil:
		return kelpie.ToServerOf(t.PlayerServer.ID)
	case t.Every != nil:
		return kelpie.ToEvery(t.Every.kelpie())
	}
	return kelpie.Target{}
}

func (s selector) kelpie() kelpie.Selector {
	selector := kelpie.Selector{Labels: s.Labels}
	for _, role := range s.Roles {
		selector.Roles = append(selector.Roles, kelpie.Role(kelpiev1.NodeRole_value["NODE_ROLE_"+role]))
	}
	for _, state := range s.States {
		selector.States = append(selector.States, kelpie.State(kelpiev1.NodeState_value["NODE_STATE_"+state]))
	}
	return selector
}

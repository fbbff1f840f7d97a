package routing

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	v1 "example.com/kelpie/kelpiev1"
)

// There are at least so many: a loader that finds none would prove nothing.
const leastScenarios = 100

type scenario struct {
	Name    string
	Request json.RawMessage
	Servers []struct {
		Node    json.RawMessage
		Players int
	}
	Random   uint32
	Turn     uint64
	Response struct {
		Server, Rule string
		LastResort   bool `json:"last_resort"`
	}
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("../../../../test/contract/routing/*.json")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list struct{ Scenarios []scenario }
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(file, err)
		}
		for _, one := range list.Scenarios {
			count++
			t.Run(one.Name, one.check)
		}
	}
	if count < leastScenarios {
		t.Fatalf("%d scenarios were found; there are at least %d", count, leastScenarios)
	}
}

func (s scenario) check(t *testing.T) {
	var request v1.ExplainRoutingRequest
	if err := protojson.Unmarshal(s.Request, &request); err != nil {
		t.Fatal(err)
	}
	var servers []*Candidate
	for _, one := range s.Servers {
		var node v1.Node
		if err := protojson.Unmarshal(one.Node, &node); err != nil {
			t.Fatal(err)
		}
		servers = append(servers, &Candidate{
			Name: node.Name, Labels: node.Labels, State: node.State, LastState: node.LastState, Drained: node.Drained,
			MaxPlayers: node.MaxPlayers, Used: one.Players + int(node.ReservedSlots),
		})
	}
	for range 2 {
		picked, _ := New(request.Table, servers).Pick(Need{
			Occasion: request.Occasion, Reason: request.Reason, Host: request.Host,
			Properties: request.PlayerProperties, From: strings.ToLower(request.FromServer), LastServer: strings.ToLower(request.LastServer),
			Random: s.Random, Turns: func(string) uint64 { return s.Turn },
		})
		if want := (Picked{s.Response.Server, s.Response.Rule, s.Response.LastResort}); picked != want {
			t.Fatalf("picked %+v, want %+v", picked, want)
		}
		// The order of the servers does not matter.
		slices.Reverse(servers)
	}
}

package kelpie

import (
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/internal/roster"
	"example.com/kelpie/kelpiev1"
)

// RosterOptions say what the roster has beside the nodes, the routing rules and the settings.
type RosterOptions struct {
	// The online players of the network too. Roster.Pick needs them.
	Players bool
}

// rosterTable is the rows of the roster: it takes a Snapshot and the events after it. The lock of the session guards all
// fields.
type rosterTable struct {
	session *session
	nodes   *roster.Rows[*kelpiev1.Node]
	// Loads by node name, only of nodes that have a row.
	loads map[string]*kelpiev1.NodeLoad
	// nil: the options do not ask for players.
	players  *roster.Players
	routing  *rosterRouting
	settings *roster.Rows[*kelpiev1.NetworkSettings]
	// Rows of an older history, or of a file, are stale. The next complete Snapshot starts their grace time.
	hasStale bool
	sweep    func()
	// A first Snapshot was complete; loaded is closed then.
	isLoaded bool
	loaded   chan struct{}
}

// OUT_OF_RANGE for a roster of players that would not see its own players leave.
func newRosterTable(s *session, options Options) (*rosterTable, error) {
	if options.Roster.Players && options.ExcludeOwn {
		return nil, outOfRange("ExcludeOwn", "with ExcludeOwn the roster would not see the own players of this node leave; "+
			"use ExcludeOwn or Roster.Players, not both")
	}
	r := &rosterTable{
		session: s, loads: map[string]*kelpiev1.NodeLoad{},
		sweep: func() {}, loaded: make(chan struct{}),
	}
	if options.Roster.Players {
		r.players = roster.NewPlayers(func(before, after *kelpiev1.Player) {
			r.routing.playerChanged(before, after)
			r.changed()
		})
	}
	r.routing = newRosterRouting(r.players, time.Now, r.changed)
	r.settings = roster.NewRows(func(*kelpiev1.NetworkSettings) string { return "settings" },
		func(_, _ **kelpiev1.NetworkSettings) { r.changed() })
	r.nodes = roster.NewRows((*kelpiev1.Node).GetName, func(before, after **kelpiev1.Node) {
		if before != nil && after == nil {
			delete(r.loads, (*before).Name)
		}
		r.routing.nodeChanged(before, after)
		r.changed()
	})
	return r, nil
}

func (r *rosterTable) view() *Roster { return &Roster{r} }

// The patterns that the roster reads.
func (r *rosterTable) topics() []string {
	topics := []string{"nodes.*", "routing", "kelpie.settings"}
	if r.players != nil {
		topics = append(topics, "players.*")
	}
	return topics
}

// Whether a first Snapshot of the topics was complete.
func (r *rosterTable) complete() bool { return r.isLoaded }

// This process has the player on this server now. Empty: on none.
func (r *rosterTable) own(id, server string) {
	if r.players != nil {
		r.routing.picks.Own(id, server)
	}
}

// The player left this process.
func (r *rosterTable) disown(id string) {
	if r.players != nil {
		r.routing.picks.Disown(id)
	}
}

// A kind of rows, without their type.
type rowKind interface {
	Begin()
	Complete()
	Outdate(stale bool)
	DropStale()
}

func (r *rosterTable) kinds() []rowKind {
	all := []rowKind{r.nodes, r.routing.rows, r.settings}
	if r.players != nil {
		all = append(all, r.players.Rows)
	}
	return all
}

// Takes a part of a Snapshot that answers the topics of the roster.
func (r *rosterTable) applySnapshot(part *kelpiev1.Snapshot) {
	if part.Cursor != nil {
		for _, kind := range r.kinds() {
			kind.Begin()
		}
	}
	for _, row := range part.Rows {
		r.takeRow(row)
	}
	if part.Complete {
		r.finish()
	}
}

// Unconfirmed rows of another history stay for one grace.
func (r *rosterTable) finish() {
	for _, kind := range r.kinds() {
		kind.Complete()
	}
	if r.hasStale {
		r.sweep = r.session.after(r.session.grace(), r.dropStale)
	}
	r.hasStale = false
	if !r.isLoaded {
		r.isLoaded = true
		close(r.loaded)
	}
}

func (r *rosterTable) dropStale() {
	for _, kind := range r.kinds() {
		kind.DropStale()
	}
}

func (r *rosterTable) applyLoads(frame *kelpiev1.NodeLoads) {
	for _, one := range frame.Loads {
		if _, known := r.nodes.Get(one.Name); known && one.Load != nil {
			r.loads[one.Name] = one.Load
		}
		// Also of a node whose row has not come yet: the coordinator does not repeat the number.
		if one.ReservedSlots != nil {
			r.routing.servers.Reserve(one.Name, int(*one.ReservedSlots))
		}
	}
}

func (r *rosterTable) applyGap(gap *kelpiev1.Gap) {
	if gap.Reason == kelpiev1.GapReason_GAP_REASON_TRIMMED {
		return
	}
	isNewHistory := gap.Reason == kelpiev1.GapReason_GAP_REASON_EPOCH_CHANGED
	for _, kind := range r.kinds() {
		kind.Outdate(isNewHistory)
	}
	if !isNewHistory {
		return
	}
	r.routing.servers.ReleaseAll()
	// Stale rows stay at least until the Snapshot of the new history is complete.
	r.sweep()
	r.hasStale = true
}

// The roster has changed: its file, if there is one, is written soon.
func (r *rosterTable) changed() { r.session.reading.saved.rosterChanged(r.save) }

// The roster as bytes, for a file. It takes the lock, but not for the encoding.
func (r *rosterTable) save() []byte {
	bytes, err := proto.Marshal(r.snapshot())
	if err != nil {
		return nil // Every row came from the wire, so it can go there.
	}
	return bytes
}

func (r *rosterTable) snapshot() *kelpiev1.Snapshot {
	r.session.mu.Lock()
	defer r.session.mu.Unlock()
	snapshot := &kelpiev1.Snapshot{Topics: r.topics(), Complete: true}
	add := func(row *kelpiev1.Row, sequence uint64) {
		row.Sequence = sequence
		snapshot.Rows = append(snapshot.Rows, row)
	}
	for node, sequence := range r.nodes.Sequences() {
		add(&kelpiev1.Row{Resource: &kelpiev1.Row_Node{Node: node}}, sequence)
	}
	if r.players != nil {
		for player, sequence := range r.players.Sequences() {
			add(&kelpiev1.Row{Resource: &kelpiev1.Row_Player{Player: player}}, sequence)
		}
	}
	for table, sequence := range r.routing.rows.Sequences() {
		add(&kelpiev1.Row{Resource: &kelpiev1.Row_Routing{Routing: table}}, sequence)
	}
	for settings, sequence := range r.settings.Sequences() {
		add(&kelpiev1.Row{Resource: &kelpiev1.Row_Settings{Settings: settings}}, sequence)
	}
	return snapshot
}

// Takes the rows of a file. They answer until the first Snapshot; rows that it does not confirm stay for a grace more.
func (r *rosterTable) restore(bytes []byte) error {
	var snapshot kelpiev1.Snapshot
	if err := proto.Unmarshal(bytes, &snapshot); err != nil {
		return err
	}
	// A file that is cut off has no such mark, as it is the last field of the encoding.
	if !snapshot.Complete {
		return errors.New("its end is missing")
	}
	for _, row := range snapshot.Rows {
		switch resource := row.Resource.(type) {
		case *kelpiev1.Row_Node:
			r.nodes.Restore(resource.Node)
		case *kelpiev1.Row_Player:
			if r.players != nil {
				r.players.Restore(resource.Player)
			}
		case *kelpiev1.Row_Routing:
			r.routing.rows.Restore(resource.Routing)
		case *kelpiev1.Row_Settings:
			r.settings.Restore(resource.Settings)
		}
	}
	r.hasStale = true
	return nil
}

func (r *rosterTable) close() { r.sweep() }

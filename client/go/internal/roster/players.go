package roster

import (
	"slices"
	"strings"

	v1 "example.com/kelpie/kelpiev1"
)

// Players are the online players of a roster, found and counted from memory.
type Players struct {
	*Rows[*v1.Player]
	onProxy, onServer, byName, byUUID index
}

// NewPlayers makes an empty list. onChange is called with each player who changes, before and after the change.
func NewPlayers(onChange func(before, after *v1.Player)) *Players {
	p := &Players{onProxy: index{}, onServer: index{}, byName: index{}, byUUID: index{}}
	p.Rows = NewRows((*v1.Player).GetId, func(before, after **v1.Player) {
		var was, is *v1.Player
		if before != nil {
			was = *before
			p.file(index.remove, was)
		}
		if after != nil {
			is = *after
			p.file(index.add, is)
		}
		onChange(was, is)
	})
	return p
}

func (p *Players) file(how func(index, string, string), player *v1.Player) {
	how(p.onProxy, player.Proxy, player.Id)
	how(p.onServer, player.Server, player.Id)
	how(p.byName, Folded(player.Name), player.Id)
	how(p.byUUID, player.Uuid, player.Id)
}

// ByUUID returns the players of a UUID, in any case.
func (p *Players) ByUUID(uuid string) []*v1.Player { return p.of(p.byUUID[strings.ToLower(uuid)]) }

// ByName returns the players whom the name may mean: the one with exactly this name, else all who have it in any case.
func (p *Players) ByName(name string) []*v1.Player {
	found := p.of(p.byName[Folded(name)])
	exact := slices.DeleteFunc(slices.Clone(found), func(one *v1.Player) bool { return one.Name != name })
	if len(exact) > 0 {
		return exact
	}
	return found
}

func (p *Players) of(ids map[string]bool) []*v1.Player {
	var found []*v1.Player
	for id := range ids {
		if player, ok := p.Get(id); ok {
			found = append(found, player)
		}
	}
	slices.SortFunc(found, func(a, b *v1.Player) int { return strings.Compare(a.Id, b.Id) })
	return found
}

// OnServer is the number of players on the server of this name, in lower case.
func (p *Players) OnServer(name string) int { return len(p.onServer[name]) }

// OnProxy is the number of players on the proxy of this name, in lower case.
func (p *Players) OnProxy(name string) int { return len(p.onProxy[name]) }

// OnBoth is the number of players on the server and the proxy of these names, in lower case.
func (p *Players) OnBoth(server, proxy string) int {
	count := 0
	for id := range p.onServer[server] {
		if p.onProxy[proxy][id] {
			count++
		}
	}
	return count
}

// index has the ids of players by a common key: a server, a proxy, a name or a UUID.
type index map[string]map[string]bool

func (i index) add(key, id string) {
	if i[key] == nil {
		i[key] = map[string]bool{}
	}
	i[key][id] = true
}

func (i index) remove(key, id string) {
	delete(i[key], id)
	if len(i[key]) == 0 {
		delete(i, key)
	}
}

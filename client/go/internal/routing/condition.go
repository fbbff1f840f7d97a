package routing

import (
	"slices"
	"strings"

	v1 "example.com/kelpie/kelpiev1"
)

// testsOf returns the parts of a condition. A part that is empty always holds, and has no test.
func testsOf(when *v1.RoutingCondition) []test {
	var tests []test
	if occasions := when.GetOccasions(); len(occasions) > 0 {
		tests = append(tests, func(need *Need, _ *Candidate) bool {
			return slices.Contains(occasions, need.Occasion)
		})
	}
	if reasons := when.GetFallbackReasons(); len(reasons) > 0 {
		tests = append(tests, func(need *Need, _ *Candidate) bool {
			isFallback := need.Occasion == v1.RoutingOccasion_ROUTING_OCCASION_FALLBACK
			return isFallback && slices.Contains(reasons, need.Reason)
		})
	}
	if hosts := when.GetHosts(); len(hosts) > 0 {
		tests = append(tests, func(need *Need, _ *Candidate) bool {
			host := strings.ToLower(need.Host)
			return slices.ContainsFunc(hosts, func(one string) bool { return isHost(strings.ToLower(one), host) })
		})
	}
	if wanted := when.GetPlayerProperties(); len(wanted) > 0 {
		tests = append(tests, func(need *Need, _ *Candidate) bool { return hasAll(need.Properties, wanted) })
	}
	if selector := when.GetFrom(); selector != nil {
		tests = append(tests, func(_ *Need, from *Candidate) bool { return from != nil && isIn(selector, from) })
	}
	return tests
}

func isHost(wanted, host string) bool {
	if suffix, isWildcard := strings.CutPrefix(wanted, "*"); isWildcard && strings.HasPrefix(suffix, ".") {
		return host == wanted || strings.HasSuffix(host, suffix)
	}
	return host == wanted
}

func isIn(selector *v1.ServerSelector, server *Candidate) bool {
	names := selector.GetNames()
	isNamed := len(names) == 0 || slices.ContainsFunc(names, func(name string) bool {
		return strings.ToLower(name) == server.Name
	})
	return isNamed && hasAll(server.Labels, selector.GetLabels())
}

func hasAll(texts, wanted map[string]string) bool {
	for name, value := range wanted {
		if found, ok := texts[name]; !ok || found != value {
			return false
		}
	}
	return true
}

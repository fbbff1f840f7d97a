package kelpie

import (
	crand "crypto/rand"
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.com/kelpie/kelpiev1"
)

// Version is the version of this client.
const Version = "0.1.0"

// The address on which kelpied listens by default.
const defaultEndpoint = "127.0.0.1:50051"

const (
	defaultHandlerTimeout = 10 * time.Second
	longestHandling       = 24 * time.Hour
)

var endpointForm = regexp.MustCompile(`^(?:\[[^\]]+\]|[^:\s]+):(\d{1,5})$`)

// Sets the defaults. VALUE_INVALID or OUT_OF_RANGE; the coordinator checks its own limits.
func (o *Options) check() error {
	if o.Name == "" {
		return invalid("Name", "Name is empty; it must be the name of the node")
	}
	switch o.Role {
	case Proxy, Downstream, Service:
	default:
		return invalid("Role", "Role is not set; it must be Proxy, Downstream or Service")
	}
	if o.State == 0 {
		o.State = Ready
	}
	if o.State < Starting || o.State > Maintenance {
		return outOfRange("State", fmt.Sprintf("%v is no state that a node may set", o.State))
	}
	if o.MaxPlayers < 0 || uint64(o.MaxPlayers) > math.MaxUint32 {
		return outOfRange("MaxPlayers", fmt.Sprintf("MaxPlayers is %d; it must be 0 to 4294967295", o.MaxPlayers))
	}
	if o.HandlerTimeout == 0 {
		o.HandlerTimeout = defaultHandlerTimeout
	}
	if o.HandlerTimeout < 0 || o.HandlerTimeout > longestHandling {
		return outOfRange("HandlerTimeout", fmt.Sprintf("HandlerTimeout is %v; it must be at most a day", o.HandlerTimeout))
	}
	if err := checkTexts(o.Name+o.MOTD+o.Software+o.Version, o.Labels); err != nil {
		return err
	}
	for field, address := range map[string]*Address{"Address": o.Address, "PublicAddress": o.PublicAddress} {
		if _, err := address.wire(field); err != nil {
			return err
		}
	}
	if o.Network == "" {
		o.Network = os.Getenv("KELPIE_NETWORK")
	}
	return nil
}

// The Hello of this process, without the fields that each stream adds.
func (o *Options) hello() *kelpiev1.Hello {
	instance := make([]byte, 16)
	_, _ = crand.Read(instance) // It never fails.
	hello := &kelpiev1.Hello{
		Name:       o.Name,
		Role:       o.Role,
		InstanceId: instance,
		Labels:     maps.Clone(o.Labels),
		Motd:       o.MOTD,
		Software:   o.Software,
		Version:    o.Version,
		Sdk:        "kelpie-go/" + Version,
		ExcludeOwn: o.ExcludeOwn,
		State:      o.State,
		Features:   []string{featureMayStay},
	}
	hello.Address, _ = o.Address.wire("Address")
	hello.PublicAddress, _ = o.PublicAddress.wire("PublicAddress")
	if o.MaxPlayers > 0 {
		most := uint32(o.MaxPlayers)
		hello.MaxPlayers = &most
	}
	return hello
}

// The ways to the coordinators. OUT_OF_RANGE, VALUE_INVALID or FILE_INVALID.
func (o *Options) routes() ([]*route, error) {
	endpoints, err := endpointsOf(o.Endpoints)
	if err != nil {
		return nil, err
	}
	tokens, err := newTokens(o)
	if err != nil {
		return nil, err
	}
	protection, err := newProtection(o)
	if err != nil {
		return nil, err
	}
	var routes []*route
	for _, endpoint := range endpoints {
		routes = append(routes, &route{endpoint: endpoint, network: o.Network, tokens: tokens, protection: protection})
	}
	return routes, nil
}

// The endpoints of the option, else those of the environment, else the default.
func endpointsOf(given []string) ([]string, error) {
	if len(given) == 0 {
		given = []string{defaultEndpoint}
		if set := os.Getenv("KELPIE_ENDPOINTS"); set != "" {
			given = strings.Split(set, ",")
		}
	}
	var endpoints []string
	for _, one := range given {
		one = strings.TrimSpace(one)
		parts := endpointForm.FindStringSubmatch(one)
		if parts == nil {
			return nil, noEndpoint(one)
		}
		if port, _ := strconv.Atoi(parts[1]); port < 1 || port > 65535 {
			return nil, noEndpoint(one)
		}
		endpoints = append(endpoints, one)
	}
	return endpoints, nil
}

func noEndpoint(text string) error {
	return outOfRange("Endpoints", fmt.Sprintf("%q is no endpoint; an endpoint is host:port, as in %s", text, defaultEndpoint))
}

package kelpie

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

// The limits of a Hello before the first Welcome. A coordinator compares a pattern with wildcards and more tokens than
// shortTokens one by one.
const (
	helloPatterns     = 1000
	helloLongPatterns = 64
	helloPatternBytes = 64 * 1024
	helloBytes        = 64 * 1024
	shortTokens       = 4
	// Room for the start of reading, which each stream fills in.
	startBytes = 64
)

// PATTERN_LIMIT or HELLO_TOO_LARGE if one more pattern has no room in the next Hello: a coordinator refuses a node
// whose Hello is above the limits.
func (s *session) checkTopicRoom(pattern string) error {
	topics := s.reading.subscriptions.patterns()
	if strings.HasPrefix(pattern, "inbox.") || slices.Contains(topics, pattern) {
		return nil
	}
	return s.checkRoom(append(topics, pattern), s.handlers.names())
}

func (s *session) checkRoom(topics, commands []string) error {
	limits := s.welcome.GetLimits()
	if err := checkPatterns(topics, limits); err != nil {
		return err
	}
	most := int(limitOr(limits, limits.GetHelloBytes(), helloBytes))
	hello := proto.Clone(s.facts).(*kelpiev1.Hello)
	hello.Topics, hello.Commands = topics, commands
	if all := proto.Size(hello) + startBytes; all > most {
		return refuse(ReasonHelloTooLarge, fmt.Sprintf("the patterns, commands and labels of a node may take %d bytes "+
			"together; with this one they take %d", most, all), "limit", strconv.Itoa(most))
	}
	return nil
}

func checkPatterns(topics []string, limits *kelpiev1.Limits) error {
	most := limitOr(limits, limits.GetPatterns(), helloPatterns)
	if len(topics) > int(most) {
		return patternLimit(most, "a node reads at most %d patterns, with those of its roster; use wildcards")
	}
	long, bytes := 0, 0
	for _, topic := range topics {
		bytes += len(topic)
		if strings.ContainsAny(topic, "*>") && strings.Count(topic, ".") >= shortTokens {
			long++
		}
	}
	if most = limitOr(limits, limits.GetLongPatterns(), helloLongPatterns); long > int(most) {
		return patternLimit(most, "a node reads at most %d patterns with wildcards and more than 4 tokens")
	}
	if most = limitOr(limits, limits.GetPatternBytes(), helloPatternBytes); bytes > int(most) {
		return patternLimit(most, "the patterns of a node may take %d bytes together")
	}
	return nil
}

// A limit of the coordinator, where 0 means that it has no such limit; before its Welcome another one.
func limitOr(limits *kelpiev1.Limits, given, other uint32) uint32 {
	switch {
	case limits == nil:
		return other
	case given == 0:
		return math.MaxInt32
	}
	return given
}

func patternLimit(most uint32, message string) error {
	return refuse(ReasonPatternLimit, fmt.Sprintf(message, most), "limit", strconv.Itoa(int(most)))
}

package kelpie

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The most bytes and tokens of a topic or pattern.
const (
	topicBytes  = 255
	topicTokens = 16
)

var (
	topicForm   = regexp.MustCompile(`^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$`)
	patternForm = regexp.MustCompile(`^(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.>)?$|^>$`)
	// The first tokens of topics that only the coordinator publishes. A wildcard in front does not match them.
	reservedTokens = []string{"nodes", "players", "state", "routing", "kelpie"}
	// The topics below "kelpie" that nodes may read.
	readableTopics = []string{"kelpie.settings", "kelpie.audit"}
)

// Whether nodes may publish on the topic: TOPIC_INVALID or TOPIC_RESERVED.
func checkTopic(topic string) error {
	if strings.ContainsAny(topic, "*>") {
		return invalidTopic(topic, "a publish has no wildcards; name one topic")
	}
	form := `tokens of letters, digits, "_" and "-" with dots between them`
	if err := checkForm("topic", topic, topicForm, form); err != nil {
		return err
	}
	tokens := strings.Split(topic, ".")
	if slices.Contains(reservedTokens, tokens[0]) {
		return reservedTopic(topic, fmt.Sprintf("only the coordinator publishes topics that begin with %q", tokens[0]))
	}
	if tokens[0] == "inbox" && (len(tokens) != 2 || topic != strings.ToLower(topic)) {
		return invalidTopic(topic, `an inbox is "inbox.<node>", with the name in lower case`)
	}
	return nil
}

// The pattern, if a node of this name may read it; a pattern of its inbox in lower case.
func checkPattern(pattern, node string) (string, error) {
	form := `tokens of letters, digits, "_" and "-" with dots between them, "*" for one token, ">" at the end for the rest`
	if err := checkForm("pattern", pattern, patternForm, form); err != nil {
		return "", err
	}
	first, rest, _ := strings.Cut(pattern, ".")
	if first == "kelpie" && !slices.Contains(readableTopics, pattern) {
		return "", reservedTopic(pattern, "only coordinators read these entries")
	}
	if first != "inbox" {
		return pattern, nil
	}
	own := strings.ToLower(node)
	if rest := strings.ToLower(rest); slices.Contains([]string{"*", ">", own}, rest) {
		return "inbox." + rest, nil
	}
	return "", reservedTopic(pattern, fmt.Sprintf("a node reads only its own inbox, %q", "inbox."+own))
}

func checkForm(kind, text string, form *regexp.Regexp, allowed string) error {
	if len(text) > topicBytes || !form.MatchString(text) {
		return invalidTopic(text, fmt.Sprintf("a %s is made of %s; at most %d bytes", kind, allowed, topicBytes))
	}
	if strings.Count(text, ".") >= topicTokens {
		return invalidTopic(text, fmt.Sprintf("a %s has at most %d tokens", kind, topicTokens))
	}
	return nil
}

func invalidTopic(text, why string) error {
	return refuse(ReasonTopicInvalid, fmt.Sprintf("%q cannot be used: %s", cut(text, topicBytes), why),
		"topic", cut(text, topicBytes))
}

func reservedTopic(topic, why string) error {
	return refuse(ReasonTopicReserved, fmt.Sprintf("%q cannot be used: %s", topic, why), "topic", topic)
}

// The beginning of a text: at most this many bytes of whole letters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// Whether a pattern matches a topic.
func matches(pattern, topic string) bool {
	wanted, tokens := strings.Split(pattern, "."), strings.Split(topic, ".")
	if wanted[0] != tokens[0] && (slices.Contains(reservedTokens, tokens[0]) || tokens[0] == "inbox") {
		return false
	}
	if last := len(wanted) - 1; wanted[last] == ">" {
		if len(tokens) <= last {
			return false
		}
		wanted, tokens = wanted[:last], tokens[:last]
	}
	return slices.EqualFunc(wanted, tokens, func(want, token string) bool { return want == "*" || want == token })
}

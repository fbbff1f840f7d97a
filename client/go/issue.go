package kelpie

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"time"

	"example.com/kelpie/kelpiev1"
)

const (
	defaultCommandTimeout = 10 * time.Second
	longestTimeout        = 5 * time.Minute
	// How long a withdrawn command waits for the results of nodes that have not replied: CANCELLED.
	withdrawTimeout = time.Second
)

// Issue is a command and its target.
type Issue struct {
	Target  Target
	Command Command
	// How long the command may take: at most 5 min. Default: up to the deadline of ctx, without one 10 s.
	Timeout time.Duration
	// The command ends after this many replies; errors do not count. 0: after the replies of all nodes.
	MaxReplies int
	// Facts beside the command, for traces.
	Attributes map[string]string
}

// Result is the reply of one node, or the error that came instead.
type Result struct {
	Node string
	// The reply in the form of the command: Output.GetConsole().Lines, Output.GetPlayers().Outcomes … nil with Err.
	Output *kelpiev1.CommandOutput
	// NOT_DELIVERED (the node certainly did not do it), OUTCOME_UNKNOWN, COMMAND_FAILED, CANCELLED …
	Err error
}

// Content is the reply to a custom command.
func (r Result) Content() Content { return Content{r.Output.GetCustom()} }

// Issue issues a command to nodes at once, and loops over the result of each node as it comes. The client sends the
// command once. The last error of the loop is NO_TARGET and the other reasons of IssueCommand; UNAVAILABLE if no
// coordinator is connected; OUTCOME_UNKNOWN if the stream breaks; RESULTS_UNREAD if more than 16 MiB of results wait to
// be read. When the loop or ctx ends before the last result, the client withdraws the command: nodes that have not
// replied give CANCELLED. If those results do not come within a second, the error of ctx ends the loop.
//
//	for result, err := range client.Issue(ctx, kelpie.Issue{
//		Target: kelpie.ToEvery(kelpie.Selector{}), Command: kelpie.RunConsoleCommand("list"),
//	}) { … }
func (c *Client) Issue(ctx context.Context, issue Issue) iter.Seq2[Result, error] {
	request, err := issue.wire(ctx)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return failed[Result](err)
	}
	return c.session.issue(ctx, request)
}

// Call issues a custom command and waits for the first reply. If there is none, it returns the first error: NO_TARGET,
// COMMAND_FAILED, OUTCOME_UNKNOWN … Without a deadline of ctx it waits 10 s.
func (c *Client) Call(ctx context.Context, target Target, name string, content any) (Content, error) {
	var first error
	for result, err := range c.Issue(ctx, Issue{Target: target, Command: Custom(name, content), MaxReplies: 1}) {
		if err == nil {
			err = result.Err
		}
		if err == nil {
			return result.Content(), nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = fail(ReasonProtocol, "a command ended without a result")
	}
	return Content{}, first
}

// DEADLINE_INVALID, VALUE_INVALID, COMMAND_INVALID or OUT_OF_RANGE.
func (i Issue) wire(ctx context.Context) (*kelpiev1.IssueCommandRequest, error) {
	if i.Command.err != nil {
		return nil, i.Command.err
	}
	if i.MaxReplies < 0 || uint64(i.MaxReplies) > math.MaxUint32 {
		return nil, outOfRange("MaxReplies", fmt.Sprintf("MaxReplies is %d; it must be 0 to 4294967295", i.MaxReplies))
	}
	timeout, err := timeoutOf(ctx, i.Timeout, defaultCommandTimeout)
	if err != nil {
		return nil, err
	}
	return &kelpiev1.IssueCommandRequest{
		Target: i.Target.wire, Command: i.Command.wire, Timeout: durationOf(timeout), MaxReplies: uint32(i.MaxReplies),
		Attributes: maps.Clone(i.Attributes),
	}, checkTexts("", i.Attributes)
}

// The time that the coordinator has: as given, else up to the deadline of ctx, else the default. DEADLINE_INVALID.
func timeoutOf(ctx context.Context, given, other time.Duration) (time.Duration, error) {
	if given == 0 {
		deadline, has := ctx.Deadline()
		if !has {
			return other, nil
		}
		return max(time.Millisecond, min(time.Until(deadline), longestTimeout)), nil
	}
	if given < 0 || given > longestTimeout {
		return 0, refuse(ReasonDeadlineInvalid, fmt.Sprintf("Timeout is %v; it must be above 0, and at most 5 min", given))
	}
	return given, nil
}

func (s *session) issue(ctx context.Context, request *kelpiev1.IssueCommandRequest) iter.Seq2[Result, error] {
	frame := &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_IssueCommand{IssueCommand: request}}
	results := newAnswers(s, func(answer *kelpiev1.CoordinatorFrame) (Result, bool, bool) {
		result := answer.GetCommandResult()
		if result == nil {
			return Result{}, false, false
		}
		one := Result{Node: result.Node, Output: result.GetOutput()}
		if one.Output == nil {
			one.Err = fromWire(result.GetError())
		}
		return one, true, result.Last
	})
	results.unknown = func() *Error {
		return fail(ReasonOutcomeUnknown, "the stream broke before the command ended; nodes may have done it")
	}
	results.withdraw = func(l *link, number uint32) {
		cancel := &kelpiev1.NodeFrame_CancelCommand{CancelCommand: &kelpiev1.CancelCommand{IssuedRequestId: number}}
		l.send(&kelpiev1.NodeFrame{Frame: cancel})
	}
	return results.send(ctx, frame)
}

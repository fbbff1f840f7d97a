package kelpie

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"example.com/kelpie/kelpiev1"
)

const (
	// The most requests that handlers work on at once. The node answers more with a failure.
	mostCommands = 1000
	// The most names that a node can have handlers for.
	mostCommandNames = 256
	// The most bytes of the message of a failure.
	failureBytes = 4096
	// The largest reply, if the coordinator names no limit.
	replyBytes = 256 * 1024
)

var commandName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Request is a command as a handler gets it.
type Request struct {
	// The name of the node that asks; empty if the issuer has no session.
	Source string
	// How long the issuer still waited when the request came. The ctx of the handler ends then.
	TimeLeft   time.Duration
	Attributes map[string]string
	// The content of a custom command.
	Content Content
}

// CommandHandler handles a custom command: it returns the content of the reply, or nil for a reply without content. The
// issuer gets an error as COMMAND_FAILED with its message. The ctx ends when nobody waits for the reply any more.
type CommandHandler func(ctx context.Context, request *Request) (any, error)

// Handling is a handler that is in place.
type Handling struct {
	Name  string
	close func()
}

// Close removes the handler. It still answers the requests that it has begun. Calling it again does nothing.
func (h *Handling) Close() { h.close() }

// Handle calls the handler each time that a node issues the command of this name to this one. Requests run beside each
// other. Other nodes see the name at once, also on later streams. COMMAND_INVALID if the name is not valid, is one of the
// contract, which has methods of its own, or has a handler already; HELLO_TOO_LARGE.
func (c *Client) Handle(name string, handler CommandHandler) (*Handling, error) {
	if slices.Contains(formNames, name) {
		return nil, refuse(ReasonCommandInvalid, fmt.Sprintf("%q is a command of the contract; handle it by its own method", name))
	}
	return c.session.handlers.add(name, func(ctx context.Context, request *Request, command *kelpiev1.Command) (*kelpiev1.CommandOutput, error) {
		returned, err := handler(ctx, request)
		if err != nil {
			return nil, err
		}
		content := &kelpiev1.Content{}
		if returned != nil {
			if content, err = contentOf(returned); err != nil {
				return nil, err
			}
		}
		return &kelpiev1.CommandOutput{Form: &kelpiev1.CommandOutput_Custom{Custom: content}}, nil
	})
}

// A handler of any command.
type anyHandler func(context.Context, *Request, *kelpiev1.Command) (*kelpiev1.CommandOutput, error)

// handlers are the commands that this node handles. If a stream breaks while a handler works, the node replies on the
// next stream. If nobody waits for a reply any more, the client ends the ctx of the handler and drops the reply. The lock
// of the session guards all fields.
type handlers struct {
	session *session
	byName  map[string]*anyHandler
	// In the order in which the program added them.
	ordered []string
	running map[uint64]*runningCommand
	// The replies for which the requests of the stream have no room, in order.
	delayed []*runningCommand
}

type runningCommand struct {
	id     uint64
	cancel context.CancelFunc
	// Stops the timer that ends the command.
	stop func()
	// The reply that the coordinator has not confirmed; nil while the handler works.
	reply *kelpiev1.CommandReply
}

func (h *handlers) names() []string { return slices.Clone(h.ordered) }

func (h *handlers) add(name string, handler anyHandler) (*Handling, error) {
	s := h.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.endError(); err != nil {
		return nil, err
	}
	if err := h.check(name); err != nil {
		return nil, err
	}
	if h.byName == nil {
		h.byName, h.running = map[string]*anyHandler{}, map[uint64]*runningCommand{}
	}
	h.byName[name] = &handler
	h.ordered = append(h.ordered, name)
	h.changed()
	return &Handling{Name: name, close: func() { h.remove(name, &handler) }}, nil
}

func (h *handlers) check(name string) error {
	invalid := func(message string) error { return refuse(ReasonCommandInvalid, message, "name", cut(name, 255)) }
	switch {
	case !commandName.MatchString(name):
		return invalid(fmt.Sprintf(`%q cannot be the name of a command: a name has 1 to 63 of a-z, 0-9, ".", "_" and "-", `+
			`and begins with a letter or digit`, cut(name, 255)))
	case h.byName[name] != nil:
		return invalid(fmt.Sprintf("%q has a handler already", name))
	case len(h.ordered) >= mostCommandNames:
		return invalid(fmt.Sprintf("a node handles at most %d commands", mostCommandNames))
	}
	return h.session.checkRoom(h.session.reading.subscriptions.patterns(), append(h.names(), name))
}

func (h *handlers) remove(name string, handler *anyHandler) {
	h.session.mu.Lock()
	defer h.session.mu.Unlock()
	if h.byName[name] != handler {
		return
	}
	delete(h.byName, name)
	h.ordered = slices.DeleteFunc(h.ordered, func(one string) bool { return one == name })
	h.changed()
}

func (h *handlers) changed() {
	if l := h.session.link(); l != nil {
		l.changes.setCommands(l.send, h.names())
	}
}

// Takes a request and runs its handler.
func (h *handlers) take(asked *kelpiev1.CommandRequest) {
	handler := h.byName[nameOf(asked.Command)]
	if handler == nil {
		h.refuse(asked.CommandId, "this node has no handler for the command")
		return
	}
	if len(h.running) >= mostCommands {
		h.refuse(asked.CommandId, fmt.Sprintf("this node works on %d commands already; try again later", mostCommands))
		return
	}
	left := durationOr(asked.TimeLeft, 0)
	ctx, cancel := context.WithTimeout(context.Background(), left)
	running := &runningCommand{id: asked.CommandId, cancel: cancel}
	running.stop = h.session.after(left, func() { h.cancel(running.id) })
	h.running[running.id] = running
	request := &Request{
		Source: asked.Source, TimeLeft: left, Attributes: maps.Clone(asked.Attributes),
		Content: Content{asked.Command.GetCustom().GetContent()},
	}
	go h.run(ctx, running, *handler, request, asked.Command)
}

func (h *handlers) run(ctx context.Context, running *runningCommand, handler anyHandler, request *Request, command *kelpiev1.Command) {
	defer running.cancel()
	var output *kelpiev1.CommandOutput
	err := call(func() (err error) {
		output, err = h.onPlayers(handler)(ctx, request, command)
		return err
	})
	h.session.mu.Lock()
	defer h.session.mu.Unlock()
	running.reply = &kelpiev1.CommandReply{CommandId: running.id}
	if err != nil {
		running.reply.Outcome = failureOf(err.Error())
	} else {
		running.reply.Outcome = &kelpiev1.CommandReply_Output{Output: output}
	}
	if h.running[running.id] == running {
		h.reply(running)
	}
}

func (h *handlers) refuse(id uint64, message string) {
	if l := h.session.link(); l != nil {
		l.send(replyFrame(&kelpiev1.CommandReply{CommandId: id, Outcome: failureOf(message)}))
	}
}

// Sends a reply. If no stream is open, or the stream breaks before the confirmation, restart sends it again.
func (h *handlers) reply(running *runningCommand) {
	l := h.session.link()
	if l == nil || !l.isOpen() {
		return
	}
	running.reply = fitting(running.reply, int(l.limits().GetPayloadBytes()))
	err := l.request(replyFrame(running.reply), func(_ *kelpiev1.CoordinatorFrame, err *Error) {
		h.confirmed(running, err)
	})
	if err != nil {
		h.confirmed(running, fromGRPC(err))
	}
}

func (h *handlers) confirmed(running *runningCommand, err *Error) {
	if h.running[running.id] != running {
		return
	}
	if err != nil && err.Reason == ReasonUnavailable {
		return
	}
	if err != nil && err.Reason == ReasonRequestQueueFull {
		h.delayed = append(h.delayed, running)
		return
	}
	h.end(running)
	// The command is over: a late reply is not a mistake.
	if err != nil && err.Reason != ReasonCommandNotFound {
		h.session.post(Status{Kind: Refused, Err: err})
	}
}

// A request has its answer: sends the replies for which there is room now.
func (h *handlers) replyDelayed() {
	for l := h.session.link(); len(h.delayed) > 0 && l != nil && l.isOpen() && !l.requests.full(); {
		next := h.delayed[0]
		h.delayed = h.delayed[1:]
		h.reply(next)
	}
}

// A new stream is open: sends each reply again that the coordinator has not confirmed.
func (h *handlers) restart() {
	h.delayed = nil
	for _, running := range h.running {
		if running.reply != nil {
			h.reply(running)
		}
	}
}

// Nobody waits for the reply any more.
func (h *handlers) cancel(id uint64) {
	if running := h.running[id]; running != nil {
		h.end(running)
	}
}

func (h *handlers) end(running *runningCommand) {
	running.stop()
	running.cancel()
	delete(h.running, running.id)
	h.delayed = slices.DeleteFunc(h.delayed, func(one *runningCommand) bool { return one == running })
}

// The client has ended.
func (h *handlers) close() {
	for _, running := range h.running {
		h.end(running)
	}
}

func replyFrame(reply *kelpiev1.CommandReply) *kelpiev1.NodeFrame {
	return &kelpiev1.NodeFrame{Frame: &kelpiev1.NodeFrame_CommandReply{CommandReply: reply}}
}

// The reply, or a failure if it is too large: only this command fails then.
func fitting(reply *kelpiev1.CommandReply, most int) *kelpiev1.CommandReply {
	if most == 0 {
		most = replyBytes
	}
	if bytes := proto.Size(reply.GetOutput()); bytes > most {
		message := fmt.Sprintf("the reply has %d bytes; the limit is %d", bytes, most)
		return &kelpiev1.CommandReply{CommandId: reply.CommandId, Outcome: failureOf(message)}
	}
	return reply
}

func failureOf(message string) *kelpiev1.CommandReply_Failure {
	return &kelpiev1.CommandReply_Failure{Failure: &kelpiev1.CommandFailure{Message: cut(utf8Text(message), failureBytes)}}
}

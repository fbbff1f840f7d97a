package main

import (
	"context"
	"errors"

	"example.com/kelpie"
)

func (s *session) handle(given handled) error {
	if given.Command == "run_console_command" {
		_, err := s.client.HandleRunConsoleCommand(func(ctx context.Context, request *kelpie.Request, line string) ([]string, error) {
			reply, err := s.asked(ctx, given, request, map[string]any{"text": line})
			if text, ok := reply.(string); ok && err == nil {
				return []string{text}, nil
			}
			return nil, err
		})
		return err
	}
	_, err := s.client.Handle(given.Command, func(ctx context.Context, request *kelpie.Request) (any, error) {
		return s.asked(ctx, given, request, contentInto(map[string]any{}, request.Content))
	})
	return err
}

// A command has come: the content of the reply.
func (s *session) asked(ctx context.Context, given handled, request *kelpie.Request, line map[string]any) (any, error) {
	s.mu.Lock()
	s.count++
	number := s.count
	held := make(chan answered, 1)
	s.commands[number] = held
	s.mu.Unlock()
	line["saw"], line["number"], line["command"] = "command", number, given.Command
	line["source"], line["timeLeftMs"] = request.Source, request.TimeLeft.Milliseconds()
	s.see(line)
	if given.Behaviour == "fail" {
		return nil, errors.New(given.Message)
	}
	if given.Behaviour != "hold" {
		return given.value(), nil
	}
	stop := context.AfterFunc(ctx, func() { s.see(map[string]any{"saw": "commandCancelled", "number": number}) })
	defer stop()
	answer := <-held
	if answer.Fail != nil {
		return nil, errors.New(*answer.Fail)
	}
	return answer.value(), nil
}

func (s *session) answer(given answered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.commands[given.Number]; held != nil {
		held <- given
		delete(s.commands, given.Number)
	}
}

func (s *session) issue(id int, given issued) (map[string]any, error) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	s.mu.Lock()
	s.issued[id] = cancel
	s.mu.Unlock()
	issue := kelpie.Issue{Target: given.Target.kelpie(), Timeout: millis(given.TimeoutMs)}
	if given.Custom != nil {
		issue.Command = kelpie.Custom(given.Custom.Name, given.Custom.Content.value())
	} else if given.RunConsoleCommand != nil {
		issue.Command = kelpie.RunConsoleCommand(given.RunConsoleCommand.Line)
	}
	results := []map[string]any{}
	for result, err := range s.client.Issue(ctx, issue) {
		if err != nil {
			return nil, err
		}
		line := map[string]any{"node": result.Node}
		if result.Err != nil {
			line["error"] = errorAs(result.Err)
		} else if console := result.Output.GetConsole(); console != nil {
			line["lines"] = append([]string{}, console.Lines...)
		} else {
			contentInto(line, result.Content())
		}
		results = append(results, line)
	}
	return map[string]any{"results": results}, nil
}

func (s *session) cancel(request int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.issued[request]; cancel != nil {
		cancel()
	}
}

package main

import (
	"context"

	"example.com/kelpie"
)

func (s *session) watchValue(given place) error {
	_, err := s.client.State().Watch(given.Bucket, given.Key, func(ctx context.Context, value kelpie.Value) error {
		line := map[string]any{"saw": "value", "bucket": value.Bucket, "key": value.Key}
		if !value.Ended {
			line["sequence"] = value.Sequence
			contentInto(line, value.Content)
		}
		s.see(line)
		return nil
	})
	return err
}

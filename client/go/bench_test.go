package kelpie_test

import (
	"context"
	"strings"
	"testing"

	"example.com/kelpie"
)

// From the publish of one node to the handler of another one, of texts with 100 bytes, many at once.
func BenchmarkPublishToDeliver(b *testing.B) {
	client := newClient(b, kelpie.Options{Name: "bench", Endpoints: []string{coordinator(b)}})
	delivered := make(chan struct{}, 8192)
	_, err := client.Subscribe("bench.x", func(context.Context, *kelpie.Event) error { delivered <- struct{}{}; return nil })
	if err != nil {
		b.Fatal(err)
	}
	client.Start(context.Background())
	ready(b, client)
	text := strings.Repeat("x", 100)
	room := make(chan struct{}, 4096)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for range b.N {
			room <- struct{}{}
			if err := client.PublishAsync("bench.x", text, func(error) { <-room }); err != nil {
				b.Error(err)
			}
		}
	}()
	for range b.N {
		<-delivered
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// One event at a time: publish, and wait until the coordinator has stored it and the handler has it.
func BenchmarkOneAtATime(b *testing.B) {
	client := newClient(b, kelpie.Options{Name: "bench-one", Endpoints: []string{coordinator(b)}})
	delivered := make(chan struct{}, 16)
	_, err := client.Subscribe("bench.one", func(context.Context, *kelpie.Event) error { delivered <- struct{}{}; return nil })
	if err != nil {
		b.Fatal(err)
	}
	client.Start(context.Background())
	ready(b, client)
	b.ResetTimer()
	for range b.N {
		if err := client.Publish(context.Background(), "bench.one", "x"); err != nil {
			b.Fatal(err)
		}
		<-delivered
	}
}

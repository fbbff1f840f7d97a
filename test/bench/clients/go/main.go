// The clients of the benchmark with the Go client. It measures as workload.ts does; foreign.ts has the lines that it reads
// and writes.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/kelpie"
)

const (
	// The limit of samples of one measurement.
	samples = 20_000
	// The time in which clients connect, the last events arrive and the clients close.
	patience = 10 * time.Second
)

type task struct {
	kind, endpoint, topic                                          string
	subscribers, window, payloadBytes, warmUpMillis, measureMillis int64
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var t task
		if _, err := fmt.Sscan(lines.Text(), &t.kind, &t.endpoint, &t.topic, &t.subscribers, &t.window, &t.payloadBytes,
			&t.warmUpMillis, &t.measureMillis); err != nil {
			log.Fatal(err)
		}
		if err := measure(t); err != nil {
			log.Fatal(err)
		}
		fmt.Println("done")
	}
}

func measure(t task) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := &flow{subscribers: t.subscribers, wake: make(chan struct{}, 1)}
	var clients []*kelpie.Client
	for i := range t.subscribers {
		reader, err := open(t, fmt.Sprintf("bench-reader-%d", i))
		if err != nil {
			return err
		}
		handler := func(context.Context, *kelpie.Event) error { f.arrived(); return nil }
		if _, err := reader.Subscribe(t.topic, handler); err != nil {
			return err
		}
		clients = append(clients, reader)
	}
	publisher, err := open(t, "bench-publisher")
	if err != nil {
		return err
	}
	clients = append(clients, publisher)
	for _, client := range clients {
		client.Start(ctx)
	}
	for _, client := range clients {
		if err := client.Ready(ctx); err != nil {
			return err
		}
	}
	payload := make([]byte, t.payloadBytes)
	publish := func() {
		f.published.Add(1)
		if err := publisher.PublishAsync(t.topic, payload, nil); err != nil {
			log.Fatal(err)
		}
	}
	if t.kind == "latency" {
		latency(f, publish, t)
	} else {
		throughput(f, publish, t)
	}
	closing, stop := context.WithTimeout(ctx, patience)
	defer stop()
	for _, client := range slices.Backward(clients) {
		if err := client.Close(closing); err != nil {
			return err
		}
	}
	return nil
}

func open(t task, name string) (*kelpie.Client, error) {
	return kelpie.New(kelpie.Options{Name: name, Role: kelpie.Service, Endpoints: []string{t.endpoint}})
}

// Counts the events that were published and the events that have arrived.
type flow struct {
	subscribers          int64
	published, delivered atomic.Int64
	wake                 chan struct{}
}

func (f *flow) arrived() {
	f.delivered.Add(1)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *flow) underWay() int64 { return f.published.Load() - f.delivered.Load()/f.subscribers }

// Waits until at most so many events are under way.
func (f *flow) until(enough int64) {
	late := time.After(patience)
	for f.underWay() > enough {
		select {
		case <-f.wake:
		case <-late:
			log.Fatalf("%d of %d events did not arrive", f.underWay(), f.published.Load())
		}
	}
}

func throughput(f *flow, publish func(), t task) {
	began := time.Now()
	over := make(chan struct{})
	go func() {
		defer close(over)
		time.Sleep(time.Duration(t.warmUpMillis) * time.Millisecond)
		report("begin", f, began)
		time.Sleep(time.Duration(t.measureMillis) * time.Millisecond)
		report("end", f, began)
	}()
	for {
		select {
		case <-over:
			f.until(0)
			return
		default:
		}
		for f.underWay() < t.window {
			publish()
		}
		f.until(t.window / 2)
	}
}

func report(at string, f *flow, began time.Time) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	cpu := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	fmt.Println(at, time.Since(began).Seconds(), f.delivered.Load(), cpu.Seconds())
}

func latency(f *flow, publish func(), t task) {
	sample(f, publish, t.warmUpMillis)
	taken := sample(f, publish, t.measureMillis)
	slices.Sort(taken)
	at := func(share float64) float64 { return taken[int(float64(len(taken))*share)].Seconds() * 1000 }
	fmt.Println("latency", at(0.5), at(0.99))
}

func sample(f *flow, publish func(), spanMillis int64) []time.Duration {
	var taken []time.Duration
	end := time.Now().Add(time.Duration(spanMillis) * time.Millisecond)
	for time.Now().Before(end) && len(taken) < samples {
		sent := time.Now()
		publish()
		f.until(0)
		taken = append(taken, time.Since(sent))
	}
	return taken
}

package kelpie

import (
	"bufio"
	"context"
	"encoding/json"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// How long anything in a test may take.
const testTimeout = 20 * time.Second

// kelpied is a coordinator of a test, in a process of its own.
type kelpied struct {
	endpoint string
	process  *exec.Cmd
}

// Starts a coordinator with its journal in memory. Without a port it takes a free one.
func startKelpied(t *testing.T, args ...string) *kelpied {
	t.Helper()
	process := exec.Command("node", append([]string{"../../dist/server/main.js", "--dev", "--metrics-port", "off"}, args...)...)
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	k := &kelpied{process: process}
	t.Cleanup(k.kill)
	var line struct{ Endpoint string }
	reader := bufio.NewReader(output)
	text, err := reader.ReadBytes('\n')
	if err != nil || json.Unmarshal(text, &line) != nil || line.Endpoint == "" {
		t.Fatalf("kelpied printed %q (%v)", text, err)
	}
	go func() { _, _ = reader.WriteTo(discard{}) }()
	k.endpoint = line.Endpoint
	return k
}

type discard struct{}

func (discard) Write(bytes []byte) (int, error) { return len(bytes), nil }

// Ends the process as a crash does.
func (k *kelpied) kill() {
	_ = k.process.Process.Signal(syscall.SIGKILL)
	_ = k.process.Wait()
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

// Connects a node of a test, and waits until it is on the network.
func connectTo(t *testing.T, k *kelpied, options Options) *Client {
	t.Helper()
	options.Endpoints = []string{k.endpoint}
	client, err := Connect(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = client.Close(ctx)
	})
	if err := client.Ready(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return client
}

// Waits until the condition holds. It looks again after each millisecond: only the network knows when it holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in time it did not come about that %s", what)
		}
	}
}

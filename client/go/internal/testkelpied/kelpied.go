// Package testkelpied starts real coordinators for tests.
package testkelpied

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Kelpied is a coordinator that runs.
type Kelpied struct {
	// As host:port.
	Endpoint string
	process  *exec.Cmd
	exited   chan struct{}
}

// Start starts kelpied with these arguments, and stops it at the end of the test. Without arguments it keeps everything
// in memory, on a free port.
func Start(t testing.TB, arguments ...string) *Kelpied {
	t.Helper()
	if len(arguments) == 0 {
		arguments = []string{"--dev"}
	}
	process := exec.Command("node", append([]string{program(t, "server/main.js"), "--log-format", "json"}, arguments...)...)
	process.Env = environment()
	// Its signals do not come from the terminal of the tests.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, input, err := os.Pipe()
	if err == nil {
		process.Stdout, process.Stderr = input, input
		err = process.Start()
		_ = input.Close()
	}
	if err != nil {
		t.Fatalf("kelpied does not start (is it built? run npx tsc): %v", err)
	}
	k := &Kelpied{process: process, exited: make(chan struct{})}
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			// The line of --dev, and that of the log.
			var line struct{ Event, Msg, Endpoint string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && (line.Event == "ready" || line.Msg == "listening") {
				select {
				case ready <- line.Endpoint:
				default:
				}
			}
		}
		_ = process.Wait()
		close(k.exited)
	}()
	t.Cleanup(k.Kill)
	select {
	case k.Endpoint = <-ready:
	case <-k.exited:
		t.Fatal("kelpied ended at its start")
	case <-time.After(20 * time.Second):
		t.Fatal("kelpied is not ready after 20 s")
	}
	return k
}

// Stop stops it in order, and waits until it has ended.
func (k *Kelpied) Stop() { k.end(syscall.SIGTERM) }

// Kill ends it at once.
func (k *Kelpied) Kill() { k.end(syscall.SIGKILL) }

func (k *Kelpied) end(signal os.Signal) {
	_ = k.process.Process.Signal(signal)
	<-k.exited
}

// Run runs a program of the repository to its end (server/main.js, client/cli/main.js), and returns what it printed.
func Run(t testing.TB, name string, arguments ...string) string {
	t.Helper()
	process := exec.Command("node", append([]string{program(t, name)}, arguments...)...)
	process.Env = environment()
	var errors strings.Builder
	process.Stderr = &errors
	output, err := process.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, arguments, err, output, errors.String())
	}
	return strings.TrimSpace(string(output))
}

// Without the settings of whoever runs the tests.
func environment() []string {
	var kept []string
	for _, one := range os.Environ() {
		if !strings.HasPrefix(one, "KELPIE_") {
			kept = append(kept, one)
		}
	}
	return kept
}

// A compiled program of the repository, which lies above the folder of the tests.
func program(t testing.TB, name string) string {
	folder, err := os.Getwd()
	for ; err == nil && folder != "/"; folder = filepath.Dir(folder) {
		path := filepath.Join(folder, "dist", name)
		if _, missing := os.Stat(path); missing == nil {
			return path
		}
	}
	t.Fatalf("dist/%s is not there: run npx tsc", name)
	return ""
}

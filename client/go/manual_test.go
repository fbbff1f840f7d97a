package kelpie_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"example.com/kelpie"
	"example.com/kelpie/kelpiev1"
)

var goBlocks = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// README.md, from an empty folder: its server runs, and its other examples compile beside it.
func TestManual(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	module, _ := filepath.Abs(".")
	folder := t.TempDir()
	run := func(program string, arguments ...string) {
		t.Helper()
		command := exec.Command(program, arguments...)
		command.Dir = folder
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", program, arguments, err, output)
		}
	}
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run("go", "mod", "init", "lobby")
	run("go", "mod", "edit", "-replace", "example.com/kelpie="+module)
	for i, block := range goBlocks.FindAllStringSubmatch(string(manual), -1) {
		code := block[1]
		if !strings.Contains(code, "func main()") {
			write(fmt.Sprintf("example%d.go", i), code)
			continue
		}
		write("main.go", code)
		if example, _ := os.ReadFile("examples/server/main.go"); !strings.HasSuffix(string(example), code) {
			t.Error("examples/server is another server")
		}
	}
	run("go", "mod", "tidy")
	run("go", "build", "-o", "lobby", ".")
	run("go", "vet", ".")

	server := exec.Command("./lobby")
	server.Dir = folder
	server.Env = append(os.Environ(), "KELPIE_ENDPOINTS="+coordinator(t))
	output, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	teller := newClient(t, kelpie.Options{Name: "teller", Role: kelpie.Service, Endpoints: []string{coordinator(t)}})
	left := make(chan *kelpiev1.NodeLeft, 1)
	if _, err := teller.Subscribe("nodes.lobby-1", leftTo(left)); err != nil {
		t.Fatal(err)
	}
	teller.Start(within(t))
	ready(t, teller)
	eventually(t, "the line", func() bool {
		if err := teller.Publish(within(t), "chat.global", "hello"); err != nil {
			t.Fatal(err)
		}
		return len(lines) > 0
	})
	if line := next(t, lines); line != "<teller> hello" {
		t.Errorf("the server printed %q", line)
	}
	if err := server.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if one := next(t, left); one.Reason != kelpiev1.NodeLeaveReason_NODE_LEAVE_REASON_STOPPED {
		t.Errorf("it left as %v", one.Reason)
	}
}

func leftTo(left chan<- *kelpiev1.NodeLeft) kelpie.Handler {
	return func(_ context.Context, event *kelpie.Event) error {
		if body, is := event.Body.(*kelpiev1.NodeLeft); is {
			left <- body
		}
		return nil
	}
}

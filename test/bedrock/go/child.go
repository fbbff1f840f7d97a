package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// How long a process may take to end.
const exitTimeout = 15 * time.Second

// child is a process of the demo, with its output.
type child struct {
	name    string
	output  *history
	process *exec.Cmd
	// Closed when it has ended and all its output is read.
	ended chan struct{}
}

// startChild starts a program. Its stdin is a pipe that ends with the director, for whatever reason.
func startChild(name string, env []string, program string, args ...string) (*child, error) {
	c := &child{name: name, output: newHistory(), process: exec.Command(program, args...), ended: make(chan struct{})}
	c.process.Env = append(os.Environ(), env...)
	if _, err := c.process.StdinPipe(); err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	c.process.Stdout, c.process.Stderr = writer, writer
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			c.output.add(lines.Text())
		}
		_, _ = io.Copy(io.Discard, reader)
	}()
	go func() {
		_ = c.process.Wait()
		_ = writer.Close()
		<-read
		c.output.add(fmt.Sprintf("(ended: %s)", c.process.ProcessState))
		c.output.end()
		close(c.ended)
	}()
	return c, nil
}

// waitFor waits until the process prints a line that matches.
func (c *child) waitFor(what string, matches func(string) bool) error {
	_, err := c.output.wait(what+" of "+c.name, 0, matches)
	return err
}

// stop sends the signal, and kills the process if it does not end. It returns the exit code; -1 after a signal.
func (c *child) stop(signal os.Signal) int {
	_ = c.process.Process.Signal(signal)
	select {
	case <-c.ended:
	case <-time.After(exitTimeout):
		_ = c.process.Process.Signal(syscall.SIGKILL)
		<-c.ended
	}
	return c.process.ProcessState.ExitCode()
}

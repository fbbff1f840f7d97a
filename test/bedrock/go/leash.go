package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// runLeash runs a program that does not watch its stdin, and ends it when the director is gone. SIGTERM goes on to the
// program, whose exit code is that of the leash.
func runLeash(program string, args ...string) (int, error) {
	gone, cancel := context.WithCancel(context.Background())
	defer cancel()
	command := exec.CommandContext(gone, program, args...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Start(); err != nil {
		return 1, err
	}
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		for range stop {
			_ = command.Process.Signal(syscall.SIGTERM)
		}
	}()
	err := command.Wait()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		err = nil
	}
	return command.ProcessState.ExitCode(), err
}

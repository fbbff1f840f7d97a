package main

import (
	"fmt"
	"os"
	"time"
)

// narrator prints the story, and counts which of its claims were true.
type narrator struct {
	start          time.Time
	acts           int
	passed, failed int
	failure        string // the claim that failed and the reason, as they were printed
}

func paint(code int, text string) string {
	if info, err := os.Stdout.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, text)
}

func bold(text string) string  { return paint(1, text) }
func dim(text string) string   { return paint(2, text) }
func red(text string) string   { return paint(31, text) }
func green(text string) string { return paint(32, text) }

func (n *narrator) title(text, subtitle string) { fmt.Printf("\n%s\n%s\n", bold(text), dim(subtitle)) }

func (n *narrator) act(text string) {
	n.acts++
	fmt.Printf("\n%s\n", bold(fmt.Sprintf("Act %d. %s", n.acts, text)))
}

// does prints an action of the director.
func (n *narrator) does(text string) { n.line(dim("·"), text) }

// expect prints a claim when its check has passed. The check may return a measured value to print.
func (n *narrator) expect(claim string, check func() (detail string, err error)) error {
	detail, err := check()
	if err != nil {
		n.fail(claim + "\n            " + red(err.Error()))
		return err
	}
	n.passed++
	if detail != "" {
		detail = dim(" (" + detail + ")")
	}
	n.line(green("✓"), claim+detail)
	return nil
}

// fails prints an error that no claim covers.
func (n *narrator) fails(err error) {
	if n.failed == 0 {
		n.fail(red(err.Error()))
	}
}

func (n *narrator) fail(text string) {
	n.failed++
	n.failure = text
	n.line(red("✗"), text)
}

func (n *narrator) lastWords(name string, lines []string) {
	fmt.Printf("\n%s\n", bold(name)+dim(" printed last:"))
	for _, line := range lines {
		fmt.Println("  " + line)
	}
}

// summary prints the counts. It repeats what failed: the last words of the processes are long, and a reader may see only
// the end.
func (n *narrator) summary() {
	if n.failed > 0 {
		fmt.Println()
		n.line(red("✗"), n.failure)
	}
	counts := fmt.Sprintf("%d passed, %d failed", n.passed, n.failed)
	if n.failed == 0 {
		counts = green(counts)
	} else {
		counts = red(counts)
	}
	fmt.Printf("\n%s%s\n", counts, dim(fmt.Sprintf(" in %s s", n.seconds())))
}

func (n *narrator) line(mark, text string) {
	fmt.Printf("%s  %s %s\n", dim(fmt.Sprintf("%6s s", n.seconds())), mark, text)
}

func (n *narrator) seconds() string { return fmt.Sprintf("%.1f", time.Since(n.start).Seconds()) }

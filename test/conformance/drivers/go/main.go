// The driver of the Go client: see ../../README.md. It uses the public API alone.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"sync"

	"example.com/kelpie"
)

// A request of the runner. Its other fields are the arguments of the action.
type request struct {
	ID   int    `json:"id"`
	Do   string `json:"do"`
	line []byte
}

var (
	out     sync.Mutex
	encoder = json.NewEncoder(os.Stdout)
)

func print(line any) {
	out.Lock()
	defer out.Unlock()
	if err := encoder.Encode(line); err != nil {
		os.Exit(1)
	}
}

func answer(id int, ok map[string]any, err error) {
	if err != nil {
		print(map[string]any{"id": id, "error": errorAs(err)})
		return
	}
	if ok == nil {
		ok = map[string]any{}
	}
	print(map[string]any{"id": id, "ok": ok})
}

var errNotSupported = errors.New("NOT_SUPPORTED")

func errorAs(err error) map[string]any {
	reason := reasonOf(err)
	if errors.Is(err, errNotSupported) {
		reason = "NOT_SUPPORTED"
	}
	return map[string]any{"reason": reason, "message": err.Error()}
}

func reasonOf(err error) string {
	var known *kelpie.Error
	if errors.As(err, &known) {
		return string(known.Reason)
	}
	return "UNKNOWN"
}

func main() {
	encoder.SetEscapeHTML(false)
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	var present *session
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			os.Exit(0)
		}
		one := request{line: line}
		if err := json.Unmarshal(line, &one); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		switch begin := actions[one.Do]; {
		case one.Do == "connect":
			present, err = newSession(one)
			answer(one.ID, nil, err)
		case one.Do == "close" && present == nil:
			answer(one.ID, nil, nil)
		case begin == nil || present == nil:
			answer(one.ID, nil, errNotSupported)
		default:
			begin(present, one)
		}
	}
}

// A Bedrock network of software that nobody here wrote: a proxy on gophertunnel and Dragonfly servers, all on the network
// by the Go client. Without arguments the program is the director: it starts a coordinator and the nodes, each a process
// of its own, plays with bots, and checks what the bots' own connections saw.
package main

import (
	"fmt"
	"os"

	"github.com/sandertv/gophertunnel/minecraft"
)

func main() {
	minecraft.RegisterNetwork(network, loopback{})
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 0:
		os.Exit(direct())
	case len(args) > 1 && args[0] == "leash":
		var code int
		if code, err = runLeash(args[1], args[2:]...); err == nil {
			os.Exit(code)
		}
	case len(args) == 5 && args[0] == "downstream":
		err = runDownstream(args[1], args[2], args[3], args[4])
	case len(args) == 4 && args[0] == "proxy":
		err = runProxy(args[1], args[2], args[3])
	default:
		err = fmt.Errorf("usage: demo [downstream <name> <host> <port> <mode> | proxy <name> <host> <port>]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

package kelpie

import "context"

// NoWait is a ctx for calls that the program does not wait for, in the tick of a game: reports of players, Publish,
// Update, Put, Delete, Release. Such a call returns at once, and a later refusal is a status Refused. It has ended. Calls
// whose answer the program needs, such as Get, Lock and Reserve, refuse it with VALUE_INVALID.
var NoWait = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// VALUE_INVALID for NoWait, in a call whose answer the program needs.
func needsAnswer(ctx context.Context, call string) error {
	if ctx == NoWait {
		return invalid("ctx", call+" has an answer that the program needs: give it another ctx than NoWait")
	}
	return nil
}

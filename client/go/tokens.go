package kelpie

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"example.com/kelpie/kelpiev1"
)

// The pause before a refused token of a file is shown again: somebody may replace the file.
const refusedPause = 15 * time.Second

// A text that a header can carry. The tokens of a coordinator have another form, which only the coordinator judges.
var carriedToken = regexp.MustCompile(`^[\x21-\x7e]+$`)

const tokenBytes = 1024

// Refusals of Join by which no Join has accepted the token that waits, nor an earlier one.
var notAccepted = []Reason{ReasonJoinTokenUsed, ReasonRightMissing, ReasonNodeNameInvalid, ReasonCredentialRequired}

// tokens is the token that a client shows: a fixed one, or that of a file, which the client reads at each use.
type tokens struct {
	node                 string
	fixed, file, joining string
	// The token that a coordinator refused last. Streams and the session set it.
	refusedToken atomic.Pointer[string]
}

// The places that the program names; without any of Token and TokenFile, those of the environment. VALUE_INVALID.
func newTokens(o *Options) (*tokens, error) {
	t := &tokens{node: o.Name, fixed: o.Token, file: o.TokenFile, joining: o.JoinToken}
	names := "Token and TokenFile"
	if t.fixed == "" && t.file == "" {
		t.fixed, t.file = variable("KELPIE_TOKEN"), variable("KELPIE_TOKEN_FILE")
		names = "KELPIE_TOKEN and KELPIE_TOKEN_FILE"
	}
	if t.fixed != "" && t.file != "" {
		return nil, invalid("Token", names+" are both set; set one of them")
	}
	if t.joining == "" && t.fixed == "" {
		t.joining = variable("KELPIE_JOIN_TOKEN")
	}
	for field, token := range map[string]string{"Token": t.fixed, "JoinToken": t.joining} {
		if token != "" {
			if err := checkToken(field, token); err != nil {
				return nil, err
			}
		}
	}
	if t.joining != "" && t.file == "" {
		return nil, invalid("TokenFile", "a join token needs TokenFile or KELPIE_TOKEN_FILE, for the token of this node")
	}
	return t, nil
}

func variable(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// VALUE_INVALID. The message never shows the text.
func checkToken(field, token string) error {
	if len(token) <= tokenBytes && carriedToken.MatchString(token) {
		return nil
	}
	return invalid(field, field+` is no token; a token is klp_ and 43 letters, digits, "_" and "-", without spaces`)
}

// The token to show now; empty: none. FILE_INVALID.
func (t *tokens) current() (string, error) {
	if t.file == "" {
		return t.fixed, nil
	}
	token, err := readTokenFile(t.file)
	if err == nil && token == "" {
		err = fail(ReasonFileInvalid, fmt.Sprintf("the token file %s does not exist", t.file))
	}
	return token, err
}

// The token for a stream. A node with a join token and without a token of its own joins first. The refusal of Join, or
// FILE_INVALID.
func (t *tokens) forStream(ctx context.Context, conn *grpc.ClientConn) (string, error) {
	if t.file == "" || t.joining == "" {
		return t.current()
	}
	if own, err := readTokenFile(t.file); err != nil || own != "" {
		return own, err
	}
	err := t.join(ctx, conn)
	if err != nil && err.Reason == ReasonRightsInvalid && err.Metadata["field"] == "token_hash" {
		// Another join token has made a credential with it, and its answer was lost.
		if err := dropPendingToken(t.file); err != nil {
			return "", err
		}
		err = t.join(ctx, conn)
	}
	if err != nil {
		if slices.Contains(notAccepted, err.Reason) {
			if err := dropPendingToken(t.file); err != nil {
				return "", err
			}
		}
		return "", notJoined(err)
	}
	if err := acceptPendingToken(t.file); err != nil {
		return "", err
	}
	return t.current()
}

func (t *tokens) join(ctx context.Context, conn *grpc.ClientConn) *Error {
	token, err := pendingToken(t.file)
	if err != nil {
		return fromGRPC(err)
	}
	hash := sha256.Sum256([]byte(token))
	_, err = kelpiev1.NewAccessServiceClient(conn).Join(withToken(ctx, t.joining), &kelpiev1.JoinRequest{
		NodeName: t.node, TokenHash: hash[:],
	})
	if err != nil {
		return fromGRPC(err)
	}
	return nil
}

// Whether the file has another token than the refused one, or the node can join again: true once a refusal.
func (t *tokens) renewed() bool {
	before := t.refusedToken.Load()
	if before == nil {
		return false
	}
	found, err := readTokenFile(t.file)
	if err != nil || found == *before || found == "" && t.joining == "" {
		return false
	}
	return t.refusedToken.CompareAndSwap(before, nil)
}

// The error of a stream that showed this token, as refused says it.
func (t *tokens) refusedStream(token string, err error) error {
	t.refusedToken.Store(nil)
	if err != nil && t.file != "" && slices.Contains(credentialReasons, fromGRPC(err).Reason) {
		t.refusedToken.Store(&token)
	}
	return t.refused(err)
}

// The error of a stream, with what to do about it. A file may get another token: its refusal is not permanent.
func (t *tokens) refused(err error) error {
	if err == nil || t.file == "" {
		return err
	}
	known := fromGRPC(err)
	if !slices.Contains(credentialReasons, known.Reason) {
		return err
	}
	again := ""
	if t.joining != "" {
		again = ", or remove the file, and the node joins again"
	}
	return &Error{
		Reason:     known.Reason,
		Message:    fmt.Sprintf("%s; the token is that of %s: write a new one into it%s", known.Message, t.file, again),
		Metadata:   known.Metadata,
		RetryAfter: max(refusedPause, known.RetryAfter),
		cause:      known.cause,
	}
}

func notJoined(err *Error) error {
	why, help := err.Message, ""
	used := err.Reason == ReasonJoinTokenUsed
	if used || slices.Contains(credentialReasons, err.Reason) {
		help = "; get a new one: kelpie token create --join"
	}
	if err.Reason == ReasonCredentialRequired {
		why = "it is no join token of this coordinator; if it is the token of the node, set it as Token or KELPIE_TOKEN, " +
			"and not as JoinToken or KELPIE_JOIN_TOKEN"
	}
	return &Error{
		Reason:     err.Reason,
		Message:    "the node cannot join with its join token: " + why + help,
		Metadata:   err.Metadata,
		Permanent:  err.Permanent || used,
		RetryAfter: err.RetryAfter,
		cause:      err.cause,
	}
}

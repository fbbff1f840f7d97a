package kelpie

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// The time between two warnings of one kind. The next warning has the number of those that were left out.
const warningInterval = time.Minute

// Reasons of failed attempts whose messages say what to do.
var credentialReasons = []Reason{ReasonCredentialInvalid, ReasonCredentialExpired, ReasonCredentialRevoked}
var advisingReasons = append([]Reason{
	ReasonAuthenticationLimit, ReasonFileInvalid, ReasonCertificateUntrusted, ReasonCertificateExpired,
	ReasonCertificateWrongHost, ReasonClientCertificateRequired, ReasonClientCertificateRefused, ReasonTLSRequired,
	ReasonTLSUnsupported,
}, credentialReasons...)

// warnings are for a developer who does not read Client.Status. Without them, a client that reaches no coordinator, or
// whose handlers fail, would look like a client without work.
type warnings struct {
	logger   *slog.Logger
	mu       sync.Mutex
	reported map[string]time.Time
	leftOut  map[string]int
	endpoint string
	// Whether the last stream had a session.
	connected bool
}

func newWarnings(node string, logger *slog.Logger) *warnings {
	if logger == nil {
		logger = slog.Default()
	}
	return &warnings{
		logger: logger.With("node", node), reported: map[string]time.Time{}, leftOut: map[string]int{},
	}
}

// Takes a status that nobody reads.
func (w *warnings) take(status Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	message := w.messageOf(status)
	if message == "" {
		return
	}
	kind := status.Kind.String()
	if e, ok := status.Err.(*Error); ok && status.Kind == Disconnected {
		kind += string(e.Reason)
	}
	if time.Since(w.reported[kind]) < warningInterval {
		w.leftOut[kind]++
		return
	}
	fields := []any{"status", status.Kind.String()}
	if status.Err != nil {
		fields = append(fields, "error", status.Err.Error())
	}
	if more := w.leftOut[kind]; more > 0 {
		fields = append(fields, "leftOut", more)
	}
	w.reported[kind], w.leftOut[kind] = time.Now(), 0
	// The logger is a function of the program, which may use the client.
	go w.logger.Warn("kelpie: "+message+"; loop over client.Status to handle it", fields...)
}

func (w *warnings) messageOf(status Status) string {
	switch status.Kind {
	case Connecting:
		w.endpoint = status.Endpoint
	case Connected:
		w.connected = true
	case Disconnected:
		return w.disconnected(status)
	case HandlerFailed:
		return fmt.Sprintf("the handler of %q failed", status.Pattern)
	case Refused:
		return "the coordinator refused a request and did not carry it out"
	case FileFailed:
		return fmt.Sprintf("the file %s cannot be read or written", status.Path)
	case CredentialExpiring:
		return fmt.Sprintf("the credential of the node expires in %v, and its session ends then; an operator makes a "+
			"new token with kelpie token rotate", status.ExpiresIn.Round(time.Second))
	case Gap:
		return "events were lost and reach no handler; load again all data that the program derives from them"
	case Closed:
		if status.Err != nil {
			return "the client ended and does not connect again"
		}
	}
	return ""
}

// A broken session needs no warning, since the client connects again: unless its token is not good any more. A failed
// attempt may come from a mistake.
func (w *warnings) disconnected(status Status) string {
	broke := w.connected
	w.connected = false
	var reason Reason
	if e, ok := status.Err.(*Error); ok {
		reason = e.Reason
	}
	if broke {
		if slices.Contains(credentialReasons, reason) {
			return fmt.Sprintf("the coordinator at %s ended the session; the client keeps trying", w.endpoint)
		}
		return ""
	}
	message := fmt.Sprintf("no coordinator accepts the node at %s; the client keeps trying", w.endpoint)
	if slices.Contains(advisingReasons, reason) {
		return message
	}
	return message + ". Is kelpied running there? Set its address with the option Endpoints or KELPIE_ENDPOINTS"
}

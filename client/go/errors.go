package kelpie

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/kelpie/kelpiev1"
)

// Reason says why something failed. It is an error itself, so that errors.Is takes it:
//
//	if errors.Is(err, kelpie.ReasonNoTarget) { … }
type Reason string

// The reasons of the client itself. Those of the contract are in reasons.go.
const (
	// The coordinator cannot be reached, or the stream broke.
	ReasonUnavailable Reason = "UNAVAILABLE"
	// The answer did not come from a coordinator, but from another program or a balancer in between.
	ReasonNotACoordinator Reason = "NOT_A_COORDINATOR"
	// The client cannot send or use a given value. The message names the value.
	ReasonValueInvalid Reason = "VALUE_INVALID"
	// The client was closed.
	ReasonClosed Reason = "CLOSED"
	// Too many publishes wait for an acknowledgement.
	ReasonPublishQueueFull Reason = "PUBLISH_QUEUE_FULL"
	// A query for players of a roster without players.
	ReasonRosterWithoutPlayers Reason = "ROSTER_WITHOUT_PLAYERS"
	// The client cannot read one of its files.
	ReasonFileInvalid Reason = "FILE_INVALID"
	// Another caller has the lock.
	ReasonLockHeld Reason = "LOCK_HELD"
	// A handler did not return in time.
	ReasonHandlerTimeout Reason = "HANDLER_TIMEOUT"
	// The client trusts no CA that has signed the certificate of the coordinator.
	ReasonCertificateUntrusted Reason = "CERTIFICATE_UNTRUSTED"
	// The certificate of the coordinator has expired, or is not valid yet.
	ReasonCertificateExpired Reason = "CERTIFICATE_EXPIRED"
	// The certificate of the coordinator is for another host.
	ReasonCertificateWrongHost Reason = "CERTIFICATE_WRONG_HOST"
	// The coordinator demands a client certificate.
	ReasonClientCertificateRequired Reason = "CLIENT_CERTIFICATE_REQUIRED"
	// The coordinator does not accept the client certificate.
	ReasonClientCertificateRefused Reason = "CLIENT_CERTIFICATE_REFUSED"
	// The coordinator speaks TLS, and the client sent plain text.
	ReasonTLSRequired Reason = "TLS_REQUIRED"
	// The client speaks TLS, and the coordinator does not.
	ReasonTLSUnsupported Reason = "TLS_UNSUPPORTED"
	// A TLS handshake failed for another reason.
	ReasonTLSFailed Reason = "TLS_FAILED"
	// Too many requests, or too many bytes of requests, wait for answers.
	ReasonRequestQueueFull Reason = "REQUEST_QUEUE_FULL"
	// Too many bytes of a command's results wait to be read.
	ReasonResultsUnread Reason = "RESULTS_UNREAD"
	// The node's token or certificate belongs to another network than the one that the program expects.
	ReasonNetworkMismatch Reason = "NETWORK_MISMATCH"
	// The other side broke the protocol.
	ReasonProtocol Reason = "PROTOCOL"
	// Any other error. errors.Unwrap has more.
	ReasonUnknown Reason = "UNKNOWN"
)

func (r Reason) Error() string { return string(r) }

// Error is the one type of the errors of this package. Where a ctx ended first, a call returns the ctx's error instead.
type Error struct {
	Reason  Reason
	Message string
	// The facts of the message, by name. The comment of each reason names them.
	Metadata map[string]string
	// A new attempt alone does not help: the request must change, or the network must.
	Permanent bool
	// Above 0 where the coordinator asks to wait at least this long before the next attempt.
	RetryAfter time.Duration
	cause      error
}

func (e *Error) Error() string { return string(e.Reason) + ": " + e.Message }

// Is reports whether target is the reason of this error.
func (e *Error) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

func (e *Error) Unwrap() error { return e.cause }

func fail(reason Reason, message string) *Error { return &Error{Reason: reason, Message: message} }

func refuse(reason Reason, message string, metadata ...string) *Error {
	e := &Error{Reason: reason, Message: message, Permanent: true, Metadata: map[string]string{}}
	for i := 0; i+1 < len(metadata); i += 2 {
		e.Metadata[metadata[i]] = metadata[i+1]
	}
	return e
}

func invalid(field, message string) *Error {
	return refuse(ReasonValueInvalid, message, "field", field)
}

func closedError() *Error { return fail(ReasonClosed, "the client is closed") }

func unanswered() *Error {
	return fail(ReasonUnavailable, "no coordinator is connected to answer; try again")
}

// The codes of a fault of the request itself.
var permanentCodes = []codes.Code{
	codes.InvalidArgument, codes.NotFound, codes.Unimplemented, codes.PermissionDenied, codes.Unauthenticated,
}

func isPermanent(code codes.Code) bool { return slices.Contains(permanentCodes, code) }

// ErrorOf returns the error of a detail of the contract, for example that of a PlayerOutcome. It returns nil for nil.
func ErrorOf(detail *kelpiev1.ErrorDetail) error {
	if detail == nil {
		return nil
	}
	return fromWire(detail)
}

func fromWire(detail *kelpiev1.ErrorDetail) *Error {
	if detail == nil {
		return fail(ReasonUnknown, "the coordinator gave no reason")
	}
	return &Error{
		Reason:     reasonOf(detail.Reason),
		Message:    detail.Message,
		Metadata:   detail.Metadata,
		Permanent:  isPermanent(codes.Code(detail.Code)),
		RetryAfter: detail.RetryAfter.AsDuration(),
	}
}

// A newer coordinator may have reasons that this version does not have: UNKNOWN.
func reasonOf(reason kelpiev1.ErrorReason) Reason {
	name, known := kelpiev1.ErrorReason_name[int32(reason)]
	if !known || reason == kelpiev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return ReasonUnknown
	}
	return Reason(strings.TrimPrefix(name, "ERROR_REASON_"))
}

// fromGRPC is the error for what a call or a stream returned.
func fromGRPC(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	answer, ok := status.FromError(err)
	if !ok {
		return &Error{Reason: ReasonUnknown, Message: err.Error(), cause: err}
	}
	for _, detail := range answer.Details() {
		if detail, ok := detail.(*kelpiev1.ErrorDetail); ok {
			return fromWire(detail)
		}
	}
	// An error without an ErrorDetail does not come from a coordinator.
	reason := ReasonUnknown
	if answer.Code() == codes.Unavailable {
		reason = ReasonUnavailable
	} else if isPermanent(answer.Code()) {
		reason = ReasonNotACoordinator
	}
	return &Error{Reason: reason, Message: answer.Message(), cause: err}
}

// Whether a stream ended in order.
func isEnd(err error) bool { return err == nil || errors.Is(err, io.EOF) }

package kelpie

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
)

// How long an endpoint has to show that it speaks TLS.
const probeTimeout = 2 * time.Second

// handshakes are those of one gRPC connection, which connects again after each loss. Each handshake reads the
// certificates. gRPC passes on only a text of a failure, so this keeps the reason of the last one.
type handshakes struct {
	credentials.TransportCredentials
	endpoint   string
	protection *protection
	mu         sync.Mutex
	failure    error
	// The last connection; nil: its handshake failed.
	conn *heardConn
	// The other side asked for a certificate of this client in the last handshake.
	asked bool
}

// heardConn notes whether the other side has sent anything after its handshake.
type heardConn struct {
	net.Conn
	heard atomic.Bool
}

func (c *heardConn) Read(bytes []byte) (int, error) {
	count, err := c.Conn.Read(bytes)
	if count > 0 {
		c.heard.Store(true)
	}
	return count, err
}

func (p *protection) handshakes(endpoint string) *handshakes {
	named := &tls.Config{ServerName: hostOf(endpoint)}
	return &handshakes{TransportCredentials: credentials.NewTLS(named), endpoint: endpoint, protection: p}
}

// ClientHandshake does the handshake of a new connection.
func (h *handshakes) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	var asked atomic.Bool
	secure, info, err := h.handshake(ctx, authority, raw, &asked)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failure, h.conn, h.asked = err, nil, asked.Load()
	if err != nil {
		return nil, nil, err
	}
	h.conn = &heardConn{Conn: secure}
	return h.conn, info, nil
}

func (h *handshakes) handshake(
	ctx context.Context, authority string, raw net.Conn, asked *atomic.Bool,
) (net.Conn, credentials.AuthInfo, error) {
	config, err := h.protection.config()
	if err != nil {
		return nil, nil, err
	}
	config.ServerName = hostOf(h.endpoint)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked.Store(true)
		if len(config.Certificates) == 0 {
			return new(tls.Certificate), nil
		}
		return &config.Certificates[0], nil
	}
	return credentials.NewTLS(config).ClientHandshake(ctx, authority, raw)
}

// Clone returns the same handshakes, so that the client sees those of gRPC.
func (h *handshakes) Clone() credentials.TransportCredentials { return h }

// The error of a stream. Where the connection did not open, it says why.
func (h *handshakes) explain(err error) error {
	known := fromGRPC(err)
	if known.Reason != ReasonUnavailable {
		return known
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.failure != nil:
		return h.meaning(h.failure)
	// With TLS 1.3 a coordinator refuses a client after the handshake. Its alert may be lost with the connection.
	case h.asked && h.conn != nil && !h.conn.heard.Load():
		return h.certificateProblem(known)
	}
	return known
}

func (h *handshakes) meaning(failure error) error {
	var unknown x509.UnknownAuthorityError
	var certificate x509.CertificateInvalidError
	var host x509.HostnameError
	var plain tls.RecordHeaderError
	var file *Error
	reason, message := ReasonTLSFailed, fmt.Sprintf("the handshake with %s failed: %v", h.endpoint, failure)
	switch {
	case errors.As(failure, &file):
		return file
	case errors.As(failure, &host):
		reason, message = ReasonCertificateWrongHost, h.wrongHost(host)
	case errors.As(failure, &certificate) && certificate.Reason == x509.Expired:
		reason = ReasonCertificateExpired
		message = fmt.Sprintf("the certificate of %s is out of date by the clock of this machine (%v); renew it "+
			"(kelpied certs --force), or set the clock", h.endpoint, failure)
	case errors.As(failure, &unknown), errors.As(failure, &certificate):
		reason = ReasonCertificateUntrusted
		message = fmt.Sprintf("no CA that this client trusts has signed the certificate of %s (%v); give the CA of this "+
			"coordinator as CA or KELPIE_CA", h.endpoint, failure)
	case errors.As(failure, &plain):
		reason = ReasonTLSUnsupported
		message = fmt.Sprintf("%s does not speak TLS; start kelpied with --tls-cert and --tls-key, or %s", h.endpoint, h.plainText())
	case h.asked && strings.Contains(failure.Error(), "remote error: tls: "):
		return h.certificateProblem(failure)
	}
	return &Error{Reason: reason, Message: message, cause: failure}
}

func (h *handshakes) wrongHost(err x509.HostnameError) string {
	names := strings.Join(err.Certificate.DNSNames, " ")
	for _, address := range err.Certificate.IPAddresses {
		names = strings.TrimSpace(names + " " + address.String())
	}
	host := hostOf(h.endpoint)
	return fmt.Sprintf("the certificate of %s is for %s, and not for %s; connect to one of these, or make a certificate "+
		"for all of them on its machine: kelpied certs --force %s %s", h.endpoint, cut(names, 200), host, cut(names, 200), host)
}

func (h *handshakes) plainText() string {
	if isLoopback(hostOf(h.endpoint)) {
		return "leave CA, Cert, Key and TLS out: on this machine plain text will do"
	}
	return "set Insecure, for plain text on a network that you trust"
}

// The other side asked for a certificate, and closed the connection when it saw the one of this client, or none.
func (h *handshakes) certificateProblem(cause error) error {
	if h.protection.cert == "" {
		return &Error{Reason: ReasonClientCertificateRequired, cause: cause, Message: fmt.Sprintf(
			"%s demands a client certificate; give one as Cert and Key, or as KELPIE_CERT and KELPIE_KEY", h.endpoint)}
	}
	return &Error{Reason: ReasonClientCertificateRefused, cause: cause, Message: fmt.Sprintf(
		"%s closed the connection when it saw the certificate of this client; it must be a valid one of the CA that "+
			"kelpied has as --tls-client-ca", h.endpoint)}
}

// plainConns are the connections in plain text of one gRPC connection.
type plainConns struct {
	endpoint string
	mu       sync.Mutex
	// nil: the last one did not open.
	last *heardConn
}

func (p *plainConns) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = nil
	if err != nil {
		return nil, err
	}
	p.last = &heardConn{Conn: conn}
	return p.last, nil
}

// The error of a stream. Where the endpoint accepts connections, sends nothing and speaks TLS: TLS_REQUIRED.
func (p *plainConns) explain(err error) error {
	known := fromGRPC(err)
	p.mu.Lock()
	last := p.last
	p.mu.Unlock()
	if known.Reason != ReasonUnavailable || last == nil || last.heard.Load() {
		return known
	}
	// The probe sends nothing to the other side, so any certificate will do.
	dialer := &tls.Dialer{
		NetDialer: &net.Dialer{Timeout: probeTimeout},
		Config:    &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}},
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	conn, failed := dialer.DialContext(ctx, "tcp", p.endpoint)
	if failed != nil {
		return known
	}
	_ = conn.Close()
	return fail(ReasonTLSRequired, fmt.Sprintf(
		"%s speaks TLS, and this client sent plain text; give the CA of this coordinator as CA or KELPIE_CA", p.endpoint))
}

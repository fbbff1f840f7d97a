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

// The alert of TLS in the words of crypto/tls.
const alertCertificateRequired = "tls: certificate required"

// handshakes are those of one connection, with the reason why the last one failed: gRPC passes on only a text.
type handshakes struct {
	credentials.TransportCredentials
	endpoint string
	hasCert  bool
	config   *tls.Config
	mu       sync.Mutex
	failure  error
	// The last connection; nil: its handshake failed.
	conn *heardConn
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

func (p *protection) handshakes(endpoint string) (*handshakes, error) {
	config, err := p.config()
	if err != nil {
		return nil, err
	}
	config.ServerName = hostOf(endpoint)
	shown := config.Clone()
	shown.NextProtos = []string{"h2"}
	return &handshakes{
		TransportCredentials: credentials.NewTLS(config), endpoint: endpoint, hasCert: p.cert != "", config: shown,
	}, nil
}

// ClientHandshake does the handshake of a new connection.
func (h *handshakes) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := h.TransportCredentials.ClientHandshake(ctx, authority, raw)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failure, h.conn = err, nil
	if err != nil {
		return nil, nil, err
	}
	h.conn = &heardConn{Conn: secure}
	return h.conn, info, nil
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
	failure, conn := h.failure, h.conn
	h.mu.Unlock()
	switch {
	case failure != nil:
		return h.meaning(failure)
	// With TLS 1.3 a coordinator refuses a client after the handshake.
	case conn == nil || conn.heard.Load():
		return known
	case h.hasCert:
		return h.certificateRefused(known)
	case h.demandsCertificate():
		return h.certificateRequired(known)
	}
	return known
}

// Whether the coordinator refuses a connection because it shows no certificate. gRPC writes first, and may never read
// the alert, so this connection only reads.
func (h *handshakes) demandsCertificate() bool {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: h.config}).DialContext(ctx, "tcp", h.endpoint)
	if err != nil {
		return strings.Contains(err.Error(), alertCertificateRequired)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(probeTimeout))
	_, err = conn.Read(make([]byte, 1))
	return err != nil && strings.Contains(err.Error(), alertCertificateRequired)
}

func (h *handshakes) meaning(failure error) error {
	var unknown x509.UnknownAuthorityError
	var certificate x509.CertificateInvalidError
	var host x509.HostnameError
	var plain tls.RecordHeaderError
	reason, message := ReasonTLSFailed, fmt.Sprintf("the handshake with %s failed: %v", h.endpoint, failure)
	switch {
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
	case strings.Contains(failure.Error(), alertCertificateRequired):
		return h.certificateRequired(failure)
	case strings.Contains(failure.Error(), "remote error: tls: ") && h.hasCert:
		return h.certificateRefused(failure)
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

func (h *handshakes) certificateRequired(cause error) error {
	return &Error{Reason: ReasonClientCertificateRequired, cause: cause, Message: fmt.Sprintf(
		"%s demands a client certificate; give one as Cert and Key, or as KELPIE_CERT and KELPIE_KEY", h.endpoint)}
}

func (h *handshakes) certificateRefused(cause error) error {
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

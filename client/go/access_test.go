package kelpie_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/kelpie"
	"example.com/kelpie/internal/testkelpied"
	"example.com/kelpie/kelpiev1"
)

// A coordinator with a data folder, whose commands can change its credentials.
type secured struct {
	*testkelpied.Kelpied
	t    *testing.T
	data string
}

func newSecured(t *testing.T) *secured {
	return &secured{t: t, data: filepath.Join(t.TempDir(), "data")}
}

func (s *secured) start() {
	s.t.Helper()
	s.Kelpied = testkelpied.Start(s.t, "--port", "0", "--data", s.data, "--metrics-port", "off")
}

// Runs kelpied token with these arguments, and returns the token.
func (s *secured) token(arguments ...string) string {
	s.t.Helper()
	arguments = append(append([]string{"token"}, arguments...), "--data", s.data, "--json")
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(testkelpied.Run(s.t, "server/main.js", arguments...)), &made); err != nil {
		s.t.Fatal(err)
	}
	return made.Token
}

func (s *secured) options(name string) kelpie.Options {
	return kelpie.Options{Name: name, Endpoints: []string{s.Endpoint}}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	token := s.token("create", "lobby-1", "--preset", "server")
	s.start()
	file := filepath.Join(t.TempDir(), "token")

	if err := connect(t, s.options("lobby-2")).Ready(within(t)); !errors.Is(err, kelpie.ReasonCredentialRequired) {
		t.Errorf("without a token: %v", err)
	}

	wrong := s.options("lobby-1")
	wrong.Token = "klp_" + strings.Repeat("x", 43)
	if err := connect(t, wrong).Ready(within(t)); !errors.Is(err, kelpie.ReasonCredentialInvalid) {
		t.Errorf("a wrong token: %v", err)
	} else if strings.Contains(err.Error(), wrong.Token) {
		t.Error("the error shows the token")
	}

	// The token of a file is read anew for each stream.
	options := s.options("lobby-1")
	options.TokenFile = file
	client := newClient(t, options)
	connected, away := statuses(t, client, kelpie.Connected), statuses(t, client, kelpie.Disconnected)
	client.Start(context.Background())
	if err := next(t, away).Err; !errors.Is(err, kelpie.ReasonFileInvalid) {
		t.Errorf("without the file: %v", err)
	}
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	next(t, connected)
	own, err := kelpiev1.NewAccessServiceClient(client.Conn()).GetOwnCredential(within(t), &kelpiev1.GetOwnCredentialRequest{})
	if err != nil || own.Network != "main" {
		t.Errorf("the own credential: %v, %v", own, err)
	}
	if err := client.Publish(within(t), "chat.global", "x"); err != nil {
		t.Error(err)
	}

	// The program expects another network.
	options.Network = "test"
	if err := connect(t, options).Ready(within(t)); !errors.Is(err, kelpie.ReasonNetworkMismatch) {
		t.Errorf("another network: %v", err)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	joining := s.token("create", "--preset", "server", "--node", "lobby-*", "--join", "--uses", "1")
	s.start()
	options := s.options("lobby-7")
	options.JoinToken, options.TokenFile = joining, filepath.Join(t.TempDir(), "deep", "token")
	client := connect(t, options)
	ready(t, client)
	info, err := os.Stat(options.TokenFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if err := client.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	// Its own token is enough from then on.
	ready(t, connect(t, options))

	other := s.options("lobby-8")
	other.JoinToken, other.TokenFile = joining, filepath.Join(t.TempDir(), "token")
	if err := connect(t, other).Ready(within(t)); !errors.Is(err, kelpie.ReasonJoinTokenUsed) {
		t.Errorf("a used join token: %v", err)
	}
	left, _ := filepath.Glob(other.TokenFile + "*")
	if len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

func certsIn(t *testing.T, folder string, arguments ...string) {
	t.Helper()
	testkelpied.Run(t, "server/main.js", append(append([]string{"certs"}, arguments...), "--out", folder)...)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	folder, strange := t.TempDir(), t.TempDir()
	certsIn(t, folder, "127.0.0.1")
	certsIn(t, strange, "10.9.8.7")
	at := func(name string) string { return filepath.Join(folder, name) }
	k := testkelpied.Start(t, "--dev", "--tls-cert", at("server.pem"), "--tls-key", at("server-key.pem"))
	plain := coordinator(t)
	for what, one := range map[string]struct {
		endpoint string
		change   func(*kelpie.Options)
		reason   kelpie.Reason
	}{
		"the CA":       {k.Endpoint, func(o *kelpie.Options) { o.CA = at("ca.pem") }, ""},
		"another CA":   {k.Endpoint, func(o *kelpie.Options) { o.CA = filepath.Join(strange, "ca.pem") }, kelpie.ReasonCertificateUntrusted},
		"no CA":        {k.Endpoint, func(o *kelpie.Options) { o.TLS = true }, kelpie.ReasonCertificateUntrusted},
		"another name": {forwarded(t, k.Endpoint), func(o *kelpie.Options) { o.CA = at("ca.pem") }, kelpie.ReasonCertificateWrongHost},
		"plain text":   {k.Endpoint, func(*kelpie.Options) {}, kelpie.ReasonTLSRequired},
		"no TLS there": {plain, func(o *kelpie.Options) { o.TLS = true }, kelpie.ReasonTLSUnsupported},
		"nobody":       {freePort(t), func(*kelpie.Options) {}, kelpie.ReasonUnavailable},
	} {
		options := kelpie.Options{Name: "tls", Endpoints: []string{one.endpoint}}
		one.change(&options)
		checkFirst(t, what, options, one.reason)
	}
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	folder, strange := t.TempDir(), t.TempDir()
	certsIn(t, folder, "127.0.0.1")
	certsIn(t, folder, "--client", "lobby-1")
	certsIn(t, strange, "--client", "lobby-1")
	at := func(name string) string { return filepath.Join(folder, name) }
	k := testkelpied.Start(t, "--dev", "--tls-cert", at("server.pem"), "--tls-key", at("server-key.pem"), "--tls-client-ca", at("ca.pem"))
	options := kelpie.Options{Name: "tls", Endpoints: []string{k.Endpoint}, CA: at("ca.pem")}
	checkFirst(t, "no certificate", options, kelpie.ReasonClientCertificateRequired)
	options.Cert, options.Key = filepath.Join(strange, "client-lobby-1.pem"), filepath.Join(strange, "client-lobby-1-key.pem")
	checkFirst(t, "a certificate of another CA", options, kelpie.ReasonClientCertificateRefused)
	options.Cert, options.Key = at("client-lobby-1.pem"), at("client-lobby-1-key.pem")
	checkFirst(t, "the certificate", options, "")
}

// A coordinator that refuses a client certificate may reset the connection, and its alert is lost. The client still
// says that the certificate is the reason.
func TestLostAlert(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certsIn(t, folder, "127.0.0.1")
	certsIn(t, folder, "--client", "lobby-1")
	at := func(name string) string { return filepath.Join(folder, name) }
	for asks, reasons := range map[tls.ClientAuthType][2]kelpie.Reason{
		tls.RequestClientCert: {kelpie.ReasonClientCertificateRequired, kelpie.ReasonClientCertificateRefused},
		tls.NoClientCert:      {kelpie.ReasonUnavailable, kelpie.ReasonUnavailable},
	} {
		pair, err := tls.LoadX509KeyPair(at("server.pem"), at("server-key.pem"))
		must(t, err)
		config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: asks, NextProtos: []string{"h2"}}
		options := kelpie.Options{Name: "tls", Endpoints: []string{resettingAfterHandshake(t, config)}, CA: at("ca.pem")}
		checkFirst(t, fmt.Sprintf("no certificate, %v", asks), options, reasons[0])
		options.Cert, options.Key = at("client-lobby-1.pem"), at("client-lobby-1-key.pem")
		checkFirst(t, fmt.Sprintf("a certificate, %v", asks), options, reasons[1])
	}
}

// An endpoint that resets each connection after its handshake.
func resettingAfterHandshake(t *testing.T, config *tls.Config) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = tls.Server(conn, config).Handshake()
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

// The connection for calls reads the CA again when it connects again.
func TestCallsAfterANewCA(t *testing.T) {
	t.Parallel()
	older, newer := t.TempDir(), t.TempDir()
	certsIn(t, older, "127.0.0.1")
	certsIn(t, newer, "127.0.0.1")
	start := func(folder, port string) *testkelpied.Kelpied {
		at := func(name string) string { return filepath.Join(folder, name) }
		return testkelpied.Start(t, "--dev", "--port", port, "--tls-cert", at("server.pem"), "--tls-key", at("server-key.pem"))
	}
	k := start(older, "0")
	client := connect(t, kelpie.Options{Name: "calls", Endpoints: []string{k.Endpoint}, CA: filepath.Join(older, "ca.pem")})
	ready(t, client)
	list := func() error {
		_, err := kelpiev1.NewNodeServiceClient(client.Conn()).ListNodes(within(t), &kelpiev1.ListNodesRequest{})
		return err
	}
	must(t, list())
	pem, err := os.ReadFile(filepath.Join(newer, "ca.pem"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(older, "ca.pem"), []byte("x"), 0o600))
	k.Kill()
	_, port, _ := net.SplitHostPort(k.Endpoint)
	start(newer, port)
	eventually(t, "the error of the file", func() bool { return errors.Is(list(), kelpie.ReasonFileInvalid) })
	must(t, os.WriteFile(filepath.Join(older, "ca.pem"), pem, 0o600))
	eventually(t, "a call", func() bool { return list() == nil })
}

// An address under which the endpoint has no certificate.
func forwarded(t *testing.T, endpoint string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", endpoint)
			if err != nil {
				_ = from.Close()
				continue
			}
			go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
			go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
		}
	}()
	return listener.Addr().String()
}

// The first attempt of a client connects, or fails for the reason.
func checkFirst(t *testing.T, what string, options kelpie.Options, reason kelpie.Reason) {
	t.Helper()
	client := newClient(t, options)
	loop := client.Status(within(t))
	client.Start(context.Background())
	for status := range loop {
		switch status.Kind {
		case kelpie.Connected:
			if reason != "" {
				t.Errorf("%s: it connected", what)
			}
		case kelpie.Disconnected:
			if reason == "" || !errors.Is(status.Err, reason) {
				t.Errorf("%s: %v", what, status.Err)
			}
		default:
			continue
		}
		break
	}
	if err := client.Close(within(t)); err != nil {
		t.Error(err)
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	good := kelpie.Options{Name: "a", Role: kelpie.Proxy}
	for what, one := range map[string]struct {
		change func(*kelpie.Options)
		reason kelpie.Reason
	}{
		"no name":             {func(o *kelpie.Options) { o.Name = "" }, kelpie.ReasonValueInvalid},
		"no role":             {func(o *kelpie.Options) { o.Role = 0 }, kelpie.ReasonValueInvalid},
		"an odd endpoint":     {func(o *kelpie.Options) { o.Endpoints = []string{"localhost"} }, kelpie.ReasonOutOfRange},
		"an odd port":         {func(o *kelpie.Options) { o.Endpoints = []string{"localhost:70000"} }, kelpie.ReasonOutOfRange},
		"an odd address":      {func(o *kelpie.Options) { o.Address = &kelpie.Address{} }, kelpie.ReasonOutOfRange},
		"an odd timeout":      {func(o *kelpie.Options) { o.HandlerTimeout = -1 }, kelpie.ReasonOutOfRange},
		"two tokens":          {func(o *kelpie.Options) { o.Token, o.TokenFile = "x", "y" }, kelpie.ReasonValueInvalid},
		"an odd token":        {func(o *kelpie.Options) { o.Token = "a b" }, kelpie.ReasonValueInvalid},
		"a lonely join token": {func(o *kelpie.Options) { o.JoinToken = "x" }, kelpie.ReasonValueInvalid},
		"insecure with a CA":  {func(o *kelpie.Options) { o.Insecure, o.CA = true, "x" }, kelpie.ReasonValueInvalid},
		"a key alone":         {func(o *kelpie.Options) { o.Key = "x" }, kelpie.ReasonValueInvalid},
		"no file of the CA":   {func(o *kelpie.Options) { o.CA = "/no/such/file" }, kelpie.ReasonFileInvalid},
		"no certificate":      {func(o *kelpie.Options) { o.CA = "access_test.go" }, kelpie.ReasonFileInvalid},
		"an odd cursor file":  {func(o *kelpie.Options) { o.CursorFile = "access_test.go" }, kelpie.ReasonFileInvalid},
	} {
		options := good
		one.change(&options)
		if _, err := kelpie.New(options); !errors.Is(err, one.reason) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

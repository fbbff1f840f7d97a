package kelpie

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// protection is whether a connection is encrypted, and with which certificates: texts in PEM, or paths of files, which
// the client reads again for each connection.
type protection struct {
	ca, cert, key string
	tls, insecure bool
}

// VALUE_INVALID for options that contradict each other, and FILE_INVALID.
func newProtection(o *Options) (*protection, error) {
	if o.Insecure && (o.TLS || o.CA != "" || o.Cert != "" || o.Key != "") {
		return nil, invalid("Insecure", "Insecure means plain text; leave it out, or leave CA, Cert, Key and TLS out")
	}
	p := &protection{tls: o.TLS, insecure: o.Insecure, ca: o.CA, cert: o.Cert, key: o.Key}
	for given, name := range map[*string]string{&p.ca: "KELPIE_CA", &p.cert: "KELPIE_CERT", &p.key: "KELPIE_KEY"} {
		if *given == "" {
			*given = os.Getenv(name)
		}
	}
	if (p.cert == "") != (p.key == "") {
		return nil, invalid("Cert", "a client certificate is both Cert and Key; one of them is missing")
	}
	if p.insecure {
		return p, nil
	}
	// A mistake in a file is an error now, and not a connection that never opens.
	_, err := p.config()
	return p, err
}

// Whether connections to the endpoint are encrypted.
func (p *protection) usesTLS(endpoint string) bool {
	if p.insecure {
		return false
	}
	return p.tls || p.ca != "" || p.cert != "" || !isLoopback(hostOf(endpoint))
}

// The host of host:port or [host]:port.
func hostOf(endpoint string) string {
	host := endpoint[:strings.LastIndex(endpoint, ":")]
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// Whether no other machine can reach the host. The only name that counts is localhost: no name is looked up.
func isLoopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// The certificates as they are now. FILE_INVALID.
func (p *protection) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if p.ca != "" {
		pem, err := contentOfPEM(p.ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fail(ReasonFileInvalid, fmt.Sprintf(
				"%s has no certificate; give a file in PEM, with -----BEGIN CERTIFICATE-----", nameOfPEM(p.ca)))
		}
	}
	if p.cert == "" {
		return config, nil
	}
	cert, err := contentOfPEM(p.cert)
	if err != nil {
		return nil, err
	}
	key, err := contentOfPEM(p.key)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, &Error{Reason: ReasonFileInvalid, cause: err, Message: fmt.Sprintf(
			"the certificate in %s and the key in %s cannot be used: %v", nameOfPEM(p.cert), nameOfPEM(p.key), err)}
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

func contentOfPEM(pemOrPath string) ([]byte, error) {
	if isPEM(pemOrPath) {
		return []byte(pemOrPath), nil
	}
	content, err := os.ReadFile(pemOrPath)
	if err != nil {
		return nil, &Error{Reason: ReasonFileInvalid, cause: err, Message: fmt.Sprintf("%s cannot be read: %v", pemOrPath, err)}
	}
	return content, nil
}

func isPEM(pemOrPath string) bool { return strings.Contains(pemOrPath, "-----BEGIN ") }

// For messages, which never show the text of a key.
func nameOfPEM(pemOrPath string) string {
	if isPEM(pemOrPath) {
		return "a given text"
	}
	return pemOrPath
}

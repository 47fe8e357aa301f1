package main

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// siteCertificate is that of the settings, which can be read anew while it is in
// use. Nil: plain http.
type siteCertificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// loadCertificate reads the certificate of the settings; nil: there is none.
func (n *networkSettings) loadCertificate() (*siteCertificate, error) {
	if n.TLSCert == "" {
		return nil, nil
	}
	c := &siteCertificate{certFile: n.TLSCert, keyFile: n.TLSKey}
	if err := c.reload(); err != nil {
		return nil, mistake{err}
	}
	return c, nil
}

// reload reads the files anew, for connections from now on. What can't be read
// changes nothing.
func (c *siteCertificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("tls-cert and tls-key: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

// config is how connections are encrypted; nil: they are not.
func (c *siteCertificate) config() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil }}
}

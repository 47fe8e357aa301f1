package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// healthCommand is mapae health.
type healthCommand struct {
	serverSettings
	Wait time.Duration `env:"-" placeholder:"DURATION" default:"3s" help:"How long the answer may take."`
}

// Help is shown below the usage line.
func (*healthCommand) Help() string {
	return `Asks the server on this machine, at the address where it listens by the same settings, whether it serves and reads its database: for containers and watchdogs. Exit codes: 0 it does, 1 it does not, 2 a mistake in the settings.

Example, in a Dockerfile:

  HEALTHCHECK CMD ["/mapae", "health"]`
}

// Run asks.
func (c *healthCommand) Run(ctx context.Context, std streams) error {
	host, port, err := net.SplitHostPort(c.address(&c.siteSettings))
	if err != nil {
		return mistake{fmt.Errorf("listen: %w", err)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // an empty root has nobody who knows localhost
	}
	client, scheme, err := c.client()
	if err != nil {
		return mistake{err}
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return mistake{err}
	}
	r, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil || r.StatusCode != http.StatusOK {
		return fmt.Errorf("health: status %d: %s", r.StatusCode, printable(string(text)))
	}
	fmt.Fprintln(std.out, strings.TrimSpace(string(text)))
	return nil
}

// client asks by https where the server has a certificate, which is then the
// one that is believed.
func (c *healthCommand) client() (client *http.Client, scheme string, err error) {
	client = &http.Client{Timeout: c.Wait, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if c.TLSCert == "" {
		return client, "http", nil
	}
	text, err := os.ReadFile(c.TLSCert)
	if err != nil {
		return nil, "", fmt.Errorf("tls-cert: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, "", fmt.Errorf("tls-cert: %s: no certificate in PEM", c.TLSCert)
	}
	client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: c.host(), MinVersion: tls.VersionTLS12}}
	return client, "https", nil
}

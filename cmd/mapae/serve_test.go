package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

func TestWhereTheServerListensFollowsFromItsOrigin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		origin, listen, cert, want string
	}{
		"on a developer's machine at the origin's port, for this machine only": {origin: "http://localhost:8080", want: "127.0.0.1:8080"},
		"on a developer's machine without a port":                              {origin: "http://localhost", want: "127.0.0.1:80"},
		"behind a proxy, for this machine only":                                {origin: "https://example.com", want: "127.0.0.1:8080"},
		"with a certificate at the port of https, on all addresses":            {origin: "https://example.com", cert: "c.pem", want: ":443"},
		"with a certificate at the origin's port":                              {origin: "https://example.com:8443", cert: "c.pem", want: ":8443"},
		"where it is told": {origin: "https://example.com", cert: "c.pem", listen: "10.0.0.1:9000", want: "10.0.0.1:9000"},
	} {
		n := networkSettings{Listen: c.listen, TLSCert: c.cert}
		if got := n.address(&siteSettings{Origin: []string{c.origin}}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// An invitation that mapae invite made beside the running server makes one
// account, for the address that it names.
func TestAnInvitationMakesOneAccount(t *testing.T) {
	t.Parallel()
	at, f := newHome(t), new(forwarded)
	s := start(t, at, nil, "--sign-up", "invited")
	text, err := exec.Command("mapae", "invite", "--origin", at.origin, "--data", at.dir, "--email", "ada@example.com").Output()
	if err != nil {
		t.Fatal(err)
	}
	invitation := strings.TrimSpace(string(text))
	for _, step := range []struct{ name, email, invitation, want string }{
		{"without an invitation", "ada@example.com", "", "forbidden"},
		{"for another address", "bob@example.com", invitation, "forbidden"},
		{"for the address it names", "ada@example.com", invitation, ""},
		{"a second time", "ada@example.com", invitation, "login_taken"},
	} {
		c := s.app(webauthntest.New(s.origin), f)
		if got := code(second(c.SignUpInvited(t.Context(), step.email, "Ada", step.invitation))); got != step.want {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
}

// certificate writes a self-signed one for the names and returns who trusts it.
func certificate(t *testing.T, certFile, keyFile string, names ...string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		text := pem.EncodeToMemory(block)
		pool.AppendCertsFromPEM(text)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

func TestItServesHTTPSWithoutAProxy(t *testing.T) {
	t.Parallel()
	at, dir := newHome(t), t.TempDir()
	origin := strings.Replace(at.origin, "http:", "https:", 1)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	roots := certificate(t, cert, key, "localhost")
	p := &process{origin: origin, cmd: exec.Command("mapae", "serve", "--origin", origin, "--data", at.dir, "--tls-cert", cert, "--tls-key", key)}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.waitFor(t, "Press Ctrl-C to stop")

	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	c := client.New(origin, webauthntest.New(origin))
	c.HTTP.Transport = transport
	if _, err := c.SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Error(err)
	}
	transport.CloseIdleConnections()
	transport.TLSClientConfig = &tls.Config{RootCAs: certificate(t, cert, key, "localhost")}
	if _, err := c.SignIn(t.Context()); err == nil {
		t.Error("the new certificate was in use before anybody asked for it")
	}
	p.signal(t, syscall.SIGHUP)
	p.waitFor(t, `msg="the certificate was read anew" tls_cert=`+cert)
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Errorf("with the new certificate: %v", err)
	}
	if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGHUP)
	p.waitFor(t, `msg="the certificate stays as it is" error="tls-cert and tls-key: `)
	transport.CloseIdleConnections()
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Errorf("after one that can't be read: %v", err)
	}
	p.signal(t, syscall.SIGTERM)
	if got := p.ended(t); got != "exit 0" {
		t.Errorf("the server ended with %s:\n%s", got, &p.out)
	}
}

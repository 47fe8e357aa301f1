package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
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

// found returns where a program is that may be among those of the administrator;
// empty: it is not there, and the test was skipped.
func found(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if at, err := exec.LookPath(path); err == nil {
			return at
		}
	}
	needs(t, name+" is not installed")
	return ""
}

func freePorts(t *testing.T, n int) []string {
	t.Helper()
	ports := make([]string, n)
	for i := range ports {
		var err error
		if ports[i], err = freePort(); err != nil {
			t.Fatal(err)
		}
	}
	return ports
}

// serveBehind is Mapae as the shipped configurations of proxies want it.
func serveBehind(t *testing.T, origin, port, dir string) *process {
	t.Helper()
	p := &process{origin: "http://127.0.0.1:" + port}
	p.run(t, "mapae", "serve", "--origin", origin, "--listen", "127.0.0.1:"+port, "--data", filepath.Join(dir, "data"), "--trusted-proxy", "127.0.0.1/32", "--mail", "none")
	if status, _, err := getWhenUp(p.origin + "/readyz"); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v\n%s", status, err, &p.out)
	}
	return p
}

// behindNginx serves with the shipped configuration of nginx, at ports of this
// test. It returns the two origins, who trusts the certificate, and the server.
func behindNginx(t *testing.T) (plain, secure, trusted string, upstream *process) {
	t.Helper()
	nginx := found(t, "nginx")
	ports := freePorts(t, 3)
	dir := t.TempDir()
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	certificate(t, chain, key, "localhost")
	shipped, err := os.ReadFile("../../deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	site := string(shipped)
	for _, change := range [][2]string{
		{"listen 80;", "listen 127.0.0.1:" + ports[0] + ";"}, {"listen 443 ssl http2;", "listen 127.0.0.1:" + ports[1] + " ssl http2;"},
		{"/etc/ssl/mapae/chain.pem", chain}, {"/etc/ssl/mapae/key.pem", key}, {"http://127.0.0.1:8080", "http://127.0.0.1:" + ports[2]},
		{"id.example.com", "localhost"},
	} {
		if !strings.Contains(site, change[0]) {
			t.Fatalf("deploy/nginx.conf has no %q", change[0])
		}
		site = strings.ReplaceAll(site, change[0], change[1])
	}
	head := "daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
	if os.Getuid() == 0 {
		head = "user root;\n" + head // others can't enter a test's directory
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		head += kind + "_temp_path " + filepath.Join(dir, kind) + ";\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(head+site+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secure = "https://localhost:" + ports[1]
	upstream = serveBehind(t, secure, ports[2], dir)
	front := &process{}
	front.run(t, nginx, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	plain = "http://localhost:" + ports[0]
	if status, to, err := getWhenUp(plain + "/sign-in?next=%2Faccount"); err != nil || status != http.StatusPermanentRedirect || !strings.HasPrefix(to, "https://localhost:"+ports[0]+"/sign-in?next=%2Faccount") {
		t.Fatalf("by http: status %d to %q, %v\n%s", status, to, err, &front.out)
	}
	return plain, secure, chain, upstream
}

// run starts a program, which is ended with the test, and those that it started
// with it.
func (p *process) run(t *testing.T, command ...string) {
	t.Helper()
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = &p.out, &p.out, time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // a kill would leave the workers of nginx
		_ = p.cmd.Wait()
	})
}

// from is a browser at that address, which lies about it.
func from(address string, roots *x509.CertPool) http.RoundTripper {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return liar{&http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", port))
		},
	}}
}

type liar struct{ *http.Transport }

func (l liar) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", "192.0.2.66")
	r.Header.Set("X-Forwarded-Proto", "http")
	r.Header.Set("X-Forwarded-Host", "evil.example")
	return l.Transport.RoundTrip(r)
}

// behindCaddy is behindNginx with the shipped configuration of Caddy, but for
// where its certificate comes from.
func behindCaddy(t *testing.T) (secure, trusted string, upstream *process) {
	t.Helper()
	caddy := found(t, "caddy")
	ports := freePorts(t, 2)
	dir := t.TempDir()
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	certificate(t, chain, key, "localhost")
	shipped, err := os.ReadFile("../../deploy/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	site := string(shipped)
	for _, change := range [][2]string{
		{"\nid.example.com {", "\nlocalhost:" + ports[0] + " {\n\tbind 127.0.0.1\n\ttls " + chain + " " + key}, {"reverse_proxy 127.0.0.1:8080", "reverse_proxy 127.0.0.1:" + ports[1]},
	} {
		if !strings.Contains(site, change[0]) {
			t.Fatalf("deploy/Caddyfile has no %q", change[0])
		}
		site = strings.ReplaceAll(site, change[0], change[1])
	}
	if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), []byte("{\n\tadmin off\n\tauto_https disable_redirects\n}\n"+site), 0o600); err != nil {
		t.Fatal(err)
	}
	secure = "https://localhost:" + ports[0]
	upstream = serveBehind(t, secure, ports[1], dir)
	front := &process{}
	front.run(t, "env", "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, caddy, "run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile"))
	if _, _, err := getWhenUp("http://127.0.0.1:" + ports[0]); err != nil { // speaks TLS only: an answer all the same
		t.Fatalf("%v\n%s", err, &front.out)
	}
	return secure, chain, upstream
}

func TestPeopleSignUpAndInThroughNginx(t *testing.T) {
	t.Parallel()
	_, secure, trusted, upstream := behindNginx(t)
	comeThrough(t, secure, trusted, upstream)
}

func TestPeopleSignUpAndInThroughCaddy(t *testing.T) {
	t.Parallel()
	secure, trusted, upstream := behindCaddy(t)
	comeThrough(t, secure, trusted, upstream)
}

// comeThrough signs up and in through a proxy as a browser that lies about its
// address, and asks the doctor about it.
func comeThrough(t *testing.T, secure, trusted string, upstream *process) {
	t.Helper()
	text, err := os.ReadFile(trusted)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	transport := from("127.0.0.5", roots)
	c := client.New(secure, webauthntest.New(secure))
	c.HTTP.Transport = transport
	defer transport.(liar).CloseIdleConnections()
	if _, err := c.SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	upstream.waitFor(t, "msg=event type=signin ")
	if log := upstream.out.String(); strings.Count(log, "address=127.0.0.5") < 4 || strings.Contains(log, "192.0.2.66") || strings.Contains(log, "evil.example") {
		t.Errorf("the log does not say who asked:\n%s", log)
	}
	cmd := exec.Command("mapae", "doctor", "--origin", secure, "--data", filepath.Join(filepath.Dir(trusted), "data"), "--trusted-proxy", "127.0.0.1/32", "--mail", "none")
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+trusted)
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("warning")) || !bytes.Contains(out, []byte("reaches the server")) {
		t.Errorf("the doctor finds %v\n%s", err, out)
	}
}

func TestTheUnitIsWhatSystemdUnderstandsAndLetsOutLittle(t *testing.T) {
	t.Parallel()
	analyze := found(t, "systemd-analyze")
	unit, err := os.ReadFile("../../deploy/mapae.service")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := exec.LookPath("mapae")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mapae.service")
	if err := os.WriteFile(path, bytes.ReplaceAll(unit, []byte("/usr/local/bin/mapae"), []byte(binary)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("mapae.service")) {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err = exec.Command(analyze, "security", "--offline=yes", "--no-pager", "--threshold=15", path).CombinedOutput()
	if err != nil {
		t.Errorf("security: an exposure of more than 1.5: %v\n%s", err, out)
	}
}

func TestHealthSaysWhetherTheServerIsWell(t *testing.T) {
	t.Parallel()
	at := newHome(t)
	ask := func(args ...string) (string, int) {
		cmd := exec.Command("mapae", append([]string{"health", "--data", at.dir}, args...)...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, code := ask("--origin", at.origin); code != exitFailed || !strings.Contains(out, "connection refused") {
		t.Errorf("no server: exit code %d, %s", code, out)
	}
	s := start(t, at, nil)
	if out, code := ask("--origin", s.origin); code != exitDone || out != "ok\n" {
		t.Errorf("a server: exit code %d, %s", code, out)
	}
	if out, code := ask("--origin", "https://example.com", "--listen", strings.TrimPrefix(s.origin, "http://")); code != exitDone || out != "ok\n" {
		t.Errorf("behind a proxy: exit code %d, %s", code, out)
	}
	if _, code := ask("--origin", s.origin, "--wait", "0s", "--listen", "nowhere"); code != exitMistake {
		t.Errorf("no address: exit code %d", code)
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	}), ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(other) }()
	defer srv.Close()
	if out, code := ask("--listen", other.Addr().String()); code != exitFailed || !strings.Contains(out, "status 503: unavailable") {
		t.Errorf("a server that can't read its database: exit code %d, %s", code, out)
	}
}

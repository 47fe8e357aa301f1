package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

// process is the real binary, serving.
type process struct {
	cmd    *exec.Cmd
	origin string
	out    output
}

// output is what a process has printed so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// home is what a process finds again when it starts anew.
type home struct{ dir, origin string }

// newHome returns an empty directory, and an origin at a port that was free.
func newHome(t *testing.T) home {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return home{t.TempDir(), "http://localhost:" + port}
}

// start serves at home, see serveAt. X-Forwarded-For of this machine is
// believed, so that the limits by address stay on and don't stand in the way.
func start(t *testing.T, at home, command []string, flags ...string) *process {
	t.Helper()
	return serveAt(t, at, command, append([]string{"--trusted-proxy", "127.0.0.0/8", "--mail", "none"}, flags...)...)
}

// serveAt serves at home and waits until it is ready. Command is put in front,
// as strace is; the process is killed with the test.
func serveAt(t *testing.T, at home, command []string, flags ...string) *process {
	t.Helper()
	p := &process{origin: at.origin}
	command = append(append(command, "mapae", "serve", "--origin", at.origin, "--data", at.dir), flags...)
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // most often it has ended
		_ = p.cmd.Wait()
	})
	if status, _, err := getWhenUp(p.origin + "/readyz"); err != nil || status != http.StatusOK {
		t.Fatalf("the server is not ready: status %d, %v\n%s", status, err, &p.out)
	}
	return p
}

// signal sends a signal.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits for a text in the output, for at most 30 s.
func (p *process) waitFor(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(p.out.String(), text) {
			return
		}
	}
	t.Fatalf("the server never said %q:\n%s", text, &p.out)
}

// ended waits for the end of the process, for at most 20 s, and returns how it
// ended: "exit 0", "signal: killed".
func (p *process) ended(t *testing.T) string {
	t.Helper()
	late := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Signal(syscall.SIGQUIT) })
	defer late.Stop()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit %d", p.cmd.ProcessState.ExitCode())
}

// forwarded says of each request that it was forwarded for another address.
type forwarded struct{ count atomic.Uint32 }

func (f *forwarded) RoundTrip(r *http.Request) (*http.Response, error) {
	n := f.count.Add(1)
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", byte(n>>16), byte(n>>8), byte(n)))
	return http.DefaultTransport.RoundTrip(r)
}

// app returns an app of the process that signs in with key, made here where it
// is nil.
func (p *process) app(key *webauthntest.Authenticator, f *forwarded) *client.Client {
	if key == nil {
		key = webauthntest.New(p.origin)
	}
	c := client.New(p.origin, key)
	c.App = true
	c.HTTP = &http.Client{Transport: f, Timeout: 10 * time.Second}
	return c
}

// live reports whether token is a live session's.
func (p *process) live(ctx context.Context, token string, f *forwarded) (bool, error) {
	c := p.app(nil, f)
	c.SetToken(token)
	_, err := c.Session(ctx)
	var answer *client.Error
	if errors.As(err, &answer) && answer.Code == "unauthenticated" {
		return false, nil
	}
	return err == nil, err
}

// code returns the code of the server's answer, or the error's text.
func code(err error) string {
	var answer *client.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &answer):
		return answer.Code
	}
	return err.Error()
}

// needs skips a test that can't run here, and says why; where CI is set it
// fails.
func needs(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s, which CI must have", what)
	}
	t.Skipf("%s", what)
}

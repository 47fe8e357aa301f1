package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

// BI-487, BI-488: the disk fails at some flush, or some write, again and again.
// Nobody is told yes whose write is not there afterwards; the others are told
// that the server can't.
func TestADiskThatFailsIsNeverAnsweredWithYes(t *testing.T) {
	t.Parallel()
	if err := exec.Command("strace", "-qq", "-o", os.DevNull, "true").Run(); err != nil {
		needs(t, "strace can't trace here: "+err.Error())
	}
	for name, c := range map[string]struct {
		calls string
		first int // of a thread's calls that fails: a start needs some writes
	}{"flush": {"fsync,fdatasync", 2}, "write": {"pwrite64", 30}} {
		for _, every := range []int{2, 3, 7} {
			t.Run(fmt.Sprintf("every %d. %s", every, name), func(t *testing.T) {
				t.Parallel()
				at, f := newHome(t), new(forwarded)
				stopWell(t, start(t, at, nil))
				s := start(t, at, []string{"strace", "-D", "-f", "-qq", "-o", os.DevNull, "-e", "trace=" + c.calls,
					"-e", fmt.Sprintf("inject=%s:error=EIO:when=%d+%d", c.calls, c.first, every)})
				people, refused := signUpDespite(t, s, f)
				s.signal(t, syscall.SIGKILL)
				s.ended(t)
				if checkAll(t, at, people, f); refused == 0 {
					t.Error("the disk never failed")
				}
			})
		}
	}
}

// signUpDespite lets people use a server that fails now and then, and returns
// them and how often they were refused.
func signUpDespite(t *testing.T, s *process, f *forwarded) (people []*person, refused int64) {
	t.Helper()
	var acknowledged atomic.Int32
	var failed atomic.Int64
	var all sync.WaitGroup
	people = make([]*person, 12)
	for i := range people {
		people[i] = &person{email: fmt.Sprintf("p%d@example.com", i), key: webauthntest.New(s.origin)}
		c := s.app(people[i].key, f)
		all.Go(func() {
			people[i].use(t.Context(), c, &acknowledged)
			_, err := s.app(webauthntest.New(s.origin), f).SignUp(t.Context(), fmt.Sprintf("q%d@example.com", i), "Q")
			var answer *client.Error
			if err != nil && (!errors.As(err, &answer) || answer.Status != http.StatusServiceUnavailable) {
				t.Errorf("with a disk that fails: %v", err)
			}
			failed.Add(1) // use ends with a refusal only
		})
	}
	all.Wait()
	return people, failed.Load()
}

// stopWell ends a server as an operator does.
func stopWell(t *testing.T, s *process) {
	t.Helper()
	s.signal(t, syscall.SIGTERM)
	if got := s.ended(t); got != "exit 0" {
		t.Fatalf("the server ended with %s:\n%s", got, &s.out)
	}
}

// BI-503: after a restart 200 clients come back at once.
func TestAllComeBackAtOnceAfterARestart(t *testing.T) {
	t.Parallel()
	at, f := newHome(t), new(forwarded)
	s := start(t, at, nil)
	key := webauthntest.New(s.origin)
	if _, err := s.app(key, f).SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	stopWell(t, s)
	s = start(t, at, nil)
	begun := time.Now()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if _, err := s.app(key, f).SignIn(t.Context()); err != nil {
				t.Errorf("after %v: %v", time.Since(begun), err)
			}
		})
	}
	all.Wait()
	if _, err := s.app(key, f).SignIn(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// BI-505: more connections than the server may have files. It lives, and is
// itself again when they are gone.
func TestAServerWithoutFilesHeals(t *testing.T) {
	t.Parallel()
	at, f := newHome(t), new(forwarded)
	stopWell(t, start(t, at, nil))
	s := start(t, at, []string{"sh", "-c", `ulimit -n 64 && exec "$@"`, "sh"})
	key := webauthntest.New(s.origin)
	if _, err := s.app(key, f).SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	var open []net.Conn
	for range 100 {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.origin, "http://"))
		if err == nil { // else the backlog is full too
			open = append(open, c)
		}
	}
	s.waitFor(t, "too many open files")
	for _, c := range open {
		_ = c.Close()
	}
	var err error
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if _, err = s.app(key, f).SignIn(t.Context()); err == nil {
			break
		}
	}
	if err != nil {
		t.Errorf("the server does not heal: %v", err)
	}
	stopWell(t, s)
}

// BI-511: the first start, which makes the tables, is killed at any moment. The
// next one finishes what it began.
func TestAStartThatIsKilledIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for wait := range 12 {
		at, f := newHome(t), new(forwarded)
		cmd := exec.Command("mapae", "serve", "--origin", at.origin, "--data", at.dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(wait*6) * time.Millisecond)
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		s := start(t, at, nil)
		if _, err := s.app(webauthntest.New(s.origin), f).SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
			t.Errorf("after a kill at %d ms: %v", wait*6, err)
		}
		stopWell(t, s)
	}
}

// BI-524: with a log of everything there is no secret in it.
func TestNoSecretIsInTheLog(t *testing.T) {
	t.Parallel()
	at, f := newHome(t), new(forwarded)
	s := start(t, at, nil, "--log-level", "debug")
	key := webauthntest.New(s.origin)
	c := s.app(key, f)
	ticket, options, err := c.BeginSignUp(t.Context(), "ada@example.com", "Ada", "")
	if err != nil {
		t.Fatal(err)
	}
	made, err := key.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	done, err := c.FinishSignUp(t.Context(), ticket, made)
	if err != nil {
		t.Fatal(err)
	}
	secrets := append([]string{ticket, c.Token()}, done.RecoveryCodes...)
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadFile(filepath.Join(at.dir, "mapae.keys"))
	if err != nil {
		t.Fatal(err)
	}
	_, rootKey, _ := strings.Cut(string(keys), "\nseal ")
	secrets = append(secrets, c.Token(), strings.TrimSpace(rootKey))
	stopWell(t, s)
	for i, secret := range secrets {
		if len(secret) < 8 || strings.Contains(s.out.String(), secret) {
			t.Errorf("secret %d, of %d letters, is in the log:\n%s", i, len(secret), &s.out)
		}
	}
	if len(done.RecoveryCodes) == 0 || !strings.Contains(s.out.String(), "/api/auth/passkey/verify") {
		t.Error("there were no codes, or no log")
	}
}

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthntest"
)

// pending is a request whose body the server waits for.
type pending struct {
	net.Conn
	body []byte
}

// begin sends the head of a POST and waits until the server asks for the body,
// so that the request is under way.
func begin(t *testing.T, s *process, path string, body []byte) pending {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.origin, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nMapae-Client: app\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		path, strings.TrimPrefix(s.origin, "http://"), len(body))
	const want = "HTTP/1.1 100 Continue\r\n\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("the server answers %q, %v", got, err)
	}
	return pending{c, body}
}

// finish sends the body and returns status and body of the answer.
func (p pending) finish(t *testing.T) (int, []byte) {
	t.Helper()
	if _, err := p.Write(p.body); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(p), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

// BI-502: SIGTERM with 100 sign-ins under way. All are answered, the process
// ends with 0, and what it answered is there after a restart.
func TestRequestsUnderWayAreAnsweredAfterSIGTERM(t *testing.T) {
	t.Parallel()
	at, f := newHome(t), new(forwarded)
	s := start(t, at, nil)
	key := webauthntest.New(s.origin)
	c := s.app(key, f)
	if _, err := c.SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	requests := make([]pending, 100)
	for i := range requests {
		options, err := c.BeginSignIn(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		answer, err := key.Get(options)
		if err != nil {
			t.Fatal(err)
		}
		requests[i] = begin(t, s, "/api/auth/passkey/verify", fmt.Appendf(nil, `{"credential":%s}`, answer))
	}
	s.signal(t, syscall.SIGTERM)
	s.waitFor(t, "stopping")
	began := time.Now()
	tokens := make([]string, len(requests))
	for i, r := range requests {
		status, body := r.finish(t)
		var in struct{ Token string }
		if err := json.Unmarshal(body, &in); err != nil || status != http.StatusOK || in.Token == "" {
			t.Fatalf("request %d: status %d, %s", i, status, body)
		}
		tokens[i] = in.Token
	}
	if got, took := s.ended(t), time.Since(began); got != "exit 0" || took > 15*time.Second {
		t.Errorf("the server ended with %s after %v:\n%s", got, took, &s.out)
	}
	s = start(t, at, nil)
	for i, token := range tokens {
		if live, err := s.live(t.Context(), token, f); !live || err != nil {
			t.Errorf("session %d, which was acknowledged, is live: %v, %v", i, live, err)
		}
	}
}

func TestAfterSIGTERMNoNewConnectionIsTaken(t *testing.T) {
	t.Parallel()
	s := start(t, newHome(t), nil)
	r := begin(t, s, "/api/auth/passkey/options", []byte("{}"))
	s.signal(t, syscall.SIGTERM)
	s.waitFor(t, "stopping")
	refused := false
	for end := time.Now().Add(5 * time.Second); !refused && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.origin, "http://"))
		if refused = err != nil; !refused {
			_ = c.Close()
		}
	}
	if !refused {
		t.Error("connections are still taken")
	}
	if status, body := r.finish(t); status != http.StatusOK {
		t.Errorf("the request under way: status %d, %s", status, body)
	}
	if got := s.ended(t); got != "exit 0" {
		t.Errorf("the server ended with %s", got)
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, newHome(t), nil)
	begin(t, s, "/api/auth/passkey/options", []byte("{}"))
	s.signal(t, syscall.SIGTERM)
	s.waitFor(t, "stopping")
	s.signal(t, syscall.SIGTERM)
	if got := s.ended(t); got != "signal: terminated" {
		t.Errorf("the server ended with %s", got)
	}
}

func TestARequestThatNeverEndsIsCutOffAfterTheGrace(t *testing.T) {
	t.Parallel()
	s := start(t, newHome(t), nil, "--shutdown-grace", "200ms")
	begin(t, s, "/api/auth/passkey/options", []byte("{}"))
	s.signal(t, syscall.SIGTERM)
	if got := s.ended(t); got != "exit 1" {
		t.Errorf("the server ended with %s", got)
	}
	if want := "requests were cut off after 200ms"; !strings.Contains(s.out.String(), want) {
		t.Errorf("the output lacks %q:\n%s", want, &s.out)
	}
}

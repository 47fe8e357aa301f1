package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
)

// mailbox is an SMTP server in this process that keeps what it is sent.
type mailbox struct {
	mu   sync.Mutex
	got  []string
	came chan struct{}
}

// open serves at addr, and returns that, with the port that it got.
func (m *mailbox) open(t *testing.T, addr string) string {
	t.Helper()
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{m}, nil }))
	srv.Domain = "localhost"
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return ln.Addr().String()
}

type mailSession struct{ box *mailbox }

func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }

func (s mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.got = append(s.box.got, string(text))
	s.box.came <- struct{}{}
	return nil
}

// askForAccount asks to sign up, as an app does, and returns how long that took.
func askForAccount(t *testing.T, origin, email string) time.Duration {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/api/auth/signup/passkey/options", strings.NewReader(`{"email":"`+email+`","name":"Ada"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Mapae-Client", "app")
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", res.StatusCode, err, body)
	}
	return time.Since(began)
}

// waitUntilDelayed waits until the outbox in the database at path has noted why
// its mail was not sent.
func waitUntilDelayed(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var noted int
		if err := db.QueryRow("SELECT count(*) FROM mapae_outbox WHERE last_error <> ''").Scan(&noted); err == nil && noted == 1 {
			return
		}
	}
	t.Fatal("the outbox never noted that the mail was not sent")
}

// bringForward makes the mail in the database at path due 20 seconds earlier
// than it is: nobody waits for it in a test.
func bringForward(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const early = 20 * time.Second
	done, err := db.Exec("UPDATE mapae_outbox SET due_at = due_at - ? WHERE due_at > ?", early.Microseconds(), time.Now().UnixMicro())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%d mails were due later, %v", n, err)
	}
}

// The mail server is down, then the process is killed: the mail is sent once
// both are back, and once only.
func TestMailOutlivesAnOutageOfTheMailServerAndAKill(t *testing.T) {
	t.Parallel()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	at, addr := newHome(t), "127.0.0.1:"+port
	flags := []string{"--mail", "smtp", "--smtp-server", addr, "--smtp-tls", "none", "--mail-from", "no-reply@example.com"}
	s := start(t, at, nil, flags...)
	if took := askForAccount(t, s.origin, "ada@example.com"); took > 5*time.Second {
		t.Errorf("the answer took %v while the mail server was down", took)
	}
	s.waitFor(t, "mail was not sent")
	waitUntilDelayed(t, filepath.Join(at.dir, "mapae.db")) // killed before that, the mail is claimed for minutes
	s.signal(t, syscall.SIGKILL)
	if how := s.ended(t); how != "signal: killed" {
		t.Fatal(how)
	}
	bringForward(t, filepath.Join(at.dir, "mapae.db")) // the first wait is 30 s
	box := &mailbox{came: make(chan struct{}, 10)}
	box.open(t, addr)
	s = start(t, at, nil, flags...)
	select {
	case <-box.came:
	case <-time.After(60 * time.Second):
		t.Fatalf("the mail never came:\n%s", &s.out)
	}
	askForAccount(t, s.origin, "lee@example.com")
	s.signal(t, syscall.SIGTERM) // what was just written is seen off before the end
	if how := s.ended(t); how != "exit 0" {
		t.Fatalf("%s\n%s", how, &s.out)
	}
	box.mu.Lock()
	defer box.mu.Unlock()
	if len(box.got) != 2 || !strings.Contains(box.got[0], "To: <ada@example.com>") || !strings.Contains(box.got[1], "To: <lee@example.com>") {
		t.Errorf("%d mails:\n%s", len(box.got), strings.Join(box.got, "\n"))
	}
}

func TestMailIsDeliveredAgainAndAgainUntilTheEndAndOnceMoreThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		var gaps []time.Duration
		last := time.Now()
		deliver := func(ctx context.Context) (int, error) {
			if calls++; ctx.Err() != nil {
				t.Error("called with a context that has ended")
			}
			gaps, last = append(gaps, time.Since(last)), time.Now()
			if calls == 2 {
				return 0, errors.New("the store is gone")
			}
			if _, bounded := ctx.Deadline(); bounded != (calls == 5) {
				t.Errorf("call %d is bounded: %v", calls, bounded)
			}
			if calls == 4 {
				cancel()
			}
			return 1, nil
		}
		deliverForever(ctx, slog.New(slog.NewTextHandler(&log, nil)), deliver)
		if calls != 5 || gaps[1] > 2*deliverInterval || gaps[2] != deliverRest || gaps[3] > 2*deliverInterval {
			t.Errorf("%d calls after %v", calls, gaps)
		}
		if strings.Count(log.String(), "the store is gone") != 1 {
			t.Errorf("log %q", &log)
		}
	})
}

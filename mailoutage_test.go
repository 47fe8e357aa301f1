package mapae_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/mail"
	"github.com/mapae/mapae/sqlite"
	"github.com/mapae/mapae/webauthntest"
)

// relay stands before a real SMTP server, and behaves as mode says.
type relay struct {
	addr, server string

	mu   sync.Mutex
	mode string         // "good", "down", "silent", "busy" (4xx), "refusing" (5xx), "cut" (in the middle of a mail)
	got  map[string]int // by recipient
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	r := &relay{mode: "good", got: map[string]int{}}
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	behind, front := listen(), listen()
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &relayed{relay: r}, nil }))
	srv.Domain = "localhost"
	go func() { _ = srv.Serve(behind) }()
	go func() {
		for {
			c, err := front.Accept()
			if err != nil {
				return
			}
			go r.carry(c)
		}
	}()
	t.Cleanup(func() { _, _ = front.Close(), srv.Close() })
	r.addr, r.server = front.Addr().String(), behind.Addr().String()
	return r
}

func (r *relay) set(mode string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode = mode
}

func (r *relay) now() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mode
}

// carry hands a connection to the server behind, or harms it.
func (r *relay) carry(c net.Conn) {
	defer c.Close()
	switch r.now() {
	case "down":
		return
	case "silent":
		_, _ = io.Copy(io.Discard, c)
		return
	}
	s, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer s.Close()
	go func() { _, _ = io.Copy(c, s) }()
	for in := bufio.NewReader(c); ; {
		line, err := in.ReadString('\n')
		if err != nil || r.now() == "cut" && strings.HasPrefix(line, "Subject:") {
			return
		}
		if _, err := io.WriteString(s, line); err != nil {
			return
		}
	}
}

// relayed is a connection to the server behind.
type relayed struct {
	relay *relay
	to    string
}

func (s *relayed) Mail(string, *smtp.MailOptions) error { return nil }
func (s *relayed) Reset()                               {}
func (s *relayed) Logout() error                        { return nil }

func (s *relayed) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	switch s.relay.now() {
	case "busy":
		return &smtp.SMTPError{Code: 451, Message: "later"}
	case "refusing":
		return &smtp.SMTPError{Code: 550, Message: "no such person"}
	}
	return nil
}

func (s *relayed) Data(r io.Reader) error {
	if _, err := io.ReadAll(r); err != nil {
		return err
	}
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.got[s.to]++
	return nil
}

// newOutage returns a world on SQLite whose mail goes through a relay.
func newOutage(t *testing.T) (*post, *relay) {
	t.Helper()
	store := must(sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "mapae.db")))(t)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	r := newRelay(t)
	mailer := must(mail.New(mail.Config{Server: r.addr, TLS: mail.TLSNone, From: "no-reply@example.com", Timeout: 500 * time.Millisecond}))(t)
	p := newPost(t, store)
	p.says = mailer.Send
	return p, r
}

func TestNoMailIsLostOrSentTwiceWhateverTheServerDoes(t *testing.T) {
	t.Parallel()
	p, r := newOutage(t)
	var want []string
	for _, mode := range []string{"down", "silent", "busy", "cut", "good"} {
		r.set(mode)
		for n := range 2 {
			to := fmt.Sprintf("%s%d@example.com", mode, n)
			want = append(want, to)
			p.write(mapae.Letter{Kind: mapae.MailSignInCode, To: to, Code: "ABCD-EFGH"})
		}
		delivered := 0
		if mode == "good" {
			delivered = len(want)
		}
		p.pass(2 * time.Hour) // what waits is due
		p.delivers(delivered)
		if mode != "good" && (len(p.outbox()) != len(want) || len(r.got) != 0) {
			t.Errorf("%s: %d mails wait, %d arrived, want %d and none", mode, len(p.outbox()), len(r.got), len(want))
		}
	}
	for _, to := range want {
		if r.got[to] != 1 {
			t.Errorf("%s got %d mails, want 1", to, r.got[to])
		}
	}
	if len(r.got) != len(want) || len(p.outbox()) != 0 {
		t.Errorf("%d people got mail, %d mails wait", len(r.got), len(p.outbox()))
	}
	r.set("refusing")
	p.write(mapae.Letter{Kind: mapae.MailSignInCode, To: "gone@example.com", Code: "ABCD-EFGH"})
	p.delivers(0)
	if e := p.lastEvent(); len(p.outbox()) != 0 || e.Type != mapae.EventMailFailed || e.Reason != "signin_code:refused" {
		t.Errorf("refused for good: %+v", e)
	}
}

// TestNobodyWaitsForAMailServer signs in and writes mail while a delivery hangs
// on a server that does not answer.
func TestNobodyWaitsForAMailServer(t *testing.T) {
	t.Parallel()
	p, _ := newOutage(t)
	device := webauthntest.New(origin)
	made := p.node(func(cfg *mapae.Config) { cfg.Mailer = nil }).signUp(browser(1), device, "kim@example.com")
	hanging, release := make(chan struct{}), make(chan struct{})
	p.says = func(context.Context, mapae.Message) error {
		close(hanging)
		<-release // a server that says nothing
		return nil
	}
	p.write(notice(1))
	ended := make(chan error, 1)
	go func() { _, err := p.Deliver(p.ctx); ended <- err }()
	<-hanging
	for n := range 3 { // a store that was held would let none of this through
		p.signIn(browser(byte(n)), device)
		p.write(mapae.Letter{Kind: mapae.MailSignInCode, To: "lee@example.com", Code: "ABCD-EFGH"})
	}
	if got := p.sessions(made.User); got < 3 {
		t.Errorf("%d sessions", got)
	}
	select {
	case err := <-ended:
		t.Fatalf("the delivery did not hang: %v", err)
	default:
	}
	p.postman.mu.Lock()
	p.says = nil
	p.postman.mu.Unlock()
	close(release)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

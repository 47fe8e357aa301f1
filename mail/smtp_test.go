package mail

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/mapae/mapae"
)

// server is a real SMTP server in this process, as one test wants it.
type server struct {
	cfg  Config // to reach it
	cert tls.Certificate

	mu       sync.Mutex
	got      []received
	users    []string
	refuse   func(stage, value string) error // "helo", "auth", "mail", "rcpt" or "data"
	sessions int
}

// received is a mail that the server took.
type received struct {
	from string
	to   []string
	data []byte
	tls  bool
}

func newServer(t *testing.T, mode TLS, change func(*smtp.Server)) *server {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	s := &server{cert: web.TLS.Certificates[0]}
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return s.session(c) }))
	srv.Domain, srv.AllowInsecureAuth, srv.MaxMessageBytes, srv.ErrorLog = "mx.example.com", true, 1<<20, nobody{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	encrypted := &tls.Config{Certificates: []tls.Certificate{s.cert}}
	switch mode {
	case TLSStart:
		srv.TLSConfig = encrypted
	case TLSImplicit:
		ln = tls.NewListener(ln, encrypted)
	}
	if change != nil {
		change(srv)
	}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	s.cfg = Config{Server: ln.Addr().String(), TLS: mode, From: "Example <no-reply@example.com>", RootCAs: roots, Timeout: 5 * time.Second, Templates: shippedTemplates(t)}
	return s
}

// nobody reads what the server complains of.
type nobody struct{}

func (nobody) Printf(string, ...any) {}
func (nobody) Println(...any)        {}

func (s *server) session(c *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	s.sessions++
	s.mu.Unlock()
	if err := s.verdict("helo", c.Hostname()); err != nil {
		return nil, err
	}
	_, encrypted := c.TLSConnectionState()
	return &session{server: s, mail: received{tls: encrypted}}, nil
}

func (s *server) verdict(stage, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse == nil {
		return nil
	}
	return s.refuse(stage, value)
}

func (s *server) taken() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// session is one connection to a server.
type session struct {
	server *server
	mail   received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "right" {
			return smtp.ErrAuthFailed
		}
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.users = append(s.server.users, user)
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	return s.server.verdict("mail", from)
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = append(s.mail.to, to)
	return s.server.verdict("rcpt", to)
}

func (s *session) Data(r io.Reader) error {
	if err := s.server.verdict("data", ""); err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.data = data
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.got = append(s.server.got, s.mail)
	return nil
}

func (s *session) Reset()        { s.mail = received{tls: s.mail.tls} }
func (s *session) Logout() error { return nil }

func newMailer(t *testing.T, cfg Config) *Mailer {
	t.Helper()
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wantUndeliverable demands that err says that trying again is of no use, and
// why.
func wantUndeliverable(t *testing.T, name string, err error, why string) {
	t.Helper()
	if !errors.Is(err, mapae.ErrUndeliverable) || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: %v, want undeliverable with %q", name, err, why)
	}
}

// wantLater demands that err leaves room for another try.
func wantLater(t *testing.T, name string, err error, why string) {
	t.Helper()
	if err == nil || errors.Is(err, mapae.ErrUndeliverable) || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: %v, want an error that may pass, with %q", name, err, why)
	}
}

// parts reads a mail as a mail program does.
func parts(t *testing.T, data []byte) (mail.Header, map[string]string) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v", kind, err)
	}
	found := map[string]string{}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return msg.Header, found
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
			t.Errorf("encoding %q", p.Header.Get("Content-Transfer-Encoding"))
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		found[p.Header.Get("Content-Type")] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

func TestAMailArrivesAsItWasWritten(t *testing.T) {
	t.Parallel()
	s := newServer(t, TLSStart, nil)
	mailer := newMailer(t, s.cfg)
	for _, tag := range tags {
		m := letterOf(mapae.MailReset)
		m.Locale = tag
		if err := mailer.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got := s.taken()[len(s.taken())-1]
		if got.from != "no-reply@example.com" || !slices.Equal(got.to, []string{m.To}) || !got.tls {
			t.Errorf("from %s to %s, encrypted %v", got.from, got.to, got.tls)
		}
		letter, err := shippedTemplates(t).Write(m)
		if err != nil {
			t.Fatal(err)
		}
		header, body := parts(t, got.data)
		if body["text/plain; charset=UTF-8"] != letter.Text || body["text/html; charset=UTF-8"] != letter.HTML || len(body) != 2 {
			t.Errorf("%s: the body is\n%v", tag, body)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
		if err != nil || subject != letter.Subject {
			t.Errorf("subject %q, %v, want %q", subject, err, letter.Subject)
		}
		for name, want := range map[string]string{
			"From": `"Example" <no-reply@example.com>`, "To": "<kim@example.com>", "Auto-Submitted": "auto-generated", "Content-Language": tag,
			"Message-Id": "<MDEyMzQ1Njc4OWFiY2RlZg@example.com>", "Date": "Sat, 21 Nov 2026 12:00:00 +0000", "Mime-Version": "1.0",
		} {
			if header.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, header.Get(name), want)
			}
		}
		if names := headerNames(header); !slices.Equal(names, []string{"Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}) {
			t.Errorf("headers %v", names)
		}
	}
}

func headerNames(h mail.Header) []string {
	var names []string
	for name, values := range h {
		for range values {
			names = append(names, textproto.CanonicalMIMEHeaderKey(name))
		}
	}
	slices.Sort(names)
	return names
}

func TestNoHeaderCanBeInjected(t *testing.T) {
	t.Parallel()
	s := newServer(t, TLSStart, nil)
	mailer := newMailer(t, s.cfg)
	m := letterOf(mapae.MailNotice)
	const evil = "x\r\nBcc: all@example.com\r\n\r\nbody"
	m.Site, m.Name, m.Device, m.ID, m.Event.UserAgent = evil, evil, evil, evil, evil
	if err := mailer.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	header, _ := parts(t, s.taken()[0].data)
	if names := headerNames(header); len(names) != 9 || header.Get("Bcc") != "" {
		t.Errorf("headers %v", names)
	}
	for _, to := range []string{
		"", "kim", "kim@example.com\r\nBcc: all@example.com", "kim@example.com, lee@example.com", "Kim <kim@example.com>", "<kim@example.com>", " kim@example.com",
		"kim@example.com ", "kim@exa\x00mple.com", "kim@example.com\r\nRCPT TO:<lee@example.com>", strings.Repeat("a", 250) + "@example.com", "kim@", "@example.com",
	} {
		m := letters()[0]
		m.To = to
		wantUndeliverable(t, to, mailer.Send(t.Context(), m), "not an e-mail address")
	}
	if n := len(s.taken()); n != 1 {
		t.Errorf("%d mails arrived", n)
	}
}

func TestTheConnectionIsEncryptedOrNothingIsSaid(t *testing.T) {
	t.Parallel()
	implicit := newServer(t, TLSImplicit, nil)
	if err := newMailer(t, implicit.cfg).Send(t.Context(), letters()[0]); err != nil {
		t.Error(err)
	}
	plain := newServer(t, TLSNone, nil)
	if err := newMailer(t, plain.cfg).Send(t.Context(), letters()[0]); err != nil {
		t.Error(err)
	}
	downgraded := plain.cfg
	downgraded.TLS = TLSStart
	wantLater(t, "a server without STARTTLS", newMailer(t, downgraded).Send(t.Context(), letters()[0]), "STARTTLS")
	wrong := newServer(t, TLSStart, nil)
	wrong.cfg.RootCAs = x509.NewCertPool()
	wantLater(t, "a certificate of nobody we know", newMailer(t, wrong.cfg).Send(t.Context(), letters()[0]), "certificate")
	renamed := newServer(t, TLSImplicit, nil)
	_, port, _ := net.SplitHostPort(renamed.cfg.Server)
	renamed.cfg.Server = "localhost:" + port // which the certificate does not name
	wantLater(t, "a certificate of another", newMailer(t, renamed.cfg).Send(t.Context(), letters()[0]), "certificate")
	if len(plain.taken()) != 1 || !implicit.taken()[0].tls || len(wrong.taken())+len(renamed.taken()) != 0 {
		t.Error("a mail went where it should not")
	}
}

func TestThePasswordIsGivenOverTLS(t *testing.T) {
	t.Parallel()
	for _, mode := range []TLS{TLSStart, TLSImplicit, TLSNone} {
		s := newServer(t, mode, nil)
		s.cfg.Username, s.cfg.Password = "example", "right"
		if err := newMailer(t, s.cfg).Send(t.Context(), letters()[0]); err != nil {
			t.Errorf("%q: %v", mode, err)
		}
		if !slices.Equal(s.users, []string{"example"}) {
			t.Errorf("%q: signed in as %v", mode, s.users)
		}
		s.cfg.Password = "wrong"
		err := newMailer(t, s.cfg).Send(t.Context(), letters()[0])
		wantLater(t, "a wrong password", err, "AUTH")
		if strings.Contains(err.Error(), "wrong") {
			t.Errorf("the password is in %v", err)
		}
	}
}

func TestWhatTheServerRefusesForGoodIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	say := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCodeNotSet, Message: "no"}
	}
	for _, c := range []struct {
		stage string
		code  int
		good  bool // for good
	}{
		{"rcpt", 550, true}, {"rcpt", 553, true}, {"data", 554, true}, {"data", 552, true},
		{"rcpt", 450, false}, {"rcpt", 452, false}, {"data", 451, false}, {"mail", 451, false}, {"helo", 421, false},
		{"mail", 550, false}, {"mail", 553, false}, {"rcpt", 530, false}, {"helo", 554, false}, // about us: an operator can repair it
	} {
		s := newServer(t, TLSStart, nil)
		s.refuse = func(stage, _ string) error {
			if stage == c.stage {
				return say(c.code)
			}
			return nil
		}
		err := newMailer(t, s.cfg).Send(t.Context(), letters()[0])
		name := c.stage + " " + say(c.code).Error()
		if c.good {
			wantUndeliverable(t, name, err, "no")
		} else {
			wantLater(t, name, err, "no")
		}
		if len(s.taken()) != 0 {
			t.Errorf("%s: a mail arrived", name)
		}
	}
}

func TestAServerThatIsNotThereOrSaysNothingCostsTheTimeoutAtMost(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := ln.Addr().String() // takes connections and says nothing
	defer ln.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for name, server := range map[string]string{"silent": silent, "gone": gone.Addr().String()} {
		mailer := newMailer(t, Config{Server: server, From: "no-reply@example.com", Timeout: 300 * time.Millisecond, Templates: shippedTemplates(t)})
		began := time.Now()
		wantLater(t, name, mailer.Send(t.Context(), letters()[0]), "reach "+server)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	wantLater(t, "a context that ends", newMailer(t, Config{Server: silent, From: "no-reply@example.com"}).Send(ctx, letters()[0]), "reach")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a context that ended: it took %v", took)
	}
}

// script is a server of which each connection is one function.
func script(t *testing.T, talk func(c net.Conn, r *bufio.Reader)) Config {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				talk(c, bufio.NewReader(c))
			}()
		}
	}()
	return Config{Server: ln.Addr().String(), TLS: TLSNone, From: "no-reply@example.com", Timeout: time.Second, Templates: shippedTemplates(t)}
}

// converse answers commands up to DATA, reads the mail, and returns.
func converse(c net.Conn, r *bufio.Reader, dataTo string) {
	say := func(s string) { _, _ = io.WriteString(c, s+"\r\n") }
	say("220 ready")
	for data := false; ; {
		line, err := r.ReadString('\n')
		switch {
		case err != nil, data && line == dataTo:
			return
		case data:
		case strings.HasPrefix(line, "EHLO"):
			say("250 mx")
		case strings.HasPrefix(line, "DATA"):
			say("354 go on")
			data = true
		default:
			say("250 ok")
		}
	}
}

func TestAConnectionThatBreaksInTheMiddleIsTriedAgainAndOneThatBreaksAfterIsNot(t *testing.T) {
	t.Parallel()
	middle := script(t, func(c net.Conn, r *bufio.Reader) { converse(c, r, "\r\n") }) // after the headers
	wantLater(t, "cut in the middle of the mail", newMailer(t, middle).Send(t.Context(), letters()[0]), "mail")
	before := script(t, func(c net.Conn, r *bufio.Reader) { converse(c, r, ".\r\n") })
	wantLater(t, "cut before the answer", newMailer(t, before).Send(t.Context(), letters()[0]), "mail")
	after := script(t, func(c net.Conn, r *bufio.Reader) {
		converse(c, r, ".\r\n")
		_, _ = io.WriteString(c, "250 taken\r\n")
	})
	if err := newMailer(t, after).Send(t.Context(), letters()[0]); err != nil {
		t.Errorf("cut after the mail was taken: %v", err)
	}
	hangs := script(t, func(c net.Conn, r *bufio.Reader) {
		converse(c, r, ".\r\n")
		_, _ = io.WriteString(c, "250 taken\r\n")
		_, _ = io.Copy(io.Discard, r) // never answers again
	})
	if err := newMailer(t, hangs).Send(t.Context(), letters()[0]); err != nil {
		t.Errorf("silent after the mail was taken: %v", err)
	}
	babbles := script(t, func(c net.Conn, _ *bufio.Reader) {
		_, _ = io.Copy(c, strings.NewReader("220-"+strings.Repeat("x", 1<<22)+"\r\n"))
	})
	wantLater(t, "a greeting without end", newMailer(t, babbles).Send(t.Context(), letters()[0]), "reach")
}

func TestAConfigurationIsCheckedAtOnce(t *testing.T) {
	t.Parallel()
	good := Config{Server: "smtp.example.com:587", From: "Example <no-reply@example.com>", Templates: shippedTemplates(t)}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		`Server "" is not host:port`:                   func(c *Config) { c.Server = "" },
		`Server "smtp.example.com" is not host:port`:   func(c *Config) { c.Server = "smtp.example.com" },
		`Server "smtp.example.com:x" is not host:port`: func(c *Config) { c.Server = "smtp.example.com:x" },
		`Server ":25" is not host:port`:                func(c *Config) { c.Server = ":25" },
		`From "" is no address`:                        func(c *Config) { c.From = "" },
		`From "example.com" is no address`:             func(c *Config) { c.From = "example.com" },
		"is not this machine":                          func(c *Config) { c.TLS = TLSNone },
		`TLS is "maybe"`:                               func(c *Config) { c.TLS = "maybe" },
		"Username and Password: both or neither":       func(c *Config) { c.Username = "x" },
		"Timeout -1s: it may not be negative":          func(c *Config) { c.Timeout = -time.Second },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, host := range []string{"localhost:25", "127.0.0.1:25", "[::1]:25"} {
		if _, err := New(Config{Server: host, From: "a@example.com", TLS: TLSNone}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := New(Config{TLS: "x"}); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("%v, want all three mistakes", err)
	}
}

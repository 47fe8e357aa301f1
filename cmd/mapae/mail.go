package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/mail"
)

// mailSettings say where mail goes.
type mailSettings struct {
	Mail             string `group:"mail" placeholder:"smtp|outbox|none" enum:",smtp,outbox,none" default:"" help:"Where mail goes: to --smtp-server, to the page /dev/outbox (for http://localhost only), or nowhere. Default: smtp with --smtp-server; else outbox for http://localhost, and none elsewhere."`
	SMTPServer       string `name:"smtp-server" group:"mail" placeholder:"HOST:PORT" help:"Mail server that takes mail for everybody, such as smtp.example.com:587."`
	SMTPTLS          string `name:"smtp-tls" group:"mail" placeholder:"starttls|implicit|none" enum:"starttls,implicit,none" default:"starttls" help:"How the connection is encrypted: by STARTTLS, which is demanded, from its first byte (port 465), or not at all, to this machine only."`
	SMTPUsername     string `name:"smtp-username" group:"mail" placeholder:"NAME" help:"Name at the mail server; its password is in --smtp-password-file, or in the environment as MAPAE_SMTP_PASSWORD."`
	SMTPPasswordFile string `name:"smtp-password-file" group:"mail" placeholder:"FILE" help:"File with the password for the mail server."`
	MailFrom         string `group:"mail" placeholder:"ADDRESS" help:"Who mail is from, such as 'Example <no-reply@example.com>'."`
	MailTemplates    string `group:"mail" placeholder:"DIR" help:"Directory with sentences (locale/) and templates (template/) that take the place of the shipped ones."`
}

// outboxPath is where the outbox page is in development.
const outboxPath = "/dev/outbox"

// passwordVariable has the password where no file is named. It is no flag:
// everybody on a machine sees the flags of its programs.
const passwordVariable = envPrefix + "_SMTP_PASSWORD"

// kind is where mail goes, with the default filled in.
func (m *mailSettings) kind(development bool) string {
	switch {
	case m.Mail != "":
		return m.Mail
	case m.SMTPServer != "":
		return "smtp"
	case development:
		return "outbox"
	}
	return "none"
}

// mailer returns what sends mail; nil: nothing does. It names every mistake in
// the settings by their names.
func (m *mailSettings) mailer(development bool) (mapae.Mailer, error) {
	kind := m.kind(development)
	if kind == "none" {
		if m.SMTPServer != "" {
			return nil, fmt.Errorf("smtp-server %q is given, but mail is none", m.SMTPServer)
		}
		return nil, nil
	}
	if kind == "outbox" && !development {
		return nil, errors.New("mail is outbox: the page shows everybody's codes, so it is for http://localhost only")
	}
	var own fs.FS
	if m.MailTemplates != "" {
		own = os.DirFS(m.MailTemplates)
		if _, err := fs.ReadDir(own, "."); err != nil {
			return nil, fmt.Errorf("mail-templates: %w", err)
		}
	}
	templates, err := mail.NewTemplates(own)
	if err != nil {
		return nil, fmt.Errorf("mail-templates: %w", err)
	}
	if kind == "outbox" {
		return mail.NewOutbox(outboxPath, templates)
	}
	return m.smtp(templates)
}

func (m *mailSettings) smtp(templates *mail.Templates) (mapae.Mailer, error) {
	password := os.Getenv(passwordVariable)
	if m.SMTPPasswordFile != "" {
		text, err := os.ReadFile(m.SMTPPasswordFile)
		if err != nil {
			return nil, fmt.Errorf("smtp-password-file: %w", err)
		}
		password = strings.TrimRight(string(text), "\r\n")
	}
	mailer, err := mail.New(mail.Config{
		Server: m.SMTPServer, Username: m.SMTPUsername, Password: password, From: m.MailFrom, Templates: templates,
		TLS: map[string]mail.TLS{"starttls": mail.TLSStart, "implicit": mail.TLSImplicit, "none": mail.TLSNone}[m.SMTPTLS],
	})
	if err != nil {
		return nil, errors.New(mailNames.Replace(err.Error()))
	}
	return mailer, nil
}

// mailNames says in the words of the settings what mail.New says in those of
// mail.Config.
var mailNames = strings.NewReplacer(
	"mail: configuration: ", "", "Server ", "smtp-server ", "From ", "mail-from ", "TLS is ", "smtp-tls is ",
	"Username and Password", "smtp-username and its password",
)

// mailLine says where mail goes, for who starts the server.
func (s *settings) mailLine() string {
	switch s.kind(s.development()) {
	case "smtp":
		return "by " + s.SMTPServer
	case "outbox":
		return s.Origin[0] + outboxPath
	}
	return "none is sent"
}

// loggedMailer logs what a Mailer could not send: the outbox keeps the error
// for as long as the mail only.
type loggedMailer struct {
	mapae.Mailer
	log *slog.Logger
}

func (l loggedMailer) Send(ctx context.Context, m mapae.Message) error {
	err := l.Mailer.Send(ctx, m)
	if err != nil {
		l.log.Warn("mail was not sent", "id", m.ID, "kind", m.Kind, "for_good", errors.Is(err, mapae.ErrUndeliverable), "error", err)
	}
	return err
}

// outbox is the path of the page that shows the mails, where they go there.
func (s *settings) outbox() string {
	if s.kind(s.development()) != "outbox" {
		return ""
	}
	return outboxPath
}

// withOutbox answers at /dev/outbox where mail goes there, and else as site.
func withOutbox(site http.Handler, mailer mapae.Mailer) http.Handler {
	outbox, ok := mailer.(*mail.Outbox)
	if !ok {
		return site
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == outboxPath || strings.HasPrefix(r.URL.Path, outboxPath+"/") {
			outbox.ServeHTTP(w, r)
			return
		}
		site.ServeHTTP(w, r)
	})
}

// How often the outbox is looked into, how long after a failure of the store,
// and how long mail that was just written is seen off at the end.
const (
	deliverInterval = time.Second
	deliverRest     = 10 * time.Second
	deliverLast     = 5 * time.Second
)

// deliverForever delivers mail until ctx ends, and then what is due at that
// moment, as long as deliverLast and the mail under way allow. What is left
// stays in the outbox.
func deliverForever(ctx context.Context, log *slog.Logger, deliver func(context.Context) (int, error)) {
	for ctx.Err() == nil {
		wait := deliverInterval/2 + rand.N(deliverInterval)
		switch sent, err := deliver(ctx); {
		case err != nil && ctx.Err() == nil:
			log.Error("deliver mail", "sent", sent, "error", err)
			wait = deliverRest
		case sent > 0:
			log.Debug("deliver mail", "sent", sent)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverLast)
	defer cancel()
	if sent, err := deliver(last); err != nil {
		log.Error("deliver mail before the end", "sent", sent, "error", err)
	}
}

package mail

import (
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

func TestAServerIsAskedWithoutSendingAnything(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, refuses, password, says string
	}{
		{name: "one that takes everything", password: "right"},
		{name: "one that talks to nobody", refuses: "helo", password: "right", says: "reach 127.0.0.1:"},
		{name: "one that knows another password", password: "wrong", says: "Authentication failed"},
		{name: "one that does not take mail from us", refuses: "mail", password: "right", says: "refuses mail from no-reply@example.com"},
	} {
		s := newServer(t, TLSStart, nil)
		s.refuse = func(stage, _ string) error {
			if stage == c.refuses {
				return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCodeNotSet, Message: "not you"}
			}
			return nil
		}
		cfg := s.cfg
		cfg.Username, cfg.Password = "example", c.password
		err := newMailer(t, cfg).Check(t.Context())
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
		if len(s.taken()) != 0 {
			t.Errorf("%s: a mail arrived", c.name)
		}
	}
	s := newServer(t, TLSNone, nil)
	s.cfg.TLS = TLSStart
	if err := newMailer(t, s.cfg).Check(t.Context()); err == nil || errors.Is(err, t.Context().Err()) || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("a server without STARTTLS: %v", err)
	}
}

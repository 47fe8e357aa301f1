package mapae_test

import (
	"errors"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// byMail is the scene at a node that mails, with the address of alone proven.
func (s scene) byMail() scene {
	s.t.Helper()
	s.world = s.node(byMail)
	ticket := must(s.BeginVerifyEmail(s.ctx, browser(1), s.current(s.alone), "en"))(s.t)
	must(s.FinishVerifyEmail(s.ctx, browser(1), s.current(s.alone), ticket, s.mail(mapae.MailVerifyEmail, "alone@example.com").Code))(s.t)
	return s
}

// outbox is what waits to be sent.
func (s scene) outbox() []mapae.Mail {
	s.t.Helper()
	undo := errors.New("undo")
	var waits []mapae.Mail
	err := s.store.Update(s.ctx, func(tx mapae.Tx) (err error) {
		if waits, err = tx.ClaimMail(s.ctx, s.now().Add(time.Hour), s.now(), 100); err != nil {
			return err
		}
		return undo
	})
	if err != undo {
		s.t.Fatal(err)
	}
	for i := range waits {
		waits[i].DueAt = time.Time{}
	}
	return waits
}

// mailFlows are the flows of codes and links that are mailed.
var mailFlows = []flow{
	{"ask for a mailed code", func(s scene) func() error {
		s = s.byMail()
		return func() error { return second(s.BeginEmailCode(s.ctx, browser(1), "alone@example.com", "")) }
	}},
	{"ask for a mailed code of nobody", func(s scene) func() error {
		s = s.byMail()
		return func() error { return second(s.BeginEmailCode(s.ctx, browser(1), "nobody@example.com", "")) }
	}},
	{"sign in with a mailed code", func(s scene) func() error {
		s = s.byMail()
		ticket := must(s.BeginEmailCode(s.ctx, browser(1), "alone@example.com", ""))(s.t)
		code := s.mail(mapae.MailSignInCode, "alone@example.com").Code
		return func() error { return second(s.FinishEmailCode(s.ctx, browser(1), ticket, code)) }
	}},
	{"step up with a mailed code", func(s scene) func() error {
		s = s.byMail()
		cur := s.current(s.alone)
		ticket := must(s.BeginReauthEmailCode(s.ctx, browser(1), cur, ""))(s.t)
		code := s.mail(mapae.MailSignInCode, "alone@example.com").Code
		return func() error {
			return second(s.ReauthEmailCode(s.ctx, browser(1), cur, ticket, code, mapae.ActionNone))
		}
	}},
	{"begin a sign-up by mail", func(s scene) func() error {
		s = s.byMail()
		req := mapae.SignUpRequest{Login: "lee@example.com", Name: "Lee"}
		return func() error { return second(s.BeginSignUp(s.ctx, browser(1), req)) }
	}},
	{"begin a sign-up with a taken address, by mail", func(s scene) func() error {
		s = s.byMail()
		req := mapae.SignUpRequest{Login: "alone@example.com", Name: "Lee"}
		return func() error { return second(s.BeginSignUp(s.ctx, browser(1), req)) }
	}},
	{"prove the address of a sign-up by a code", func(s scene) func() error {
		s = s.byMail()
		step := must(s.BeginSignUp(s.ctx, browser(1), mapae.SignUpRequest{Login: "lee@example.com", Name: "Lee"}))(s.t)
		code := s.mail(mapae.MailSignUpCode, "lee@example.com").Code
		return func() error { return second(s.ProveSignUp(s.ctx, browser(1), step.Ticket, code)) }
	}},
	{"sign up with an address that another account never proved", func(s scene) func() error {
		s = s.byMail()
		step := s.proveSignUp(browser(1), "app@example.com")
		made := must(webauthntest.New(origin).Create(options(s.t, step.Options)))(s.t)
		return func() error { return second(s.FinishSignUp(s.ctx, browser(1), step.Ticket, made)) }
	}},
	{"sign up with a password, by mail", func(s scene) func() error {
		s = s.byMail()
		step := s.proveSignUp(browser(1), "lee@example.com")
		return func() error {
			return second(s.FinishSignUpPassword(s.ctx, browser(1), step.Ticket, password))
		}
	}},
	{"forget the password", func(s scene) func() error {
		s = s.byMail()
		return func() error { return s.ForgotPassword(s.ctx, browser(1), "alone@example.com", "") }
	}},
	{"reset the password", func(s scene) func() error {
		s = s.byMail()
		code := s.forgot("alone@example.com")
		return func() error { return s.ResetPassword(s.ctx, browser(1), code, newPassword) }
	}},
	{"ask for a code that proves the address", func(s scene) func() error {
		s = s.byMail()
		cur := s.current(s.app)
		return func() error { return second(s.BeginVerifyEmail(s.ctx, browser(1), cur, "")) }
	}},
	{"prove the address by a code", func(s scene) func() error {
		s = s.byMail()
		cur := s.current(s.app)
		ticket := must(s.BeginVerifyEmail(s.ctx, browser(1), cur, ""))(s.t)
		code := s.mail(mapae.MailVerifyEmail, "app@example.com").Code
		return func() error { return second(s.FinishVerifyEmail(s.ctx, browser(1), cur, ticket, code)) }
	}},
}

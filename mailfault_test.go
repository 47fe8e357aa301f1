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
	s.world = s.node(func(c *mapae.Config) {
		byMail(c)
		c.Methods = append(c.Methods, mapae.Federated{s.acme})
	})
	ticket := must(s.BeginVerifyEmail(s.ctx, browser(1), s.current(s.alone), "en"))(s.t)
	must(s.FinishVerifyEmail(s.ctx, browser(1), s.current(s.alone), ticket, s.mail(mapae.MailVerifyEmail, "alone@example.com").Code))(s.t)
	return s
}

// mayMove is alone with a step-up for a change of address.
func (s scene) mayMove() (mapae.Admitted, mapae.Current) {
	s.t.Helper()
	in := must(s.ReauthPassword(s.ctx, browser(1), s.current(s.alone), password, mapae.ActionChangeEmail))(s.t)
	return in, s.current(in)
}

// moving is a change of alone's address that waits for its code.
func (s scene) moving(email string) (cur mapae.Current, ticket, code string) {
	s.t.Helper()
	in, cur := s.mayMove()
	ticket = must(s.BeginChangeEmail(s.ctx, browser(1), cur, in.Ticket, email, ""))(s.t).Ticket
	return cur, ticket, s.mail(mapae.MailVerifyEmail, email).Code
}

// told is the code of the notice of a passkey that was added to alone, who has
// another one.
func (s scene) told() (own *webauthntest.Authenticator, code string) {
	s.t.Helper()
	own = webauthntest.New(origin)
	s.addPasskey(browser(1), s.alone, own, "mine")
	s.notices()
	s.addPasskey(browser(1), s.alone, webauthntest.New(origin), "Evil")
	return own, codeIn(s.notice(mapae.EventPasskeyAdded).Link)
}

// letWait lets a recovery of alone wait, who has two factors, and returns the
// code that cancels it.
func (s scene) letWait() string {
	s.t.Helper()
	s.addPasskey(browser(1), s.alone, webauthntest.New(origin), "mine")
	ticket := must(s.MailRecoveryCode(s.ctx, browser(4), s.recovery(browser(4), "alone@example.com"), ""))(s.t)
	one := must(s.ProveRecovery(s.ctx, browser(4), ticket, mapae.MethodEmailCode, s.mail(mapae.MailRecoveryCode, "alone@example.com").Code))(s.t)
	must(s.WaitForRecovery(s.ctx, browser(4), one.Ticket))(s.t)
	return codeIn(s.mail(mapae.MailRecovery, "alone@example.com").UndoLink)
}

// unproven is the ticket of somebody new whose provider vouches for no address.
func (s scene) unproven() string {
	s.t.Helper()
	answer := s.to(mapae.Profile{Subject: "new"}, s.BeginFederated)
	return must(s.FinishFederated(s.ctx, browser(1), nil, answer))(s.t).Unproven.Ticket
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
		code := s.mail(mapae.MailReauthCode, "alone@example.com").Code
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
	{"ask for a change of address, by mail", func(s scene) func() error {
		s = s.byMail()
		in, cur := s.mayMove()
		return func() error {
			return second(s.BeginChangeEmail(s.ctx, browser(1), cur, in.Ticket, "new@example.com", ""))
		}
	}},
	{"ask for a change to a taken address, by mail", func(s scene) func() error {
		s = s.byMail()
		s.signUpProvenPassword(browser(3), "taken@example.com")
		in, cur := s.mayMove()
		return func() error {
			return second(s.BeginChangeEmail(s.ctx, browser(1), cur, in.Ticket, "taken@example.com", ""))
		}
	}},
	{"change the address by a code", func(s scene) func() error {
		s = s.byMail()
		cur, ticket, code := s.moving("new@example.com")
		return func() error { return second(s.FinishChangeEmail(s.ctx, browser(1), cur, ticket, code)) }
	}},
	{"change the address by a code to one that another account never proved", func(s scene) func() error {
		s = s.byMail()
		cur, ticket, code := s.moving("app@example.com")
		return func() error { return second(s.FinishChangeEmail(s.ctx, browser(1), cur, ticket, code)) }
	}},
	{"take a change of address back", func(s scene) func() error {
		s = s.byMail()
		cur, ticket, code := s.moving("new@example.com")
		must(s.FinishChangeEmail(s.ctx, browser(1), cur, ticket, code))(s.t)
		undo := codeIn(s.mail(mapae.MailEmailChanged, "alone@example.com").UndoLink)
		return func() error { return second(s.UndoEmail(s.ctx, browser(5), undo)) }
	}},
	{"say that this was not me", func(s scene) func() error {
		s = s.byMail()
		_, code := s.told()
		return func() error { return second(s.DisownNotice(s.ctx, browser(5), code)) }
	}},
	{"lift the freeze", func(s scene) func() error {
		s = s.byMail()
		own, code := s.told()
		must(s.DisownNotice(s.ctx, browser(5), code))(s.t)
		cur := s.current(s.signIn(browser(1), own))
		return func() error { return s.Unfreeze(s.ctx, browser(1), cur) }
	}},
	{"ask for a mailed proof of a recovery", func(s scene) func() error {
		s = s.byMail()
		ticket := s.recovery(browser(4), "alone@example.com")
		return func() error { return second(s.MailRecoveryCode(s.ctx, browser(4), ticket, "")) }
	}},
	{"ask for a mailed proof of a recovery of nobody", func(s scene) func() error {
		s = s.byMail()
		ticket := s.recovery(browser(4), "nobody@example.com")
		return func() error { return second(s.MailRecoveryCode(s.ctx, browser(4), ticket, "")) }
	}},
	{"give a mailed proof of a recovery", func(s scene) func() error {
		s = s.byMail()
		ticket := must(s.MailRecoveryCode(s.ctx, browser(4), s.recovery(browser(4), "alone@example.com"), ""))(s.t)
		code := s.mail(mapae.MailRecoveryCode, "alone@example.com").Code
		return func() error {
			return second(s.ProveRecovery(s.ctx, browser(4), ticket, mapae.MethodEmailCode, code))
		}
	}},
	{"cancel a recovery by the link in its mail", func(s scene) func() error {
		s = s.byMail()
		code := s.letWait()
		return func() error { return s.DisownRecovery(s.ctx, browser(5), code) }
	}},
	{"cancel a recovery in a session", func(s scene) func() error {
		s = s.byMail()
		s.letWait()
		cur := s.current(s.alone)
		return func() error { return s.CancelRecovery(s.ctx, browser(1), cur) }
	}},
	{"issue a link that recovers", func(s scene) func() error {
		s = s.byMail()
		return func() error { return second(s.IssueRecovery(s.ctx, "alone@example.com", time.Hour)) }
	}},
	{"turn a link that recovers into a ticket", func(s scene) func() error {
		s = s.byMail()
		code := codeIn(must(s.IssueRecovery(s.ctx, "alone@example.com", time.Hour))(s.t).URL)
		return func() error { return second(s.BeginIssuedRecovery(s.ctx, browser(4), code)) }
	}},
	{"issue a link that signs in, by mail", func(s scene) func() error {
		s = s.byMail()
		return func() error { return second(s.IssueSignIn(s.ctx, "alone@example.com", time.Hour, true)) }
	}},
	{"sign in by the operator's link", func(s scene) func() error {
		s = s.byMail()
		code := codeIn(must(s.IssueSignIn(s.ctx, "alone@example.com", time.Hour, false))(s.t).URL)
		return func() error { return second(s.SignInByLink(s.ctx, browser(4), code)) }
	}},
	{"invite by mail", func(s scene) func() error {
		s = s.byMail()
		return func() error { return second(s.MailInvitation(s.ctx, "lee@example.com", "", time.Hour)) }
	}},
	{"come by a provider that vouches for no address", func(s scene) func() error {
		s = s.byMail()
		answer := s.to(mapae.Profile{Subject: "new"}, s.BeginFederated)
		return func() error { return second(s.FinishFederated(s.ctx, browser(1), nil, answer)) }
	}},
	{"ask for the code of a sign-up by a provider", func(s scene) func() error {
		s = s.byMail()
		ticket := s.unproven()
		return func() error { return second(s.RequestFederatedCode(s.ctx, browser(1), ticket, "lee@example.com")) }
	}},
	{"sign up by a provider and a mailed code", func(s scene) func() error {
		s = s.byMail()
		ticket := must(s.RequestFederatedCode(s.ctx, browser(1), s.unproven(), "lee@example.com"))(s.t)
		code := s.mail(mapae.MailSignUpCode, "lee@example.com").Code
		return func() error { return second(s.FinishFederatedSignUp(s.ctx, browser(1), ticket, code)) }
	}},
}

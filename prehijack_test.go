package mapae_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// The attacks of "Pre-hijacked accounts" (Sudhodanan and Paverd, USENIX
// Security 2022) begin with an account that the attacker makes with the address
// of the victim, who has none yet. Here that is possible only while the site
// has no mailer. Package federated has the two that need another provider.

// squat is such an account with all that can be put into it.
type squat struct {
	*world
	in    mapae.Admitted
	key   *webauthntest.Authenticator
	app   string
	codes []string
}

const victim = "victim@example.com"

func newSquat(t *testing.T) squat {
	t.Helper()
	w := newWorld(t, byMail)
	s := squat{world: w, key: webauthntest.New(origin)}
	s.in = w.before().signUpPassword(browser(6), victim)
	s.app, s.codes = s.addTOTP(browser(6), s.in)
	s.addPasskey(browser(6), s.in, s.key, "")
	return s
}

// arrive is how the victim comes to an account: the one way that a mailbox opens.
func (s squat) arrive() mapae.Admitted {
	s.t.Helper()
	return must(s.FinishSignUpPassword(s.ctx, browser(1), s.proveSignUp(browser(1), victim).Ticket, newPassword))(s.t)
}

func (s squat) wantApart(in mapae.Admitted) {
	s.t.Helper()
	if in.User.ID == s.in.User.ID {
		s.t.Fatal("the victim got the attacker's account")
	}
	own, err := s.store.Credentials(s.ctx, in.User.ID)
	if err != nil || len(own) != 0 {
		s.t.Errorf("the victim's account has %d passkeys, %v", len(own), err)
	}
	secrets := must(s.store.Secrets(s.ctx, in.User.ID, ""))(s.t)
	if len(secrets) != 1 || secrets[0].Kind != mapae.SecretPassword {
		s.t.Errorf("the victim's account has %+v", secrets)
	}
	if u := s.current(in).User; u.EmailVerifiedAt.IsZero() || u.Email != victim {
		s.t.Errorf("the victim is %+v", u)
	}
}

func TestAnUnexpiredSessionIsNotTheVictims(t *testing.T) {
	t.Parallel()
	s := newSquat(t)
	s.wantApart(s.arrive())
	_, err := s.Session(s.ctx, s.in.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
}

// BI-424 has the attacker's passkeys dropped; DESIGN.md takes the address from
// their account, which keeps them and opens nothing of the victim's.
func TestATrojanIdentifierOpensNothingOfTheVictims(t *testing.T) {
	t.Parallel()
	s := newSquat(t)
	in := s.arrive()
	s.wantApart(in)
	step, err := s.FinishSignIn(s.ctx, browser(6), s.answer(browser(6), s.key))
	if err != nil || step.User.ID != s.in.User.ID || step.User.Email != "" || step.User.Login == victim {
		t.Errorf("the attacker's passkey opens %+v, %v", step.User, err)
	}
	_, err = s.SignInPassword(s.ctx, browser(6), victim, password)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	ticket := must(s.BeginRecovery(s.ctx, browser(6), victim))(t)
	_, err = s.ProveRecovery(s.ctx, browser(6), ticket, mapae.MethodRecoveryCode, s.codes[0])
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	_, err = s.ProveRecovery(s.ctx, browser(6), ticket, mapae.MethodTOTP, s.code(s.app))
	wantCode(t, err, mapae.CodeAuthenticationFailed)
}

func TestAnUnexpiredChangeOfAddressDoesNotReachTheVictim(t *testing.T) {
	t.Parallel()
	s := newSquat(t)
	change := must(s.ReauthPassword(s.ctx, browser(6), s.current(s.in), password, mapae.ActionChangeEmail))(t)
	held := s.current(change)
	start := must(s.ProveRecovery(s.ctx, browser(6), must(s.BeginRecovery(s.ctx, browser(6), victim))(t), mapae.MethodRecoveryCode, s.codes[0]))(t)
	wait := must(s.WaitForRecovery(s.ctx, browser(6), start.Ticket))(t)
	first := must(s.SignInPassword(s.ctx, browser(6), victim, password))(t)
	verify := must(s.BeginVerifyEmail(s.ctx, browser(6), held, ""))(t)
	code := s.mail(mapae.MailVerifyEmail, victim).Code
	s.wantApart(s.arrive())
	for name, err := range map[string]error{
		"a step-up for a change of address": second(s.ChangeEmail(s.ctx, browser(6), held, change.Ticket, "evil@example.com")),
		"a proof of the address":            second(s.FinishVerifyEmail(s.ctx, browser(6), held, verify, code)),
		"a second step that was due":        second(s.SecondFactorTOTP(s.ctx, browser(6), first.Second.Ticket, s.code(s.app))),
	} {
		if err == nil || errors.Is(err, mapae.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.pass(73 * time.Hour)
	_, err := s.ClaimRecovery(s.ctx, browser(6), wait.Claim)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestAnUnprovenAddressOpensNothing(t *testing.T) {
	t.Parallel()
	s := newSquat(t)
	must(s.BeginEmailCode(s.ctx, browser(1), victim, ""))(t)
	if err := s.ForgotPassword(s.ctx, browser(1), victim, ""); err != nil {
		t.Fatal(err)
	}
	if sent := s.mailed(); len(sent) != 0 {
		t.Errorf("mail opens the attacker's account to the victim: %+v", sent)
	}
	if a := must(s.Account(s.ctx, s.current(s.in)))(t); a.EmailCode {
		t.Error("a code to an address that is not proven is a way in")
	}
}

func TestAnAddressThatWasProvenIsNotTakenOver(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, byMail), browser(1)
	in := w.before().signUpPassword(c, "kim@example.com")
	begun := w.proveSignUp(browser(2), "kim@example.com") // before the account proves it
	ticket := must(w.BeginVerifyEmail(w.ctx, c, w.current(in), "en"))(t)
	u := must(w.FinishVerifyEmail(w.ctx, c, w.current(in), ticket, w.mail(mapae.MailVerifyEmail, "kim@example.com").Code))(t)
	if u.EmailVerifiedAt.IsZero() || w.current(in).User.EmailKey != "kim@example.com" {
		t.Errorf("user %+v", u)
	}
	_, err := w.BeginVerifyEmail(w.ctx, c, w.current(in), "en")
	wantCode(t, err, mapae.CodeConflict)
	_, err = w.FinishSignUpPassword(w.ctx, browser(2), begun.Ticket, newPassword)
	wantCode(t, err, mapae.CodeLoginTaken)
	must(w.SignInPassword(w.ctx, c, "kim@example.com", password))(t)
}

func TestAStrangersSecondAccountIsNotMadeByAnOldOnesCode(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, byMail), browser(1)
	in := w.before().signUpPassword(c, "kim@example.com")
	ticket := must(w.BeginVerifyEmail(w.ctx, c, w.current(in), "en"))(t)
	code := w.mail(mapae.MailVerifyEmail, "kim@example.com").Code
	up := must(w.ReauthPassword(w.ctx, c, w.current(in), password, mapae.ActionChangeEmail))(t)
	change := must(w.BeginChangeEmail(w.ctx, c, w.current(up), up.Ticket, "other@example.com", ""))(t)
	moved := must(w.FinishChangeEmail(w.ctx, c, w.current(up), change.Ticket, w.mail(mapae.MailVerifyEmail, "other@example.com").Code))(t)
	_, err := w.FinishVerifyEmail(w.ctx, c, w.current(moved), ticket, code) // proves the old address, not the new
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

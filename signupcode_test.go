package mapae_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

func TestAnAddressIsProvenBeforeTheAccountIsMade(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, byMail), browser(1)
	step := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "Kim@Example.com", Name: "Kim"}))(t)
	m := w.mail(mapae.MailSignUpCode, "Kim@Example.com")
	if m.Name != "" || m.Link != "" || strings.Trim(strings.Replace(m.Code, "-", "", 1), "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" {
		t.Errorf("mailed %+v", m)
	}
	if _, err := w.store.UserByLogin(w.ctx, "kim@example.com"); !errors.Is(err, mapae.ErrNotFound) {
		t.Errorf("begin made an account: %v", err)
	}
	proven := must(w.ProveSignUp(w.ctx, c, step.Ticket, m.Code))(t)
	cancelled := proven.Options
	again := must(w.BeginSignUpPasskey(w.ctx, c, proven.Ticket))(t) // a cancelled dialogue is no dead end
	made := must(webauthntest.New(origin).Create(options(t, again.Options)))(t)
	in := must(w.FinishSignUp(w.ctx, c, again.Ticket, made))(t)
	u := w.current(in).User
	if u.Login != "Kim@Example.com" || u.EmailKey != "kim@example.com" || u.EmailVerifiedAt.IsZero() || len(in.RecoveryCodes) == 0 {
		t.Errorf("user %+v", u)
	}
	made = must(webauthntest.New(origin).Create(options(t, cancelled)))(t)
	_, err := w.FinishSignUp(w.ctx, c, proven.Ticket, made)
	wantCode(t, err, mapae.CodeCeremonyInvalid) // the ticket made its account
}

func TestAPasswordIsAskedForAfterTheCode(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, byMail), browser(1)
	ticket := w.proveSignUp(c, "kim@example.com").Ticket
	_, err := w.FinishSignUpPassword(w.ctx, c, ticket, "short")
	wantCode(t, err, mapae.CodeBadRequest)
	_, err = w.FinishSignUpPassword(w.ctx, browser(2), ticket, password)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	in := must(w.FinishSignUpPassword(w.ctx, c, ticket, password))(t)
	if u := w.current(in).User; u.EmailVerifiedAt.IsZero() {
		t.Errorf("user %+v", u)
	}
	_, err = w.FinishSignUpPassword(w.ctx, c, ticket, password)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestOnlyAProvenTicketMakesAnAccount(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, byMail), browser(1)
	before := w.before()
	unproven := must(before.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim"}))(t)
	made := must(webauthntest.New(origin).Create(options(t, unproven.Options)))(t)
	asked := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim"}))(t)
	for name, ticket := range map[string]string{"of a time without mail": unproven.Ticket, "whose code was not given": asked.Ticket} {
		_, err := w.FinishSignUp(w.ctx, c, ticket, made)
		_, err2 := w.FinishSignUpPassword(w.ctx, c, ticket, password)
		_, err3 := w.BeginSignUpPasskey(w.ctx, c, ticket)
		for _, err := range []error{err, err2, err3} {
			if !errors.Is(err, mapae.ErrCeremonyInvalid) {
				t.Errorf("a ticket %s: %v", name, err)
			}
		}
	}
}

func TestATakenAddressGetsAMailInPlaceOfAnAnswer(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, byMail), browser(1)
	w.signUpProvenPassword(c, "kim@example.com")
	step := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "KIM@example.com", Name: "visit evil.example"}))(t)
	if !step.CodeRequired || step.Options != nil || step.Ticket == "" {
		t.Errorf("step %+v", step)
	}
	m := w.mail(mapae.MailSignUpTaken, "kim@example.com")
	if m.Link != origin+"/sign-in" || m.Name != "Kim" {
		t.Errorf("mailed %+v", m)
	}
	code := m.Code
	if code != "" {
		t.Errorf("the mail has a code: %s", code)
	}
}

func TestTwoWhoProveOneAddressMakeOneAccount(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w := newWorldOn(t, store, byMail)
		w.before().signUpPassword(browser(9), "kim@example.com") // never proven
		tickets := make(chan string, 4)
		for range 4 {
			tickets <- w.proveSignUp(browser(1), "kim@example.com").Ticket
		}
		won := race(4, func() error {
			_, err := w.FinishSignUpPassword(w.ctx, browser(1), <-tickets, password)
			if err != nil && !errors.Is(err, mapae.ErrLoginTaken) {
				t.Error(err)
			}
			return err
		})
		if won != 1 {
			t.Errorf("%d accounts were made", won)
		}
	})
}

func TestSignUpByMailKeepsToThePolicy(t *testing.T) {
	t.Parallel()
	ask := func(w *world, email, invitation string) error {
		_, err := w.BeginSignUp(w.ctx, browser(1), mapae.SignUpRequest{Login: email, Name: "Kim", Invitation: invitation})
		return err
	}
	closed := newWorld(t, byMail, func(c *mapae.Config) { c.SignUp = mapae.SignUpClosed })
	wantCode(t, ask(closed, "kim@example.com", ""), mapae.CodeForbidden)
	invited := newWorld(t, byMail, func(c *mapae.Config) { c.SignUp = mapae.SignUpInvited })
	wantCode(t, ask(invited, "kim@example.com", ""), mapae.CodeForbidden)
	limited := newWorld(t, byMail, func(c *mapae.Config) { c.SignUpDomains = []string{"example.com", "xn--example.org"} })
	for email, ok := range map[string]bool{
		"kim@example.com": true, "kim@EXAMPLE.com": true, "kim@xn--example.org": true, "kim@sub.example.com": false, "kim@example.com.evil.org": false,
		"kim@notexample.com": false, "\"a@example.com\"@evil.org": false, "kim@evil.org": false,
	} {
		if err := ask(limited, email, ""); ok != (err == nil) {
			t.Errorf("%s: %v", email, err)
		}
	}
	if sent := limited.mailed(); len(sent) != 3 {
		t.Errorf("%d mails were sent", len(sent))
	}
	for _, w := range []*world{invited, limited} {
		invitation := must(w.Invite(w.ctx, "lee@other.org", time.Hour))(t)
		step := must(w.BeginSignUp(w.ctx, browser(1), mapae.SignUpRequest{Login: "lee@other.org", Name: "Lee", Invitation: invitation}))(t)
		proven := must(w.ProveSignUp(w.ctx, browser(1), step.Ticket, w.mail(mapae.MailSignUpCode, "lee@other.org").Code))(t)
		must(w.FinishSignUpPassword(w.ctx, browser(1), proven.Ticket, password))(t)
		w.pass(time.Minute)
		wantCode(t, ask(w, "ann@other.org", invitation), mapae.CodeForbidden)
	}
}

func TestMailIsConfiguredOrRefused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*mapae.Config){
		"Mailer is missing": func(c *mapae.Config) { c.Methods = append(c.Methods, mapae.EmailCode{}) },
		"SignUpDomains needs a Mailer": func(c *mapae.Config) {
			c.SignUpDomains = []string{"example.com"}
		},
		`SignUpDomains: "Example.com"`: func(c *mapae.Config) { byMail(c); c.SignUpDomains = []string{"Example.com"} },
	} {
		cfg := newWorld(t).cfg
		change(&cfg)
		if _, err := mapae.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

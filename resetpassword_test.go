package mapae_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

const newPassword = "a new horse on a new battery"

// forgot asks for a reset and returns the code of the link that was mailed.
func (w *world) forgot(email string) string {
	w.t.Helper()
	if err := w.ForgotPassword(w.ctx, browser(1), email, "en"); err != nil {
		w.t.Fatal(err)
	}
	m := w.mail(mapae.MailReset, email)
	link := must(url.Parse(m.Link))(w.t)
	if link.Scheme+"://"+link.Host != origin || link.Path != "/reset" || m.Code != "" || m.EndsAt.Sub(w.now()) > 30*time.Minute {
		w.t.Fatalf("mailed %+v", m)
	}
	return link.Query().Get("code")
}

func TestAForgottenPasswordIsReset(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, byMail), browser(1)
	in := w.signUpProvenPassword(c, "kim@example.com")
	secret, _ := w.addTOTP(c, in)
	code := w.forgot("kim@example.com")
	err := w.ResetPassword(w.ctx, browser(2), code, "short") // any browser: a mail is read where it is read
	wantCode(t, err, mapae.CodeBadRequest)
	if err := w.ResetPassword(w.ctx, browser(2), code, newPassword); err != nil {
		t.Fatal(err)
	}
	if e := w.lastEvent(); e.Type != mapae.EventPasswordReset || e.UserID != in.User.ID {
		t.Errorf("event %+v", e)
	}
	_, err = w.Session(w.ctx, in.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	_, err = w.SignInPassword(w.ctx, c, "kim@example.com", password)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	step := must(w.SignInPassword(w.ctx, c, "kim@example.com", newPassword))(t)
	if step.Second == nil {
		t.Fatal("the second factor was skipped")
	}
	must(w.SecondFactorTOTP(w.ctx, c, step.Second.Ticket, w.code(secret)))(t)
	wantCode(t, w.ResetPassword(w.ctx, browser(2), code, password), mapae.CodeCeremonyInvalid)
}

func TestALinkOfAResetThatIsNoLongerGood(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w *world, in mapae.Admitted, code string) string{ // BI-431
		"late":      func(w *world, _ mapae.Admitted, code string) string { w.pass(30 * time.Minute); return code },
		"truncated": func(_ *world, _ mapae.Admitted, code string) string { return code[:len(code)-1] },
		"bent":      func(_ *world, _ mapae.Admitted, code string) string { return code[:60] + "AAAA" + code[64:] },
		"empty":     func(*world, mapae.Admitted, string) string { return "" },
		"as a ticket": func(_ *world, _ mapae.Admitted, code string) string {
			return mapae.TicketPrefix + code[len(mapae.LinkPrefix):]
		},
		"after a newer one": func(w *world, _ mapae.Admitted, code string) string { w.forgot("kim@example.com"); return code },
		"after a password change": func(w *world, in mapae.Admitted, code string) string {
			must(w.SetPassword(w.ctx, browser(1), w.current(in), newPassword))(w.t)
			return code
		},
		"after signing out everywhere": func(w *world, in mapae.Admitted, code string) string {
			must(w.EndOtherSessions(w.ctx, browser(1), w.current(in)))(w.t)
			return code
		},
		"of an account that is disabled": func(w *world, in mapae.Admitted, code string) string {
			if err := w.DisableUser(w.ctx, in.User.ID); err != nil {
				w.t.Fatal(err)
			}
			return code
		},
		"of an account without a password by now": func(w *world, in mapae.Admitted, code string) string {
			w.addPasskey(browser(1), in, webauthntest.New(origin), "")
			if err := w.RemovePassword(w.ctx, browser(1), w.current(in)); err != nil {
				w.t.Fatal(err)
			}
			return code
		},
		"of something else": func(w *world, _ mapae.Admitted, _ string) string {
			return must(w.Invite(w.ctx, "", time.Hour))(w.t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, byMail)
			in := w.signUpProvenPassword(browser(1), "kim@example.com")
			code := spoil(w, in, w.forgot("kim@example.com"))
			if err := w.ResetPassword(w.ctx, browser(1), code, newPassword+"!"); !errors.Is(err, mapae.ErrCeremonyInvalid) {
				t.Errorf("%v, want ceremony_invalid", err)
			}
			if _, err := w.SignInPassword(w.ctx, browser(1), "kim@example.com", newPassword+"!"); err == nil {
				t.Error("the password was set")
			}
		})
	}
}

func TestALinkThatTheLimitKeptBackEndsNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byMail)
	w.signUpProvenPassword(browser(1), "kim@example.com")
	w.pass(time.Hour)
	var code string
	for range 5 {
		code = w.forgot("kim@example.com")
	}
	if err := w.ForgotPassword(w.ctx, browser(1), "kim@example.com", ""); err != nil || len(w.mailed()) != 0 {
		t.Fatalf("a sixth: %v", err)
	}
	if err := w.ResetPassword(w.ctx, browser(1), code, newPassword); err != nil {
		t.Error(err)
	}
}

func TestAResetSixteenTimesAtOnceIsOne(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w := newWorldOn(t, store, byMail)
		w.signUpProvenPassword(browser(1), "kim@example.com")
		code := w.forgot("kim@example.com")
		if won := race(16, func() error { return w.ResetPassword(w.ctx, browser(1), code, newPassword) }); won != 1 {
			t.Errorf("%d won", won)
		}
	})
}

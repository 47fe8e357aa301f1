package mapae_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

func TestChangingThePasswordEndsOtherSessions(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	other := must(w.SignInPassword(w.ctx, c, "kim@example.com", password))(t).Admitted
	const fresh = "another horse, another battery"
	kept := must(w.SetPassword(w.ctx, c, w.current(in), fresh))(t)
	for _, gone := range []string{in.Token, other.Token} {
		_, err := w.Session(w.ctx, gone)
		wantCode(t, err, mapae.CodeUnauthenticated)
	}
	w.current(kept)
	_, err := w.SignInPassword(w.ctx, c, "kim@example.com", password)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	must(w.SignInPassword(w.ctx, c, "kim@example.com", fresh))(t)
}

func TestAPasswordMayBeShorterBehindASecondFactor(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUp(c, webauthntest.New(origin), "kim@example.com")
	_, err := w.SetPassword(w.ctx, c, w.current(in), "xq7-ott")
	wantCode(t, err, mapae.CodeBadRequest)
	in = must(w.SetPassword(w.ctx, c, w.current(in), "xq7-otte"))(t)
	if a := must(w.Account(w.ctx, w.current(in)))(t); !a.Password || len(a.Passkeys) != 1 || a.RecoveryCodesLeft != 10 {
		t.Errorf("account %+v", a)
	}
	if err := w.RemovePassword(w.ctx, c, w.current(in)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.RemovePassword(w.ctx, c, w.current(in)), mapae.CodeNotFound)
	wantCode(t, w.RemoveTOTP(w.ctx, c, w.current(in)), mapae.CodeNotFound)
}

func TestNameAndLanguage(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	in := w.signUp(c, webauthntest.New(origin), "kim@example.com")
	name, locale, bad, long, nul := "김마패", "ko", "", strings.Repeat("x", 36), "ko\x00"
	if u := must(w.ChangeAccount(w.ctx, c, w.current(in), mapae.AccountChange{Name: &name}))(t); u.Name != name || u.Locale != "" {
		t.Errorf("user %+v", u)
	}
	if u := must(w.ChangeAccount(w.ctx, c, w.current(in), mapae.AccountChange{Locale: &locale}))(t); u.Name != name || u.Locale != locale {
		t.Errorf("user %+v", u)
	}
	for _, change := range []mapae.AccountChange{{Name: &bad}, {Locale: &long}, {Locale: &nul}} {
		_, err := w.ChangeAccount(w.ctx, c, w.current(in), change)
		wantCode(t, err, mapae.CodeBadRequest)
	}
	if u := w.current(in).User; u.Name != name || u.Locale != locale {
		t.Errorf("user %+v", u)
	}
}

// actionTicket steps up for an action.
func (w *world) actionTicket(c mapae.Client, in mapae.Admitted, a *webauthntest.Authenticator, action mapae.Action) mapae.Admitted {
	w.t.Helper()
	ask := must(w.Auth.BeginReauth(w.ctx, c, w.current(in), action))(w.t)
	return must(w.Auth.FinishReauth(w.ctx, c, w.current(in), must(a.Get(options(w.t, ask)))(w.t), action))(w.t)
}

func TestDeletingAndMovingAnAccountNeedAStepUpForThat(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	w.signUp(c, webauthntest.New(origin), "lee@example.com")
	wantCode(t, w.DeleteAccount(w.ctx, c, w.current(in), ""), mapae.CodeStepUpRequired)
	ask := must(w.Auth.BeginReauth(w.ctx, c, w.current(in), mapae.ActionChangeEmail))(t)
	_, err := w.Auth.FinishReauth(w.ctx, c, w.current(in), must(a.Get(options(t, ask)))(t), mapae.ActionDeleteAccount)
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	in = w.actionTicket(c, in, a, mapae.ActionChangeEmail)
	wantCode(t, w.DeleteAccount(w.ctx, c, w.current(in), in.Ticket), mapae.CodeCeremonyInvalid)
	_, err = w.ChangeEmail(w.ctx, c, w.current(in), in.Ticket, "LEE@example.com")
	wantCode(t, err, mapae.CodeLoginTaken)
	_, err = w.ChangeEmail(w.ctx, c, w.current(in), in.Ticket, "not an address")
	wantCode(t, err, mapae.CodeBadRequest)
	if u := must(w.ChangeEmail(w.ctx, c, w.current(in), in.Ticket, "New@example.com"))(t); u.Login != "New@example.com" || u.LoginKey != "new@example.com" || u.Email != "New@example.com" {
		t.Errorf("user %+v", u)
	}
	_, err = w.ChangeEmail(w.ctx, c, w.current(in), in.Ticket, "again@example.com")
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	in = w.actionTicket(c, in, a, mapae.ActionDeleteAccount)
	elsewhere := w.signIn(browser(2), a)
	wantCode(t, w.DeleteAccount(w.ctx, browser(2), w.current(elsewhere), in.Ticket), mapae.CodeCeremonyInvalid)
	w.pass(10 * time.Minute)
	wantCode(t, w.DeleteAccount(w.ctx, c, w.current(in), in.Ticket), mapae.CodeCeremonyInvalid)
	in = w.actionTicket(c, in, a, mapae.ActionDeleteAccount)
	if err := w.DeleteAccount(w.ctx, c, w.current(in), in.Ticket); err != nil {
		t.Fatal(err)
	}
	_, err = w.Session(w.ctx, elsewhere.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	if _, err := w.store.User(w.ctx, in.User.ID); !errors.Is(err, mapae.ErrNotFound) {
		t.Errorf("the user: %v", err)
	}
	if e := w.lastEvent(); e.Type != mapae.EventAccountDeleted {
		t.Errorf("event %+v", e)
	}
	_, err = mapae.ParseAction("delete_everything")
	wantCode(t, err, mapae.CodeBadRequest)
}

func TestStepUpByAnyOwnMethod(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	secret, codes := w.addTOTP(c, in)
	w.pass(time.Hour)
	wantCode(t, w.RemoveTOTP(w.ctx, c, w.current(in)), mapae.CodeStepUpRequired)
	for name, stepUp := range map[string]func() (mapae.Admitted, error){
		"password": func() (mapae.Admitted, error) {
			return w.ReauthPassword(w.ctx, c, w.current(in), password, mapae.ActionDeleteAccount)
		},
		"TOTP": func() (mapae.Admitted, error) {
			return w.ReauthCode(w.ctx, c, w.current(in), mapae.MethodTOTP, w.code(secret), mapae.ActionDeleteAccount)
		},
		"recovery code": func() (mapae.Admitted, error) {
			return w.ReauthCode(w.ctx, c, w.current(in), mapae.MethodRecoveryCode, codes[0], mapae.ActionDeleteAccount)
		},
	} {
		old := in
		out, err := stepUp()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		in = out
		if in.Session.ID != old.Session.ID || in.Ticket == "" || !in.Session.Meets(w.now(), mapae.Within(time.Minute)) {
			t.Errorf("%s: %+v", name, in)
		}
		if _, err := w.Session(w.ctx, old.Token); !errors.Is(err, mapae.ErrUnauthenticated) {
			t.Errorf("%s: the old token: %v", name, err)
		}
	}
	for name, stepUp := range map[string]func() error{
		"a wrong password": func() error {
			_, err := w.ReauthPassword(w.ctx, c, w.current(in), "wrong", mapae.ActionNone)
			return err
		},
		"a used code": func() error {
			_, err := w.ReauthCode(w.ctx, c, w.current(in), mapae.MethodRecoveryCode, codes[0], mapae.ActionNone)
			return err
		},
		"a used step": func() error {
			_, err := w.ReauthCode(w.ctx, c, w.current(in), mapae.MethodTOTP, w.code(secret), mapae.ActionNone)
			return err
		},
	} {
		if err := stepUp(); !errors.Is(err, mapae.ErrAuthenticationFailed) {
			t.Errorf("%s: %v", name, err)
		}
		if e := w.lastEvent(); e.Type != mapae.EventReauthFailed {
			t.Errorf("%s: event %+v", name, e)
		}
	}
	_, err := w.ReauthCode(w.ctx, c, w.current(in), mapae.MethodEmailCode, "x", mapae.ActionNone)
	wantCode(t, err, mapae.CodeForbidden)
}

// TestTheLastWayIn removes each method from every combination of methods under
// both policies.
func TestTheLastWayIn(t *testing.T) {
	t.Parallel()
	type ways struct{ key, weak, password, totp bool }
	level := func(x ways) int {
		switch {
		case x.key, x.password && (x.weak || x.totp):
			return 2
		case x.password:
			return 1
		}
		return 0
	}
	for _, required := range []bool{false, true} {
		for n := range 16 {
			has := ways{n&1 != 0, n&2 != 0, n&4 != 0, n&8 != 0}
			if level(has) == 0 {
				continue
			}
			t.Run(fmt.Sprintf("required %v, %+v", required, has), func(t *testing.T) {
				t.Parallel()
				w, c := newWorld(t, all, func(cfg *mapae.Config) {
					cfg.SecondFactor = mapae.SecondFactorPolicy{Required: required, From: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
				}), browser(1)
				for _, remove := range []string{"key", "weak", "password", "totp"} {
					in, left := w.build(c, has.key, has.weak, has.password, has.totp, remove), has
					var err error
					there := false
					switch remove {
					case "key":
						there, left.key, err = has.key, false, w.RemovePasskey(w.ctx, c, w.current(in), w.named(in, "key"))
					case "weak":
						there, left.weak, err = has.weak, false, w.RemovePasskey(w.ctx, c, w.current(in), w.named(in, "weak"))
					case "password":
						there, left.password, err = has.password, false, w.RemovePassword(w.ctx, c, w.current(in))
					case "totp":
						there, left.totp, err = has.totp, false, w.RemoveTOTP(w.ctx, c, w.current(in))
					}
					need := 1
					if required {
						need = 2
					}
					switch {
					case !there:
						if !errors.Is(err, mapae.ErrMissing) {
							t.Errorf("%s is not there: %v", remove, err)
						}
					case level(left) < need && level(left) < level(has):
						if !errors.Is(err, mapae.ErrLastFactor) {
							t.Errorf("%s is the last: %v", remove, err)
						}
					case err != nil:
						t.Errorf("%s is not the last: %v", remove, err)
					}
				}
			})
		}
	}
}

// build makes an account with exactly these ways in.
func (w *world) build(c mapae.Client, key, weak, pass, app bool, label string) mapae.Admitted {
	w.t.Helper()
	in := w.signUpPassword(c, label+"@example.com")
	add := func(name string, verified bool) {
		a := webauthntest.New(origin)
		a.UserVerified, a.BackupEligible, a.BackupState = verified, verified, verified
		w.addPasskey(c, in, a, name)
	}
	if key {
		add("key", true)
	}
	if weak {
		add("weak", false)
	}
	if app {
		w.addTOTP(c, in)
	}
	if !pass {
		if err := w.RemovePassword(w.ctx, c, w.current(in)); err != nil {
			w.t.Fatal(err)
		}
	}
	return in
}

func (w *world) named(in mapae.Admitted, name string) []byte {
	for _, c := range must(w.Passkeys(w.ctx, w.current(in)))(w.t) {
		if c.Name == name {
			return c.ID
		}
	}
	return []byte("none")
}

func TestTheLastTwoMethodsAreNotBothRemoved(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w, c := newWorldOn(t, store, all), browser(1)
		for round := range 10 {
			in := w.build(c, true, false, true, false, fmt.Sprint("r", round))
			cur, id := w.current(in), w.named(in, "key")
			var wg sync.WaitGroup
			wg.Go(func() { _ = w.RemovePasskey(w.ctx, c, cur, id) })
			wg.Go(func() { _ = w.RemovePassword(w.ctx, c, cur) })
			wg.Wait()
			if a := must(w.Account(w.ctx, cur))(t); len(a.Passkeys) == 1 == a.Password {
				t.Fatalf("left: %+v", a)
			}
		}
	})
}

func TestTwoFirstPasskeysMakeOneSetOfRecoveryCodes(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w, c := newWorldOn(t, store, all), browser(1)
		in := w.signUpPassword(c, "kim@example.com")
		cur := w.current(in)
		var made [2][]byte
		for i := range made {
			made[i] = must(webauthntest.New(origin).Create(options(t, must(w.BeginAddPasskey(w.ctx, c, cur, false))(t))))(t)
		}
		var wg sync.WaitGroup
		var codes [2][]string
		for i := range made {
			wg.Go(func() {
				var err error
				if _, codes[i], err = w.Auth.FinishAddPasskey(w.ctx, c, cur, made[i], ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(codes[0]) + len(codes[1]); n != 10 || must(w.RecoveryCodesLeft(w.ctx, cur))(t) != 10 {
			t.Errorf("%d codes were shown", n)
		}
	})
}

func TestASilentUpgradeMakesNoRecoveryCodes(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	o := must(w.BeginAddPasskey(w.ctx, c, w.current(in), true))(t)
	_, codes, err := w.Auth.FinishAddPasskey(w.ctx, c, w.current(in), must(webauthntest.New(origin).Create(options(t, o)))(t), "")
	if err != nil || codes != nil {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	o = must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t)
	_, codes, err = w.Auth.FinishAddPasskey(w.ctx, c, w.current(in), must(webauthntest.New(origin).Create(options(t, o)))(t), "")
	if err != nil || len(codes) != 10 {
		t.Fatalf("the next visible one: %d codes, %v", len(codes), err)
	}
}

func TestMoreDemands(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	two := mapae.Session{Uses: []mapae.Use{{Method: mapae.MethodPassword, At: now.Add(-time.Hour)}, {Method: mapae.MethodTOTP, At: now}}}
	one := mapae.Session{Uses: two.Uses[:1]}
	for name, c := range map[string]struct {
		s       mapae.Session
		demands []mapae.Demand
		want    bool
	}{
		"two factors":                    {two, []mapae.Demand{mapae.SecondFactor()}, true},
		"one factor":                     {one, []mapae.Demand{mapae.SecondFactor()}, false},
		"two factors, one of them fresh": {two, []mapae.Demand{mapae.SecondFactor(), mapae.Within(time.Minute)}, true},
		"any of one that was used":       {two, []mapae.Demand{mapae.AnyOf(mapae.MethodPasskey, mapae.MethodTOTP)}, true},
		"any of none that was used":      {two, []mapae.Demand{mapae.AnyOf(mapae.MethodPasskey)}, false},
		"any of one that is not fresh":   {two, []mapae.Demand{mapae.AnyOf(mapae.MethodPassword), mapae.Within(time.Minute)}, false},
		"any of nothing":                 {two, []mapae.Demand{mapae.AnyOf([]mapae.MethodName{}...)}, false},
	} {
		if got := c.s.Meets(now, c.demands...); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

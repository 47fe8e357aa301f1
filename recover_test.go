package mapae_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// recovery begins a recovery of the account with that address.
func (w *world) recovery(c mapae.Client, email string) string {
	w.t.Helper()
	return must(w.BeginRecovery(w.ctx, c, email))(w.t)
}

// bind finishes a recovery that is ready with a new passkey of a.
func (w *world) bind(c mapae.Client, ticket string, a *webauthntest.Authenticator) (mapae.Admitted, error) {
	w.t.Helper()
	o, err := w.BeginRecoveryPasskey(w.ctx, c, ticket)
	if err != nil {
		return mapae.Admitted{}, err
	}
	return w.FinishRecoveryPasskey(w.ctx, c, ticket, must(a.Create(options(w.t, o)))(w.t))
}

func TestTwoProofsRecoverAnAccountOfTwoFactors(t *testing.T) {
	t.Parallel()
	w, c, lost := newWorld(t, all), browser(1), webauthntest.New(origin)
	in := w.signUp(c, lost, "kim@example.com")
	codes := in.RecoveryCodes
	secret, _ := w.addTOTP(c, in)
	if len(codes) != 10 {
		t.Fatalf("%d recovery codes came with the sign-up", len(codes))
	}
	first := w.recovery(browser(2), "KIM@example.com")
	one := must(w.ProveRecovery(w.ctx, browser(2), first, mapae.MethodRecoveryCode, codes[0]))(t)
	if one.Ready {
		t.Fatal("one proof is enough for an account of two factors")
	}
	_, err := w.BeginRecoveryPasskey(w.ctx, browser(2), one.Ticket)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	_, err = w.ProveRecovery(w.ctx, browser(2), one.Ticket, mapae.MethodRecoveryCode, codes[1])
	wantCode(t, err, mapae.CodeBadRequest) // the same method does not count twice
	_, err = w.ProveRecovery(w.ctx, browser(2), first, mapae.MethodTOTP, w.code(secret))
	wantCode(t, err, mapae.CodeCeremonyInvalid) // that ticket was used
	_, err = w.ProveRecovery(w.ctx, c, one.Ticket, mapae.MethodTOTP, w.code(secret))
	wantCode(t, err, mapae.CodeCeremonyInvalid) // another browser
	w.pass(30 * time.Second)
	two := must(w.ProveRecovery(w.ctx, browser(2), one.Ticket, mapae.MethodTOTP, w.code(secret)))(t)
	if !two.Ready {
		t.Fatal("two proofs are not enough")
	}
	found := webauthntest.New(origin)
	back := must(w.bind(browser(2), two.Ticket, found))(t)
	if s := w.current(back); s.Session.AAL() != 2 || s.User.Epoch != in.User.Epoch+1 {
		t.Errorf("back as %+v", s)
	}
	if e := w.lastEvent(); e.Type != mapae.EventRecovered || e.UserID != in.User.ID {
		t.Errorf("event %+v", e)
	}
	_, err = w.Session(w.ctx, in.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	_, err = w.bind(browser(2), two.Ticket, webauthntest.New(origin))
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	w.signIn(c, found)
	if own := must(w.Passkeys(w.ctx, w.current(back)))(t); len(own) != 2 {
		t.Errorf("%d passkeys", len(own))
	}
}

func TestOneProofWaits(t *testing.T) {
	t.Parallel()
	w, c, lost := newWorld(t, all), browser(1), webauthntest.New(origin)
	in := w.signUp(c, lost, "kim@example.com")
	begin := func(code int) mapae.RecoveryWait {
		one := must(w.ProveRecovery(w.ctx, browser(2), w.recovery(browser(2), "kim@example.com"), mapae.MethodRecoveryCode, in.RecoveryCodes[code]))(t)
		return must(w.WaitForRecovery(w.ctx, browser(2), one.Ticket))(t)
	}
	_, err := w.WaitForRecovery(w.ctx, browser(2), w.recovery(browser(2), "kim@example.com"))
	wantCode(t, err, mapae.CodeCeremonyInvalid) // nothing was proven

	wait := begin(0)
	if e := w.lastEvent(); e.Type != mapae.EventRecoveryStarted || e.UserID != in.User.ID || e.Method != mapae.MethodRecoveryCode {
		t.Errorf("event %+v", e)
	}
	if a := must(w.Account(w.ctx, w.current(in)))(t); a.Recovery == nil || !a.Recovery.ReadyAt.Equal(wait.ReadyAt) {
		t.Errorf("the account shows %+v", a.Recovery)
	}
	_, err = w.ClaimRecovery(w.ctx, browser(3), wait.Claim)
	var e *mapae.Error
	if !errors.As(err, &e) || e.Code != mapae.CodeConflict || e.RetryAfter < 71*time.Hour {
		t.Errorf("too early: %v", err)
	}
	_, err = w.ClaimRecovery(w.ctx, browser(3), wait.Claim+"A")
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	if err := w.CancelRecovery(w.ctx, c, w.current(in)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.CancelRecovery(w.ctx, c, w.current(in)), mapae.CodeNotFound)
	w.pass(73 * time.Hour)
	_, err = w.ClaimRecovery(w.ctx, browser(3), wait.Claim)
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	wait = begin(1)
	w.pass(72 * time.Hour)
	ready := must(w.ClaimRecovery(w.ctx, browser(3), wait.Claim))(t)
	if err := w.CancelRecovery(w.ctx, c, w.current(in)); err != nil { // at the last moment
		t.Fatal(err)
	}
	_, err = w.bind(browser(3), ready.Ticket, webauthntest.New(origin))
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	wait = begin(2)
	w.pass(72 * time.Hour)
	ready = must(w.ClaimRecovery(w.ctx, browser(3), wait.Claim))(t)
	must(w.bind(browser(3), ready.Ticket, webauthntest.New(origin)))(t)
	_, err = w.ClaimRecovery(w.ctx, browser(3), wait.Claim)
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	wait = begin(3)
	w.pass(72*time.Hour + 7*24*time.Hour)
	_, err = w.ClaimRecovery(w.ctx, browser(3), wait.Claim)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	if n := must(w.Sweep(w.ctx))(t); n == 0 {
		t.Error("a recovery that ended was not swept")
	}
}

// Anybody can begin a recovery of an address that they know, and be wrong in it.
func TestAStrangersTriesBarNobodysSecondStep(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	secret, codes := w.addTOTP(c, in)
	for range 120 {
		for _, method := range []mapae.MethodName{mapae.MethodTOTP, mapae.MethodRecoveryCode} {
			_, err := w.ProveRecovery(w.ctx, browser(6), w.recovery(browser(6), "kim@example.com"), method, "AAAA-BBBB-CCCC-DDDD")
			wantCode(t, err, mapae.CodeAuthenticationFailed)
		}
		w.pass(16 * time.Minute)
	}
	must(w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, w.code(secret)))(t)
	must(w.ProveRecovery(w.ctx, c, w.recovery(c, "kim@example.com"), mapae.MethodRecoveryCode, codes[0]))(t)
}

// overtaken is a store in which something else is done before each write.
type overtaken struct {
	mapae.Store
	by func()
}

func (s overtaken) Update(ctx context.Context, f func(mapae.Tx) error) error {
	s.by()
	return s.Store.Update(ctx, f)
}

func TestARecoveryThatTheOwnerOvertakesDoesNotWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, all)
	in := w.signUp(browser(1), webauthntest.New(origin), "kim@example.com")
	one := must(w.ProveRecovery(w.ctx, browser(2), w.recovery(browser(2), "kim@example.com"), mapae.MethodRecoveryCode, in.RecoveryCodes[0]))(t)
	do := func() {}
	slow := w.node(func(c *mapae.Config) { c.Store = overtaken{w.store, func() { do() }} })
	do = func() { must(w.EndOtherSessions(w.ctx, browser(1), w.current(in)))(t); do = func() {} }
	_, err := slow.WaitForRecovery(w.ctx, browser(2), one.Ticket)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	if _, err := w.store.RecoveryOf(w.ctx, in.User.ID); !errors.Is(err, mapae.ErrNotFound) {
		t.Errorf("a recovery waits: %v", err)
	}
}

func TestARecoveryOfNobodyLooksTheSame(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUp(c, webauthntest.New(origin), "kim@example.com")
	for range 2 {
		kims, nobodys := w.recovery(c, "kim@example.com"), w.recovery(c, "nob@example.com")
		if len(kims) != len(nobodys) {
			t.Errorf("tickets of %d and %d bytes", len(kims), len(nobodys))
		}
		for _, method := range []mapae.MethodName{mapae.MethodRecoveryCode, mapae.MethodTOTP} {
			for _, ticket := range []string{kims, nobodys} {
				_, err := w.ProveRecovery(w.ctx, c, ticket, method, "AAAA-BBBB-CCCC-DDDD")
				wantCode(t, err, mapae.CodeAuthenticationFailed)
			}
		}
	}
	kims, nobodys := w.recovery(c, "kim@example.com"), w.recovery(c, "nob@example.com")
	for n := range 5 {
		var codes [2]mapae.Code
		for i, ticket := range []string{kims, nobodys} {
			_, err := w.ProveRecovery(w.ctx, c, ticket, mapae.MethodRecoveryCode, "x")
			var e *mapae.Error
			errors.As(err, &e)
			codes[i] = e.Code
		}
		if codes[0] != codes[1] {
			t.Errorf("try %d: %v", n, codes)
		}
	}
	_, err := w.ProveRecovery(w.ctx, c, w.recovery(c, "kim@example.com"), mapae.MethodPassword, password)
	wantCode(t, err, mapae.CodeBadRequest)
	_ = in
}

func TestAPasswordAccountNeedsOneProofAndMaySetAPassword(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	codes := must(w.NewRecoveryCodes(w.ctx, c, w.current(in)))(t)
	step := must(w.ProveRecovery(w.ctx, c, w.recovery(c, "kim@example.com"), mapae.MethodRecoveryCode, codes[0]))(t)
	if !step.Ready {
		t.Fatal("an account of one factor needs more than one proof")
	}
	wantCode(t, w.RecoverPassword(w.ctx, c, step.Ticket, "short"), mapae.CodeBadRequest)
	const fresh = "another horse, another battery"
	if err := w.RecoverPassword(w.ctx, c, step.Ticket, fresh); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.RecoverPassword(w.ctx, c, step.Ticket, fresh+"!"), mapae.CodeCeremonyInvalid)
	_, err := w.Session(w.ctx, in.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	_, err = w.SignInPassword(w.ctx, c, "kim@example.com", password)
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	must(w.SignInPassword(w.ctx, c, "kim@example.com", fresh))(t)

	keyOnly := w.signUp(c, webauthntest.New(origin), "lee@example.com")
	secret, _ := w.addTOTP(c, keyOnly)
	one := must(w.ProveRecovery(w.ctx, c, w.recovery(c, "lee@example.com"), mapae.MethodRecoveryCode, keyOnly.RecoveryCodes[0]))(t)
	w.pass(30 * time.Second)
	two := must(w.ProveRecovery(w.ctx, c, one.Ticket, mapae.MethodTOTP, w.code(secret)))(t)
	wantCode(t, w.RecoverPassword(w.ctx, c, two.Ticket, fresh), mapae.CodeForbidden)
}

func TestARecoveryWithoutUserVerificationIsRefused(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	codes := must(w.NewRecoveryCodes(w.ctx, c, w.current(in)))(t)
	step := must(w.ProveRecovery(w.ctx, c, w.recovery(c, "kim@example.com"), mapae.MethodRecoveryCode, codes[0]))(t)
	weak := webauthntest.New(origin)
	weak.UserVerified = false
	_, err := w.bind(c, step.Ticket, weak)
	wantCode(t, err, mapae.CodeRegistrationRejected)
	must(w.bind(c, step.Ticket, webauthntest.New(origin)))(t) // the ticket is still good
}

// TestThreePeopleKeepTheirAccounts takes the three kinds of account through
// sign-in, step-up, a lost device, recovery and removal.
func TestThreePeopleKeepTheirAccounts(t *testing.T) {
	t.Parallel()
	used := func(in mapae.Admitted) (names []mapae.MethodName) {
		for _, u := range in.Session.Uses {
			names = append(names, u.Method)
		}
		return names
	}
	level := func(t *testing.T, in mapae.Admitted, aal int, methods ...mapae.MethodName) {
		t.Helper()
		if in.Session.AAL() != aal || !slices.Equal(used(in), methods) {
			t.Errorf("level %d by %v, want %d by %v", in.Session.AAL(), used(in), aal, methods)
		}
	}
	t.Run("passkey only", func(t *testing.T) {
		w, c, lost := newWorld(t, all), browser(1), webauthntest.New(origin)
		up := w.signUp(c, lost, "kim@example.com")
		level(t, up, 2, mapae.MethodPasskey)
		in := w.signIn(c, lost)
		ask := must(w.BeginReauth(w.ctx, c, w.current(in)))(t)
		in = must(w.FinishReauth(w.ctx, c, w.current(in), must(lost.Get(options(t, ask)))(t)))(t)
		level(t, in, 2, mapae.MethodPasskey)
		one := must(w.ProveRecovery(w.ctx, c, w.recovery(c, "kim@example.com"), mapae.MethodRecoveryCode, up.RecoveryCodes[9]))(t)
		wait := must(w.WaitForRecovery(w.ctx, c, one.Ticket))(t)
		w.pass(72 * time.Hour)
		found := webauthntest.New(origin)
		back := must(w.bind(c, must(w.ClaimRecovery(w.ctx, c, wait.Claim))(t).Ticket, found))(t)
		level(t, back, 2, mapae.MethodPasskey)
		if err := w.RemovePasskey(w.ctx, c, w.current(back), up.Credential.ID); err != nil {
			t.Fatal(err)
		}
		wantCode(t, w.RemovePasskey(w.ctx, c, w.current(back), back.Credential.ID), mapae.CodeLastFactor)
		w.refusedSignIn(c, w.answer(c, lost), mapae.CodePasskeyUnknown)
	})
	t.Run("password and authenticator app", func(t *testing.T) {
		w, c := newWorld(t, all), browser(1)
		up := w.signUpPassword(c, "kim@example.com")
		level(t, up, 1, mapae.MethodPassword)
		secret, codes := w.addTOTP(c, up)
		in := must(w.SecondFactorTOTP(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, w.code(secret)))(t)
		level(t, in, 2, mapae.MethodPassword, mapae.MethodTOTP)
		w.pass(11 * time.Minute)
		in = must(w.ReauthPassword(w.ctx, c, w.current(in), password, mapae.ActionNone))(t)
		level(t, in, 2, mapae.MethodTOTP, mapae.MethodPassword)
		in = must(w.SecondFactorRecoveryCode(w.ctx, c, w.firstStep(c, "kim@example.com").Ticket, codes[0]))(t) // the phone is lost
		level(t, in, 2, mapae.MethodPassword, mapae.MethodRecoveryCode)
		if err := w.RemoveTOTP(w.ctx, c, w.current(in)); err != nil {
			t.Fatal(err)
		}
		again := must(w.SignInPassword(w.ctx, c, "kim@example.com", password))(t)
		level(t, again.Admitted, 1, mapae.MethodPassword)
	})
	t.Run("password only", func(t *testing.T) {
		w, c := newWorld(t, all), browser(1)
		up := w.signUpPassword(c, "kim@example.com")
		codes := must(w.NewRecoveryCodes(w.ctx, c, w.current(up)))(t)
		w.pass(11 * time.Minute)
		_, err := w.SetPassword(w.ctx, c, w.current(up), password+"!")
		wantCode(t, err, mapae.CodeStepUpRequired)
		in := must(w.ReauthPassword(w.ctx, c, w.current(up), password, mapae.ActionNone))(t)
		level(t, in, 1, mapae.MethodPassword)
		wantCode(t, w.RemovePassword(w.ctx, c, w.current(in)), mapae.CodeLastFactor)
		step := must(w.ProveRecovery(w.ctx, c, w.recovery(c, "kim@example.com"), mapae.MethodRecoveryCode, codes[0]))(t)
		back := must(w.bind(c, step.Ticket, webauthntest.New(origin)))(t)
		level(t, back, 2, mapae.MethodPasskey)
		if err := w.RemovePassword(w.ctx, c, w.current(back)); err != nil {
			t.Fatal(err)
		}
		_, err = w.SignInPassword(w.ctx, c, "kim@example.com", password)
		wantCode(t, err, mapae.CodeAuthenticationFailed)
	})
}

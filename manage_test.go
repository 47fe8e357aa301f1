package mapae_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

func TestPasskeysAreAddedRenamedAndRemoved(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	second := w.addPasskey(c, in, webauthntest.New(origin), "")
	third := w.addPasskey(c, in, webauthntest.New(origin), "Phone")
	if second.Name != "Passkey 2" || third.Name != "Phone" {
		t.Errorf("names %q and %q", second.Name, third.Name)
	}
	if e := w.lastEvent(); e.Type != mapae.EventPasskeyAdded || !slices.Equal(e.Credential, third.ID) || e.SessionID != in.Session.ID {
		t.Errorf("event %+v", e)
	}
	renamed := must(w.RenamePasskey(w.ctx, c, w.current(in), second.ID, "열쇠 🗝"))(t)
	if renamed.Name != "열쇠 🗝" || !slices.Equal(renamed.ID, second.ID) {
		t.Errorf("renamed %+v", renamed)
	}
	for _, id := range [][]byte{second.ID, in.Credential.ID} {
		if err := w.RemovePasskey(w.ctx, c, w.current(in), id); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, w.RemovePasskey(w.ctx, c, w.current(in), second.ID), mapae.CodeNotFound)
	wantCode(t, w.RemovePasskey(w.ctx, c, w.current(in), third.ID), mapae.CodeLastFactor)
	if own := must(w.Passkeys(w.ctx, w.current(in)))(t); len(own) != 1 || own[0].Name != "Phone" {
		t.Errorf("left %+v", own)
	}
}

func TestABadNameChangesNothing(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	for _, name := range []string{"", " ", "a ", strings.Repeat("x", 65), "\xff", "a\nb", "a\x00b", "a\u202eb", "a\u200bb", "a\u2066b"} {
		_, err := w.RenamePasskey(w.ctx, c, w.current(in), in.Credential.ID, name)
		wantCode(t, err, mapae.CodeBadRequest)
	}
	if own := must(w.Passkeys(w.ctx, w.current(in)))(t); own[0].Name != "Passkey" {
		t.Errorf("the name is %q", own[0].Name)
	}
}

func TestWhatIsAnothersIsNotFound(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	kim := w.signUp(c, webauthntest.New(origin), "kim@example.com")
	lee := w.signUp(c, webauthntest.New(origin), "lee@example.com")
	cur := w.current(lee)
	_, err := w.RenamePasskey(w.ctx, c, cur, kim.Credential.ID, "mine")
	wantCode(t, err, mapae.CodeNotFound)
	wantCode(t, w.RemovePasskey(w.ctx, c, cur, kim.Credential.ID), mapae.CodeNotFound)
	wantCode(t, w.EndSession(w.ctx, c, cur, kim.Session.ID), mapae.CodeNotFound)
	w.current(kim)
}

func TestSomebodyElsesPasskeyIsNotTakenOver(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	kim := w.signUp(c, webauthntest.New(origin), "kim@example.com")
	lee := w.signUp(c, webauthntest.New(origin), "lee@example.com")
	thief := webauthntest.New(origin)
	thief.Forge.CredentialID = kim.Credential.ID
	made := must(thief.Create(options(t, must(w.BeginAddPasskey(w.ctx, c, w.current(lee), false))(t))))(t)
	_, err := w.FinishAddPasskey(w.ctx, c, w.current(lee), made, "")
	wantCode(t, err, mapae.CodeCredentialExists)
	if e := w.lastEvent(); e.Type != mapae.EventPasskeyAddFailed || e.Reason != "credential_exists" {
		t.Errorf("event %+v", e)
	}
	_, err = w.FinishAddPasskey(w.ctx, c, w.current(lee), made, "")
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	if own := must(w.Passkeys(w.ctx, w.current(kim)))(t); !slices.Equal(own[0].PublicKey, kim.Credential.PublicKey) {
		t.Error("the victim's key changed")
	}
	step := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "new@example.com", Name: "New"}))(t)
	_, err = w.FinishSignUp(w.ctx, c, step.Ticket, must(thief.Create(options(t, step.Options)))(t))
	wantCode(t, err, mapae.CodeCredentialExists)
	if _, err := w.store.UserByLogin(w.ctx, "new@example.com"); !errors.Is(err, mapae.ErrNotFound) {
		t.Errorf("an account without a passkey: %v", err)
	}
}

func TestChangesNeedAFreshSession(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	w.addPasskey(c, in, webauthntest.New(origin), "")
	asked := must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t)
	w.pass(10*time.Minute - time.Second)
	must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t)
	w.pass(2 * time.Second)
	_, err := w.BeginAddPasskey(w.ctx, c, w.current(in), false)
	wantCode(t, err, mapae.CodeStepUpRequired)
	wantCode(t, w.RemovePasskey(w.ctx, c, w.current(in), in.Credential.ID), mapae.CodeStepUpRequired)
	must(w.RenamePasskey(w.ctx, c, w.current(in), in.Credential.ID, "old"))(t) // needs none
	_, err = w.FinishAddPasskey(w.ctx, c, w.current(in), must(webauthntest.New(origin).Create(options(t, asked)))(t), "")
	wantCode(t, err, mapae.CodeCeremonyInvalid) // it has ended

	ask := must(w.BeginReauth(w.ctx, c, w.current(in)))(t)
	if len(ask.Allow) != 2 {
		t.Errorf("%d passkeys offered, want both", len(ask.Allow))
	}
	old := in
	in = must(w.FinishReauth(w.ctx, c, w.current(in), must(a.Get(options(t, ask)))(t)))(t)
	if in.Session.ID != old.Session.ID || in.Token == old.Token || len(in.Session.Uses) != 1 || !in.Session.EndsAt.Equal(old.Session.EndsAt) {
		t.Errorf("after the step-up %+v", in.Session)
	}
	_, err = w.Session(w.ctx, old.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	if e := w.lastEvent(); e.Type != mapae.EventReauth || e.SessionID != in.Session.ID {
		t.Errorf("event %+v", e)
	}
	made := must(webauthntest.New(origin).Create(options(t, must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t))))(t)
	w.pass(4 * time.Minute)
	must(w.FinishAddPasskey(w.ctx, c, w.current(in), made, ""))(t)
	if err := w.RemovePasskey(w.ctx, c, w.current(in), in.Credential.ID); err != nil {
		t.Fatal(err)
	}
}

func TestAChallengeThatWasAskedForFreshIsGoodThoughTheSessionAges(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	in := w.signUp(c, webauthntest.New(origin), "kim@example.com")
	w.pass(9 * time.Minute)
	made := must(webauthntest.New(origin).Create(options(t, must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t))))(t)
	w.pass(4 * time.Minute)
	must(w.FinishAddPasskey(w.ctx, c, w.current(in), made, ""))(t)
}

func TestAStepUpIsTheUsersOwn(t *testing.T) {
	t.Parallel()
	w, c, kim, lee := newWorld(t), browser(1), webauthntest.New(origin), webauthntest.New(origin)
	in := w.signUp(c, kim, "kim@example.com")
	w.signUp(c, lee, "lee@example.com")
	ask := must(w.BeginReauth(w.ctx, c, w.current(in)))(t)
	ask.Allow = nil // a client that ignores the list
	_, err := w.FinishReauth(w.ctx, c, w.current(in), must(lee.Get(options(t, ask)))(t))
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	if e := w.lastEvent(); e.Type != mapae.EventReauthFailed || e.Reason != "allow_list" || e.UserID != in.User.ID {
		t.Errorf("event %+v", e)
	}
}

func TestASecondFactorKeyDoesNotSignInAlone(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	key := webauthntest.New(origin)
	key.UserVerified, key.BackupEligible, key.BackupState = false, false, false
	made := w.addPasskey(c, in, key, "Key")
	if made.FirstFactor {
		t.Error("a key without user verification may sign in alone")
	}
	if e := w.refusedSignIn(c, w.answer(c, key), mapae.CodeAuthenticationFailed); e.Reason != "second_factor_only" {
		t.Errorf("event %+v", e)
	}
	key.UserVerified = true // a PIN that was set later
	if e := w.refusedSignIn(c, w.answer(c, key), mapae.CodeAuthenticationFailed); e.Reason != "second_factor_only" {
		t.Errorf("event %+v", e)
	}
	wantCode(t, w.RemovePasskey(w.ctx, c, w.current(in), in.Credential.ID), mapae.CodeLastFactor)
	ask := must(w.BeginReauth(w.ctx, c, w.current(in)))(t)
	stepped := must(w.FinishReauth(w.ctx, c, w.current(in), must(key.Get(options(t, ask)))(t)))(t)
	if s := stepped.Session; len(s.Uses) != 2 || s.Uses[1].UserVerified || s.AAL() != 2 {
		t.Errorf("session %+v", s)
	}
}

func TestASilentUpgradeNeedsNobodyPresent(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	in := w.signUp(c, webauthntest.New(origin), "kim@example.com")
	absent := func() *webauthntest.Authenticator {
		a := webauthntest.New(origin)
		a.UserPresent, a.UserVerified = false, false
		return a
	}
	o := must(w.BeginAddPasskey(w.ctx, c, w.current(in), true))(t)
	cred := must(w.FinishAddPasskey(w.ctx, c, w.current(in), must(absent().Create(options(t, o)))(t), ""))(t)
	if !cred.FirstFactor || cred.UVInitialized {
		t.Errorf("credential %+v", cred)
	}
	o = must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t)
	_, err := w.FinishAddPasskey(w.ctx, c, w.current(in), must(absent().Create(options(t, o)))(t), "")
	wantCode(t, err, mapae.CodeRegistrationRejected)
	if e := w.lastEvent(); e.Reason != "user_present" {
		t.Errorf("event %+v", e)
	}
}

func TestAHundredPasskeysAreEnough(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	in := w.signUp(c, webauthntest.New(origin), "kim@example.com")
	early := must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t)
	for range 99 {
		w.addPasskey(c, in, webauthntest.New(origin), "")
	}
	_, err := w.BeginAddPasskey(w.ctx, c, w.current(in), false)
	wantCode(t, err, mapae.CodeLimitReached)
	made := must(webauthntest.New(origin).Create(options(t, early)))(t)
	_, err = w.FinishAddPasskey(w.ctx, c, w.current(in), made, "")
	wantCode(t, err, mapae.CodeLimitReached)
	_, err = w.FinishAddPasskey(w.ctx, c, w.current(in), made, "")
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestTheLastTwoPasskeysAreNotBothRemoved(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w, c := newWorldOn(t, store), browser(1)
		for round := range 20 {
			in := w.signUp(c, webauthntest.New(origin), strings.Repeat("x", round+1)+"@example.com")
			second := w.addPasskey(c, in, webauthntest.New(origin), "")
			cur := w.current(in)
			var wg sync.WaitGroup
			var errs [2]error
			for i, id := range [][]byte{in.Credential.ID, second.ID} {
				wg.Go(func() { errs[i] = w.RemovePasskey(w.ctx, c, cur, id) })
			}
			wg.Wait()
			if own := must(w.Passkeys(w.ctx, cur))(t); len(own) != 1 {
				t.Fatalf("%d passkeys left; %v", len(own), errs)
			}
		}
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	one := w.signUp(c, a, "kim@example.com")
	two, three := w.signIn(c, a), w.signIn(browser(2), a)
	list := must(w.Sessions(w.ctx, w.current(one)))(t)
	if len(list) != 3 || list[0].ID != three.Session.ID || list[2].ID != one.Session.ID {
		t.Errorf("sessions %+v", list)
	}
	if err := w.EndSession(w.ctx, c, w.current(one), two.Session.ID); err != nil {
		t.Fatal(err)
	}
	_, err := w.Session(w.ctx, two.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	kept := must(w.EndOtherSessions(w.ctx, c, w.current(one)))(t)
	for _, gone := range []string{one.Token, three.Token} {
		_, err := w.Session(w.ctx, gone)
		wantCode(t, err, mapae.CodeUnauthenticated)
	}
	if cur := w.current(kept); cur.Session.ID != one.Session.ID || cur.User.Epoch != one.User.Epoch+1 {
		t.Errorf("kept %+v", cur)
	}
	stale := w.current(kept)
	if err := w.SignOut(w.ctx, c, stale); err != nil {
		t.Fatal(err)
	}
	if err := w.SignOut(w.ctx, c, stale); err != nil {
		t.Errorf("signing out twice: %v", err)
	}
	_, err = w.RenamePasskey(w.ctx, c, stale, one.Credential.ID, "late")
	wantCode(t, err, mapae.CodeUnauthenticated)
}

func TestSessionsEndWhenIdleAndAtTheirEnd(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t, func(c *mapae.Config) { c.Sessions = mapae.SessionPolicy{Idle: time.Hour, Absolute: 3 * time.Hour} }), browser(1), webauthntest.New(origin)
	w.signUp(c, a, "kim@example.com")
	idle := w.signIn(c, a)
	w.pass(time.Hour)
	_, err := w.Session(w.ctx, idle.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	busy := w.signIn(c, a)
	for range 5 {
		w.pass(35 * time.Minute)
		w.current(busy)
	}
	w.pass(5 * time.Minute)
	_, err = w.Session(w.ctx, busy.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	if n := must(w.Sweep(w.ctx))(t); n == 0 {
		t.Error("ended sessions were not swept")
	}
}

func TestLastSeenIsWrittenAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	w, a := newWorld(t), webauthntest.New(origin)
	in := w.signUp(browser(1), a, "kim@example.com")
	w.pass(59 * time.Second)
	if s := w.current(in).Session; !s.SeenAt.Equal(in.Session.SeenAt) {
		t.Errorf("written after 59 s")
	}
	w.pass(time.Second)
	w.current(in)
	if s := must(w.store.Sessions(w.ctx, in.User.ID, w.now()))(t)[0]; w.now().Sub(s.SeenAt) > time.Second {
		t.Errorf("not written after a minute: %v", s.SeenAt)
	}
}

func TestWhatIsNotATokenIsNotASession(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	raw := must(base64.RawURLEncoding.DecodeString(in.Token[3:]))(t)
	other := slices.Clone(raw)
	other[47] ^= 1
	step := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "a@example.com", Name: "A"}))(t)
	for name, token := range map[string]string{
		"nothing": "", "the prefix": "ms_", "without its prefix": in.Token[3:], "padded": in.Token + "=", "a space behind": in.Token + " ",
		"a line break": in.Token[:40] + "\n" + in.Token[40:], "other case": "MS_" + in.Token[3:], "one bit flipped": "ms_" + base64.RawURLEncoding.EncodeToString(other),
		"another session's secret": "ms_" + base64.RawURLEncoding.EncodeToString(append(make([]byte, 16), raw[16:]...)), "a ticket": step.Ticket,
	} {
		if _, err := w.Session(w.ctx, token); !errors.Is(err, mapae.ErrUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range in.Token {
		if _, err := w.Session(w.ctx, in.Token[:i]); !errors.Is(err, mapae.ErrUnauthenticated) {
			t.Errorf("the first %d characters: %v", i, err)
		}
	}
}

func TestDemands(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	use := func(m mapae.MethodName, ago time.Duration, uv bool) mapae.Use {
		return mapae.Use{Method: m, At: now.Add(-ago), UserVerified: uv}
	}
	oldPasskey, freshPassword := use(mapae.MethodPasskey, time.Hour, true), use(mapae.MethodPassword, time.Minute, false)
	strong, fresh := mapae.PhishingResistant(), mapae.Within(10*time.Minute)
	for name, c := range map[string]struct {
		uses    []mapae.Use
		demands []mapae.Demand
		want    bool
	}{
		"nothing is demanded":                         {nil, nil, true},
		"a fresh password is fresh":                   {[]mapae.Use{freshPassword}, []mapae.Demand{fresh}, true},
		"a fresh password is not strong":              {[]mapae.Use{freshPassword}, []mapae.Demand{strong}, false},
		"an old passkey is strong":                    {[]mapae.Use{oldPasskey}, []mapae.Demand{strong}, true},
		"an old passkey is not fresh":                 {[]mapae.Use{oldPasskey}, []mapae.Demand{fresh}, false},
		"the two together are not strong and fresh":   {[]mapae.Use{oldPasskey, freshPassword}, []mapae.Demand{strong, fresh}, false},
		"a passkey of exactly the age is fresh":       {[]mapae.Use{use(mapae.MethodPasskey, 10*time.Minute, true)}, []mapae.Demand{strong, fresh}, true},
		"a passkey a moment older is not":             {[]mapae.Use{use(mapae.MethodPasskey, 10*time.Minute+1, true)}, []mapae.Demand{strong, fresh}, false},
		"no use at all meets no demand":               {nil, []mapae.Demand{strong}, false},
		"a second factor key is resistant to fishing": {[]mapae.Use{use(mapae.MethodPasskey, 0, false)}, []mapae.Demand{strong}, true},
	} {
		if got := (mapae.Session{Uses: c.uses}).Meets(now, c.demands...); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, c := range map[string]struct {
		uses []mapae.Use
		aal  int
		amr  string
	}{
		"a passkey with user verification":    {[]mapae.Use{oldPasskey}, 2, "pop user mfa"},
		"a passkey without":                   {[]mapae.Use{use(mapae.MethodPasskey, 0, false)}, 1, "pop"},
		"a password":                          {[]mapae.Use{freshPassword}, 1, "pwd"},
		"a password and a code":               {[]mapae.Use{freshPassword, use(mapae.MethodTOTP, 0, false)}, 2, "pwd otp mfa"},
		"a password and a mail code":          {[]mapae.Use{freshPassword, use(mapae.MethodEmailCode, 0, false)}, 1, "pwd otp"},
		"a federated sign-in and a key":       {[]mapae.Use{use(mapae.MethodFederated, 0, false), use(mapae.MethodPasskey, 0, false)}, 2, "pop mfa"},
		"two keys without user verification":  {[]mapae.Use{use(mapae.MethodPasskey, 0, false), use(mapae.MethodPasskey, 1, false)}, 1, "pop"},
		"a password and a recovery code used": {[]mapae.Use{freshPassword, use(mapae.MethodRecoveryCode, 0, false)}, 2, "pwd otp mfa"},
	} {
		s := mapae.Session{Uses: c.uses}
		if s.AAL() != c.aal || strings.Join(s.AMR(), " ") != c.amr {
			t.Errorf("%s: level %d, amr %v", name, s.AAL(), s.AMR())
		}
	}
}

func TestNotifyIsToldOfWhatWasCommitted(t *testing.T) {
	t.Parallel()
	var told []mapae.EventType
	w := newWorld(t, func(c *mapae.Config) {
		c.Notify = func(_ context.Context, e mapae.Event) { told = append(told, e.Type) }
	})
	c, a := browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	w.addPasskey(c, in, webauthntest.New(origin), "")
	w.signIn(c, a)
	if err := w.SignOut(w.ctx, c, w.current(in)); err != nil {
		t.Fatal(err)
	}
	want := []mapae.EventType{mapae.EventSignUp, mapae.EventPasskeyAdded, mapae.EventSignIn, mapae.EventSignOut}
	if !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	var kept []mapae.EventType
	for _, e := range w.events() {
		kept = append([]mapae.EventType{e.Type}, kept...)
	}
	if !slices.Equal(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
}

func TestOldEventsAreSwept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signUp(browser(1), webauthntest.New(origin), "kim@example.com")
	w.pass(399 * 24 * time.Hour)
	must(w.Sweep(w.ctx))(t)
	if len(w.events()) != 1 {
		t.Error("an event of 399 days is gone")
	}
	w.pass(2 * 24 * time.Hour)
	must(w.Sweep(w.ctx))(t)
	if n := len(w.events()); n != 0 {
		t.Errorf("%d events of 401 days are left", n)
	}
}

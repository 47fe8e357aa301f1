package mapae_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthntest"
)

// refusedSignIn finishes a sign-in that must be refused with code, and returns
// the event that it left. Whatever it was, no session came of it.
func (w *world) refusedSignIn(c mapae.Client, answer []byte, code mapae.Code) mapae.Event {
	w.t.Helper()
	before := len(w.events())
	in, err := w.FinishSignIn(w.ctx, c, answer)
	wantCode(w.t, err, code)
	if in.Token != "" {
		w.t.Fatal("a token came with a refusal")
	}
	if len(w.events()) == before {
		return mapae.Event{}
	}
	return w.lastEvent()
}

func TestAChallengeIsFinishedOnlyWhereItWasIssued(t *testing.T) {
	t.Parallel()
	w, a := newWorld(t), webauthntest.New(origin)
	in := w.signUp(browser(1), a, "kim@example.com")
	other := w.signIn(browser(1), a)
	reauth := func(of mapae.Admitted, c mapae.Client) []byte {
		return must(a.Get(options(t, must(w.BeginReauth(w.ctx, c, w.current(of)))(t))))(t)
	}
	elsewhere := w.node(func(c *mapae.Config) {
		c.Store = memory.New()
		c.RP = mapae.RelyingParty{ID: "other.example", Origins: []string{"https://other.example"}}
	})
	foreign := must(json.Marshal(must(elsewhere.BeginSignIn(w.ctx, browser(1), mapae.SignInRequest{}))(t)))(t)
	foreign = bytes.Replace(foreign, []byte("other.example"), []byte(rpID), 1)

	for name, refused := range map[string]func() error{
		"another browser": func() error {
			_, err := w.FinishSignIn(w.ctx, browser(2), w.answer(browser(1), a))
			return err
		},
		"a browser without a cookie": func() error {
			_, err := w.FinishSignIn(w.ctx, mapae.Client{}, w.answer(browser(1), a))
			return err
		},
		"a browser's by an app": func() error {
			_, err := w.FinishSignIn(w.ctx, app, w.answer(browser(1), a))
			return err
		},
		"an app's by a browser": func() error {
			_, err := w.FinishSignIn(w.ctx, browser(1), w.answer(app, a))
			return err
		},
		"a step-up's as a sign-in": func() error {
			_, err := w.FinishSignIn(w.ctx, browser(1), reauth(in, browser(1)))
			return err
		},
		"a sign-in's as a step-up": func() error {
			_, err := w.FinishReauth(w.ctx, browser(1), w.current(in), w.answer(browser(1), a))
			return err
		},
		"a step-up in another session": func() error {
			_, err := w.FinishReauth(w.ctx, browser(1), w.current(other), reauth(in, browser(1)))
			return err
		},
		"a step-up's by an app": func() error {
			_, err := w.FinishReauth(w.ctx, app, w.current(in), reauth(in, browser(1)))
			return err
		},
		"another RP's": func() error {
			_, err := w.FinishSignIn(w.ctx, browser(1), must(a.Get(foreign))(t))
			return err
		},
		"a made-up one": func() error {
			a := a.Clone()
			a.Forge.Challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			_, err := w.FinishSignIn(w.ctx, browser(1), w.answer(browser(1), a))
			return err
		},
	} {
		if err := refused(); !errors.Is(err, mapae.ErrCeremonyInvalid) {
			t.Errorf("%s: %v, want ceremony_invalid", name, err)
		}
		if e := w.lastEvent(); e.Reason != "challenge" {
			t.Errorf("%s: event %s with reason %q", name, e.Type, e.Reason)
		}
	}
	if n := w.sessions(in.User); n != 2 {
		t.Errorf("%d sessions, want the 2 from before", n)
	}
	renewed := mapae.Client{Bindings: [][32]byte{{9}, {8}, {1}}}
	must(w.FinishSignIn(w.ctx, renewed, w.answer(browser(1), a)))(t) // any of the browser's cookies will do
}

func TestARegistrationOfOneSessionIsNotFinishedInAnother(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	other := w.signIn(c, a)
	made := must(webauthntest.New(origin).Create(options(t, must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t))))(t)
	_, err := w.FinishAddPasskey(w.ctx, c, w.current(other), made, "")
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	lee := w.signUp(c, webauthntest.New(origin), "lee@example.com")
	_, err = w.FinishAddPasskey(w.ctx, c, w.current(lee), made, "")
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	must(w.FinishAddPasskey(w.ctx, c, w.current(in), made, ""))(t)
}

func TestAFailedProofSpendsTheChallenge(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	w.signUp(c, a, "kim@example.com")
	ask := options(t, must(w.BeginSignIn(w.ctx, c, mapae.SignInRequest{}))(t))
	bad := a.Clone()
	bad.Forge.Signature = func(s []byte) []byte { s[len(s)-1] ^= 1; return s }
	before := must(w.store.Credentials(w.ctx, w.lastEvent().UserID))(t)
	if e := w.refusedSignIn(c, must(bad.Get(ask))(t), mapae.CodeAuthenticationFailed); e.Reason != "signature" || e.Type != mapae.EventSignInFailed {
		t.Errorf("event %+v", e)
	}
	if after := must(w.store.Credentials(w.ctx, w.lastEvent().UserID))(t); !slices.EqualFunc(before, after, sameRecord) {
		t.Errorf("the credential changed: %+v", after)
	}
	if e := w.refusedSignIn(c, must(a.Get(ask))(t), mapae.CodeCeremonyInvalid); e.Type != "" {
		t.Errorf("finding a challenge spent left the event %+v", e)
	}
}

func sameRecord(a, b mapae.Credential) bool {
	return a.SignCount == b.SignCount && a.BackupState == b.BackupState && a.BackupEligible == b.BackupEligible && a.LastUsedAt.Equal(b.LastUsedAt)
}

func TestSixteenPostsOfOneAssertionMakeOneSession(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w, c, a := newWorldOn(t, store), browser(1), webauthntest.New(origin)
		in := w.signUp(c, a, "kim@example.com")
		answer := w.answer(c, a)
		var wg sync.WaitGroup
		results := make([]error, 16)
		for i := range results {
			wg.Go(func() { _, results[i] = w.FinishSignIn(w.ctx, c, answer) })
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else {
				wantCode(t, err, mapae.CodeCeremonyInvalid)
			}
		}
		if won != 1 || w.sessions(in.User) != 2 {
			t.Errorf("%d won, %d sessions with that of the sign-up", won, w.sessions(in.User))
		}
	})
}

func TestACounterThatWentBackIsSpentAndRecorded(t *testing.T) {
	t.Parallel()
	key := func() *webauthntest.Authenticator {
		a := webauthntest.New(origin)
		a.BackupEligible, a.BackupState, a.Counter, a.CounterStep = false, false, 9, 0
		return a
	}
	t.Run("a device-bound passkey is refused", func(t *testing.T) {
		w, c, a := newWorld(t), browser(1), key()
		in := w.signUp(c, a, "kim@example.com")
		for _, count := range []uint32{5, 9, 0} {
			a.Counter = count
			answer := w.answer(c, a)
			if e := w.refusedSignIn(c, answer, mapae.CodeAuthenticationFailed); e.Type != mapae.EventCounterRegressed || e.Reason != "counter" || e.UserID != in.User.ID {
				t.Errorf("counter %d after 9: event %+v", count, e)
			}
			w.refusedSignIn(c, answer, mapae.CodeCeremonyInvalid)
		}
		if own := must(w.store.Credentials(w.ctx, in.User.ID))(t); own[0].SignCount != 9 || !own[0].LastUsedAt.IsZero() {
			t.Errorf("stored %+v", own[0])
		}
		a.Counter = 10
		w.signIn(c, a)
		a.Counter = 9
		w.refusedSignIn(c, w.answer(c, a), mapae.CodeAuthenticationFailed) // compared with the value last stored
	})
	t.Run("a synced passkey is admitted and it is recorded", func(t *testing.T) {
		w, c, a := newWorld(t), browser(1), key()
		a.BackupEligible = true
		in := w.signUp(c, a, "kim@example.com")
		a.Counter = 5
		w.signIn(c, a)
		if e := w.lastEvent(); e.Type != mapae.EventSignIn || e.Reason != "counter" {
			t.Errorf("event %+v", e)
		}
		if own := must(w.store.Credentials(w.ctx, in.User.ID))(t); own[0].SignCount != 9 || own[0].LastUsedAt.IsZero() {
			t.Errorf("stored %+v", own[0])
		}
	})
}

func TestABackupFlagThatChangedIsRecordedOrRefused(t *testing.T) {
	t.Parallel()
	for strict, code := range map[bool]mapae.Code{false: "", true: mapae.CodeAuthenticationFailed} {
		w, c, a := newWorld(t, func(c *mapae.Config) { c.Methods = []mapae.Method{mapae.Passkey{StrictBackupEligible: strict}} }), browser(1), webauthntest.New(origin)
		in := w.signUp(c, a, "kim@example.com")
		a.BackupEligible, a.BackupState = false, false
		if strict {
			w.refusedSignIn(c, w.answer(c, a), code)
		} else {
			w.signIn(c, a)
		}
		if e := w.lastEvent(); e.Reason != "backup_flags" {
			t.Errorf("strict %v: event %+v", strict, e)
		}
		if own := must(w.store.Credentials(w.ctx, in.User.ID))(t); own[0].BackupState == !strict {
			t.Errorf("strict %v: stored backup state %v", strict, own[0].BackupState)
		}
	}
}

// pausing lets a test act after a flow has read a credential and before it
// writes.
type pausing struct {
	mapae.Store
	after func()
}

func (p *pausing) Credential(ctx context.Context, id []byte) (mapae.Credential, mapae.User, error) {
	c, u, err := p.Store.Credential(ctx, id)
	if f := p.after; f != nil {
		p.after = nil
		f()
	}
	return c, u, err
}

func TestASignInThatRacesAChangeDoesNotOutliveIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world, in mapae.Admitted) error
		reason string
	}{
		"sign out everywhere": {func(w *world, in mapae.Admitted) error {
			_, err := w.EndOtherSessions(w.ctx, browser(1), w.current(in))
			return err
		}, "user_changed"},
		"the user is disabled": {func(w *world, in mapae.Admitted) error { return w.DisableUser(w.ctx, in.User.ID) }, "user_changed"},
		"the user is deleted": {func(w *world, in mapae.Admitted) error {
			return w.store.Update(w.ctx, func(tx mapae.Tx) error { return tx.DeleteUser(w.ctx, in.User.ID) })
		}, "user_changed"},
		"the passkey is removed": {func(w *world, in mapae.Admitted) error {
			return w.RemovePasskey(w.ctx, browser(1), w.current(in), in.Credential.ID)
		}, "credential_gone"},
	} {
		t.Run(name, func(t *testing.T) {
			store := &pausing{Store: memory.New()}
			w, b, a := newWorldOn(t, store), browser(1), webauthntest.New(origin)
			in := w.signUp(b, a, "kim@example.com")
			w.addPasskey(b, in, webauthntest.New(origin), "spare")
			answer := w.answer(b, a)
			store.after = func() {
				if err := c.change(w, in); err != nil {
					t.Error(err)
				}
			}
			if e := w.refusedSignIn(b, answer, mapae.CodeAuthenticationFailed); e.Reason != c.reason {
				t.Errorf("event %+v, want reason %s", e, c.reason)
			}
			w.refusedSignIn(b, answer, mapae.CodeCeremonyInvalid)
		})
	}
}

func TestAUserWhoWasDisabledBeforeTheAnswerIsRefused(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	answer := w.answer(c, a)
	if err := w.DisableUser(w.ctx, in.User.ID); err != nil {
		t.Fatal(err)
	}
	_, err := w.Session(w.ctx, in.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	if e := w.refusedSignIn(c, answer, mapae.CodeAuthenticationFailed); e.Reason != "user_disabled" {
		t.Errorf("event %+v", e)
	}
	if err := w.EnableUser(w.ctx, in.User.ID); err != nil {
		t.Fatal(err)
	}
	w.signIn(c, a)
	wantCode(t, w.DisableUser(w.ctx, "nobody"), mapae.CodeNotFound)
}

func TestAPasskeyThatNobodyHasIsSaidToBeUnknown(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	w.addPasskey(c, in, webauthntest.New(origin), "")
	if err := w.RemovePasskey(w.ctx, c, w.current(in), in.Credential.ID); err != nil {
		t.Fatal(err)
	}
	answer := w.answer(c, a)
	if e := w.refusedSignIn(c, answer, mapae.CodePasskeyUnknown); e.Reason != "credential_unknown" || e.UserID != "" {
		t.Errorf("event %+v", e)
	}
	w.refusedSignIn(c, answer, mapae.CodeCeremonyInvalid)
}

func TestClocksOfNodesThatDisagree(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ahead time.Duration // of the issuing node against the finishing one
		ok    bool
	}{
		"the same":              {0, true},
		"2 minutes ahead":       {2 * time.Minute, true},
		"2 minutes behind":      {-2 * time.Minute, true},
		"over 3 minutes ahead":  {3*time.Minute + time.Second, false},
		"an hour ahead":         {time.Hour, false},
		"an hour behind":        {-time.Hour, false},
		"as old as it may live": {-5 * time.Minute, false},
	} {
		w, b, a := newWorld(t), browser(1), webauthntest.New(origin)
		w.signUp(b, a, "kim@example.com")
		issuing := w.node(func(cfg *mapae.Config) {
			cfg.Clock = func() time.Time { return w.now().Add(c.ahead) }
		})
		_, err := w.FinishSignIn(w.ctx, b, issuing.answer(b, a))
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, mapae.ErrCeremonyInvalid) {
			t.Errorf("issued %s: %v", name, err)
		}
	}
}

func TestWhatWasSweptCanNotBeSpentAgain(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store mapae.Store) {
		w, c, a := newWorldOn(t, store), browser(1), webauthntest.New(origin)
		w.signUp(c, a, "kim@example.com")
		answer := w.answer(c, a)
		must(w.FinishSignIn(w.ctx, c, answer))(t)
		ahead := w.node(func(cfg *mapae.Config) {
			cfg.Clock = func() time.Time { return w.now().Add(time.Hour) }
		})
		if n := must(ahead.Sweep(w.ctx))(t); n == 0 {
			t.Fatal("a node whose clock is an hour ahead swept nothing")
		}
		w.refusedSignIn(c, answer, mapae.CodeCeremonyInvalid)
		w.pass(time.Second)
		w.signIn(c, a) // later challenges go on
	})
}

func TestMutilatedAnswersNeverSignIn(t *testing.T) {
	t.Parallel()
	w, c, a := newWorld(t), browser(1), webauthntest.New(origin)
	in := w.signUp(c, a, "kim@example.com")
	whole := w.answer(c, a)
	for i := range whole {
		_, err := w.FinishSignIn(w.ctx, c, whole[:i])
		wantCode(t, err, mapae.CodeBadRequest)
	}
	var members map[string]any
	if err := json.Unmarshal(whole, &members); err != nil {
		t.Fatal(err)
	}
	response := members["response"].(map[string]any)
	for name := range response {
		if name == "userHandle" {
			continue // may be missing in the JSON: TestADiscoverableAnswerNeedsItsUserHandle
		}
		without(t, w, c, members, response, name)
	}
	for _, name := range []string{"id", "rawId", "type", "response"} {
		without(t, w, c, members, members, name)
	}
	must(w.FinishSignIn(w.ctx, c, whole))(t) // none of that spent it
	for bit := range 8 * 70 {
		bad := a.Clone()
		flipped := false
		bad.Forge.Signature = func(s []byte) []byte {
			if flipped = bit/8 < len(s); flipped {
				s[bit/8] ^= 1 << (bit % 8)
			}
			return s
		}
		answer := w.answer(c, bad)
		if !flipped {
			break
		}
		if e := w.refusedSignIn(c, answer, mapae.CodeAuthenticationFailed); e.Reason != "signature" {
			t.Fatalf("bit %d: event %+v", bit, e)
		}
	}
	if n := w.sessions(in.User); n != 2 {
		t.Errorf("%d sessions, want 2", n)
	}
}

// without finishes a sign-in whose answer lacks one member of object.
func without(t *testing.T, w *world, c mapae.Client, answer, object map[string]any, name string) {
	t.Helper()
	old := object[name]
	delete(object, name)
	_, err := w.FinishSignIn(w.ctx, c, must(json.Marshal(answer))(t))
	object[name] = old
	if !errors.Is(err, mapae.ErrBadRequest) {
		t.Errorf("without %s: %v, want bad_request", name, err)
	}
}

func TestADiscoverableAnswerNeedsItsUserHandle(t *testing.T) {
	t.Parallel()
	w, c, kim, lee := newWorld(t), browser(1), webauthntest.New(origin), webauthntest.New(origin)
	w.signUp(c, kim, "kim@example.com")
	other := w.signUp(c, lee, "lee@example.com")
	for name, handle := range map[string]any{"missing": nil, "another user's": other.User.ID.String(), "made up": "J09SIDE9MS0t"} {
		bad := kim.Clone()
		bad.Forge.Response = func(m map[string]any) {
			if handle == nil {
				delete(m["response"].(map[string]any), "userHandle")
			} else {
				m["response"].(map[string]any)["userHandle"] = handle
			}
		}
		if e := w.refusedSignIn(c, w.answer(c, bad), mapae.CodeAuthenticationFailed); e.Reason != "user_handle" {
			t.Errorf("%s: event %+v", name, e)
		}
	}
}

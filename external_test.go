package mapae_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

func external(c *mapae.Config) { c.Methods = append(c.Methods, mapae.External{}) }

var kim42 = mapae.ExternalUser{ID: "42", Login: "Kim@Example.com", Name: "Kim", Locale: "ko"}

func TestTheApplicationsUserIsSignedInAndAddsAPasskey(t *testing.T) {
	t.Parallel()
	w, key := newWorld(t, external), webauthntest.New(origin)
	first := must(w.SignInExternal(w.ctx, browser(1), kim42))(t)
	u := first.User
	if first.Second != nil || u.ExternalID != "42" || u.Login != "Kim@Example.com" || u.LoginKey != kim || u.Locale != "ko" || u.EmailKey != "" || len(u.ID) != 32 {
		t.Fatalf("step %+v", first)
	}
	s := w.current(first.Admitted).Session
	if s.AAL() != 1 || s.PhishingResistant() || len(s.AMR()) != 0 || s.Uses[0].Method != mapae.MethodExternal {
		t.Errorf("session %+v", s)
	}
	if e := w.events(); e[0].Type != mapae.EventSignIn || e[1].Type != mapae.EventSignUp || e[1].Method != mapae.MethodExternal || e[1].UserID != u.ID {
		t.Errorf("events %+v", e)
	}
	made := w.addPasskey(browser(1), first.Admitted, key, "")

	second := must(w.SignInExternal(w.ctx, browser(2), kim42))(t)
	if second.Second == nil || second.Token != "" || !slices.Contains(second.Second.Methods, mapae.MethodPasskey) {
		t.Fatalf("what the application has is enough for who has a passkey: %+v", second)
	}
	in := must(w.FinishSecondFactor(w.ctx, browser(2), second.Second.Ticket, must(key.Get(options(t, second.Second.Options)))(t)))(t)
	if in.User.ID != u.ID || in.Session.AAL() != 2 {
		t.Errorf("in as %+v", in)
	}
	if alone := w.signIn(browser(3), key); alone.User.ExternalID != "42" {
		t.Errorf("a passkey alone signs in %+v", alone.User)
	}

	if err := w.RemovePasskey(w.ctx, browser(2), w.current(in), made.ID); err != nil {
		t.Errorf("the last passkey of who has a password at the application: %v", err)
	}
	if step := must(w.SignInExternal(w.ctx, browser(1), kim42))(t); step.Second != nil {
		t.Error("a second step is due of who has none")
	}
}

func TestTheLastPasskeyStaysWhereTheApplicationSignsInNobody(t *testing.T) {
	t.Parallel()
	w, key := newWorld(t, external), webauthntest.New(origin)
	in := must(w.SignInExternal(w.ctx, browser(1), kim42))(t).Admitted
	made := w.addPasskey(browser(1), in, key, "")
	alone := w.node(func(c *mapae.Config) { c.Methods = []mapae.Method{mapae.Passkey{}} })
	wantCode(t, alone.RemovePasskey(w.ctx, browser(1), w.current(in), made.ID), mapae.CodeLastFactor)
	_, err := alone.SignInExternal(w.ctx, browser(1), kim42)
	wantCode(t, err, mapae.CodeForbidden)
	own := w.signUp(browser(2), webauthntest.New(origin), "lee@example.com")
	passkeys := must(w.Passkeys(w.ctx, w.current(own)))(t)
	wantCode(t, w.RemovePasskey(w.ctx, browser(2), w.current(own), passkeys[0].ID), mapae.CodeLastFactor) // not the application's user
}

func TestTheApplicationsUserIsCalledWhatItSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, external)
	was := must(w.SignInExternal(w.ctx, browser(1), kim42))(t).User
	moved := mapae.ExternalUser{ID: "42", Login: "lee@example.com", LoginVerified: true, Name: "Lee"}
	is := must(w.SignInExternal(w.ctx, browser(1), moved))(t).User
	if is.ID != was.ID || is.LoginKey != "lee@example.com" || is.EmailKey != "lee@example.com" || is.EmailVerifiedAt.IsZero() || is.Name != "Lee" || is.Locale != "ko" {
		t.Errorf("user %+v", is)
	}
	if stored := must(w.store.User(w.ctx, was.ID))(t); stored != is {
		t.Errorf("stored %+v, want %+v", stored, is)
	}
	moved.LoginVerified = false
	if still := must(w.SignInExternal(w.ctx, browser(1), moved))(t).User; still != is {
		t.Errorf("an address that is proven is not any more: %+v", still)
	}
	moved.Login = "park@example.com"
	if gone := must(w.SignInExternal(w.ctx, browser(1), moved))(t).User; gone.EmailKey != "" || !gone.EmailVerifiedAt.IsZero() {
		t.Errorf("another address is proven because the old one was: %+v", gone)
	}
}

func TestAnApplicationsUserIsNeverTakenForAnotherWithTheSameAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, external)
	own := w.signUp(browser(1), webauthntest.New(origin), kim).User
	_, err := w.SignInExternal(w.ctx, browser(1), kim42)
	wantCode(t, err, mapae.CodeLoginTaken)
	other := mapae.ExternalUser{ID: "43", Login: "lee@example.com", Name: "Lee"}
	must(w.SignInExternal(w.ctx, browser(1), other))(t)
	other.Login = kim
	_, err = w.SignInExternal(w.ctx, browser(1), other)
	wantCode(t, err, mapae.CodeLoginTaken)
	if u := must(w.store.UserByLogin(w.ctx, kim))(t); u != own {
		t.Errorf("the account is %+v, was %+v", u, own)
	}
}

func TestAnAddressThatTheApplicationHasProvenIsTakenFromWhoNeverDid(t *testing.T) {
	t.Parallel()
	verified := kim42
	verified.LoginVerified = true
	moved := verified
	moved.ID, moved.Login = "43", "lee@example.com"
	for name, before := range map[string]func(*world){
		"somebody new": func(*world) {},
		"somebody who had another address": func(w *world) {
			must(w.SignInExternal(w.ctx, browser(2), mapae.ExternalUser{ID: "42", Login: "old@example.com", Name: "Kim"}))(w.t)
		},
		"somebody who had one that is proven": func(w *world) { x := moved; x.ID = "42"; must(w.SignInExternal(w.ctx, browser(2), x))(w.t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, external)
			squatter := w.signUp(browser(1), webauthntest.New(origin), kim)
			before(w)
			in := must(w.SignInExternal(w.ctx, browser(2), verified))(t)
			if u := in.User; u.ID == squatter.User.ID || u.LoginKey != kim || u.EmailKey != kim {
				t.Errorf("user %+v", u)
			}
			if u := must(w.store.User(w.ctx, squatter.User.ID))(t); u.LoginKey == kim || u.Email != "" {
				t.Errorf("who never proved the address keeps it: %+v", u)
			}
			_, err := w.Session(w.ctx, squatter.Token)
			wantCode(t, err, mapae.CodeUnauthenticated)
			if !slices.ContainsFunc(w.events(), func(e mapae.Event) bool { return e.Type == mapae.EventEmailReleased && e.UserID == squatter.User.ID }) {
				t.Errorf("events %+v", w.events())
			}
		})
	}
	w := newWorld(t, external)
	proven := must(w.SignInExternal(w.ctx, browser(1), verified))(t).User
	for _, x := range []mapae.ExternalUser{{ID: "44", Login: kim, LoginVerified: true, Name: "Lee"}, {ID: "44", Login: kim, Name: "Lee"}} {
		_, err := w.SignInExternal(w.ctx, browser(2), x)
		wantCode(t, err, mapae.CodeLoginTaken)
	}
	if u := must(w.store.User(w.ctx, proven.ID))(t); u != proven {
		t.Errorf("who has proven the address is %+v, was %+v", u, proven)
	}
}

func TestAnAddressIsNotProvenByAnotherOfTheSameUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, external)
	other := mapae.Imported{User: mapae.User{ID: "1", Login: kim, Email: "lee@example.com", EmailVerifiedAt: w.now(), ExternalID: "42"}}
	must(w.Import(w.ctx, other, false))(t)
	if u := must(w.SignInExternal(w.ctx, browser(1), kim42))(t).User; u.EmailKey != "" || !u.EmailVerifiedAt.IsZero() {
		t.Errorf("%s counts as proven, for %s is: %+v", u.Email, other.User.Email, u)
	}
	other.User.ID, other.User.Login, other.User.Email, other.User.ExternalID = "2", "lee@example.com", "park@example.com", "43"
	must(w.Import(w.ctx, other, false))(t)
	who := mapae.ExternalUser{ID: "43", Login: "lee@example.com", LoginVerified: true, Name: "Lee"}
	if u := must(w.SignInExternal(w.ctx, browser(1), who))(t).User; u.EmailKey != "lee@example.com" {
		t.Errorf("the address that the application has proven is not: %+v", u)
	}
}

func TestWhatTheApplicationSaysIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, external)
	for field, change := range map[string]func(*mapae.ExternalUser){
		"id":       func(x *mapae.ExternalUser) { x.ID = "" },
		"id ":      func(x *mapae.ExternalUser) { x.ID = strings.Repeat("x", 256) },
		"id  ":     func(x *mapae.ExternalUser) { x.ID = "a\x00" },
		"id   ":    func(x *mapae.ExternalUser) { x.ID = "\xff" },
		"email":    func(x *mapae.ExternalUser) { x.Login = "kim" },
		"name":     func(x *mapae.ExternalUser) { x.Name = " " },
		"locale":   func(x *mapae.ExternalUser) { x.Locale = "ko_KR" },
		"locale  ": func(x *mapae.ExternalUser) { x.Locale = strings.Repeat("k", 36) },
	} {
		who := kim42
		change(&who)
		_, err := w.SignInExternal(w.ctx, browser(1), who)
		wantCode(t, err, mapae.CodeBadRequest)
		if got := err.(*mapae.Error).Field; got != strings.TrimSpace(field) {
			t.Errorf("field %q, want %q", got, field)
		}
	}
	if n := len(w.events()); n != 0 {
		t.Errorf("%d events", n)
	}
	in := must(w.SignInExternal(w.ctx, browser(1), kim42))(t)
	if err := w.DisableUser(w.ctx, in.User.ID); err != nil {
		t.Fatal(err)
	}
	_, err := w.SignInExternal(w.ctx, browser(1), kim42)
	wantCode(t, err, mapae.CodeForbidden)
	if e := w.lastEvent(); e.Type != mapae.EventSignInFailed || e.Reason != "user_disabled" {
		t.Errorf("event %+v", e)
	}
	strict := newWorld(t, external, func(c *mapae.Config) { c.SecondFactor.Required = true })
	_, err = strict.SignInExternal(w.ctx, browser(1), kim42)
	wantCode(t, err, mapae.CodeForbidden)
}

func TestAUserWhoSignsInAtManyPlacesAtOnceIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, external)
	ids := make([]mapae.UserID, 16)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			step, err := w.SignInExternal(w.ctx, browser(byte(i)), kim42)
			if err != nil {
				t.Error(err)
			}
			ids[i] = step.User.ID
		})
	}
	all.Wait()
	if len(slices.Compact(ids)) != 1 || w.sessions(mapae.User{ID: ids[0]}) != 16 {
		t.Errorf("users %v", ids)
	}
}

func TestTheApplicationRemovesItsUser(t *testing.T) {
	t.Parallel()
	w, key := newWorld(t, external), webauthntest.New(origin)
	in := must(w.SignInExternal(w.ctx, browser(1), kim42))(t).Admitted
	w.addPasskey(browser(1), in, key, "")
	for _, id := range []string{"", "43"} {
		wantCode(t, w.RemoveExternal(w.ctx, id), mapae.CodeNotFound)
	}
	if err := w.RemoveExternal(w.ctx, "42"); err != nil {
		t.Fatal(err)
	}
	_, err := w.Session(w.ctx, in.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	_, err = w.FinishSignIn(w.ctx, browser(1), w.answer(browser(1), key))
	wantCode(t, err, mapae.CodePasskeyUnknown)
	if e := w.events(); e[1].Type != mapae.EventAccountDeleted || e[1].UserID != in.User.ID {
		t.Errorf("events %+v", e[:2])
	}
	w.pass(time.Second)
	if again := must(w.SignInExternal(w.ctx, browser(1), kim42))(t); again.User.ID == in.User.ID {
		t.Error("the handle of a user who is gone is used again")
	}
}

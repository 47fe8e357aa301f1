package mapae_test

import (
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

func TestTheOperatorAddsAUserWhoMakesTheirPasskeyByALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mapae.Config) { c.SignUp = mapae.SignUpClosed })
	u := must(w.AddUser(w.ctx, "Root@example.com", "Root"))(t)
	if u.LoginKey != "root@example.com" || u.EmailKey != "" || len(u.ID) != 32 {
		t.Errorf("user %+v", u)
	}
	if e := w.lastEvent(); e.Type != mapae.EventUserAdded || e.UserID != u.ID || e.Method != "" {
		t.Errorf("event %+v", e)
	}
	_, err := w.AddUser(w.ctx, "ROOT@example.com", "Another")
	wantCode(t, err, mapae.CodeLoginTaken)
	for _, bad := range [][2]string{{"x", "X"}, {"a@example.com", ""}, {"a@example.com", "a\x00"}} {
		_, err := w.AddUser(w.ctx, bad[0], bad[1])
		wantCode(t, err, mapae.CodeBadRequest)
	}
	link := must(w.IssueRecovery(w.ctx, u.Login, time.Hour))(t)
	step := must(w.BeginIssuedRecovery(w.ctx, browser(1), codeIn(link.URL)))(t)
	in := must(w.bind(browser(1), step.Ticket, webauthntest.New(origin)))(t)
	if in.User.ID != u.ID || in.Session.AAL() != 2 {
		t.Errorf("in as %+v", in)
	}
}

func TestTheOperatorTakesALostPasskeyAway(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	own := must(m.Passkeys(m.ctx, m.current(m.in)))(t)
	w := newWorld(t)
	in := w.signUp(browser(1), webauthntest.New(origin), kim)
	last := must(w.Passkeys(w.ctx, w.current(in)))(t)
	wantCode(t, w.RemovePasskeyOf(w.ctx, in.User.ID, last[0].ID), mapae.CodeLastFactor)
	if !live(w, in) {
		t.Error("what was refused ended a session")
	}
	second := webauthntest.New(origin)
	m.addPasskey(browser(1), m.in, second, "Second")
	m.notice(mapae.EventPasskeyAdded)
	other := m.signUpProven(browser(2), webauthntest.New(origin), "lee@example.com")
	wantCode(t, m.RemovePasskeyOf(m.ctx, other.User.ID, own[0].ID), mapae.CodeNotFound)
	wantCode(t, m.RemovePasskeyOf(m.ctx, "nobody", own[0].ID), mapae.CodeNotFound)
	if err := m.RemovePasskeyOf(m.ctx, m.in.User.ID, own[0].ID); err != nil {
		t.Fatal(err)
	}
	if e := m.lastEvent(); e.Type != mapae.EventPasskeyRemoved || e.UserID != m.in.User.ID || string(e.Credential) != string(own[0].ID) {
		t.Errorf("event %+v", e)
	}
	m.notice(mapae.EventPasskeyRemoved)
	if live(m.world, m.in) {
		t.Error("a session of before lives")
	}
	if left := must(m.store.Credentials(m.ctx, m.in.User.ID))(t); len(left) != 1 || string(left[0].ID) == string(own[0].ID) {
		t.Errorf("left are %+v", left)
	}
}

func TestTheOperatorEndsAllSessionsOfAUser(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	other := m.signUpProven(browser(2), webauthntest.New(origin), "lee@example.com")
	if err := m.EndSessionsOf(m.ctx, m.in.User.ID); err != nil {
		t.Fatal(err)
	}
	if live(m.world, m.in) || !live(m.world, other) {
		t.Error("the wrong sessions ended")
	}
	wantCode(t, m.EndSessionsOf(m.ctx, "nobody"), mapae.CodeNotFound)
	u := must(m.UserByLogin(m.ctx, "KIM@example.com"))(t)
	if err := m.DisableUser(m.ctx, u.ID); err != nil {
		t.Fatal(err)
	}
	if again := must(m.UserByLogin(m.ctx, kim))(t); again.ID != m.in.User.ID || !again.Disabled() {
		t.Errorf("user %+v", again)
	}
	_, err := m.UserByLogin(m.ctx, "nobody@example.com")
	wantCode(t, err, mapae.CodeNotFound)
}

// live reports whether the session of in goes on.
func live(w *world, in mapae.Admitted) bool {
	w.t.Helper()
	_, err := w.Session(w.ctx, in.Token)
	if err != nil {
		wantCode(w.t, err, mapae.CodeUnauthenticated)
	}
	return err == nil
}

func TestTheOperatorReachesWhoSignsInWithAnImportedName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(w.Import(w.ctx, mapae.Imported{User: mapae.User{ID: "1", Login: "Kim"}}, false))(t)
	u := must(w.UserByLogin(w.ctx, "kim"))(t)
	if u.ID != "1" {
		t.Errorf("user %+v", u)
	}
	for login, want := range map[string]mapae.Code{"lee": mapae.CodeNotFound, "": mapae.CodeBadRequest, "kim\u202e": mapae.CodeBadRequest} {
		_, err := w.UserByLogin(w.ctx, login)
		wantCode(t, err, want)
	}
	link := must(w.IssueRecovery(w.ctx, "KIM", time.Hour))(t)
	step := must(w.BeginIssuedRecovery(w.ctx, browser(1), codeIn(link.URL)))(t)
	if in := must(w.bind(browser(1), step.Ticket, webauthntest.New(origin)))(t); in.User.ID != u.ID {
		t.Errorf("in as %+v", in)
	}
}

package web

import (
	"net/url"
	"testing"

	"github.com/mapae/mapae"
)

// mailedThings are what a mail brings that can be used without being signed in:
// by JSON, and by the form of its page.
var mailedThings = []struct {
	name    string
	issue   func(w *world, p, reader person) string
	api     string
	body    string // beside the code
	page    string
	values  url.Values
	signsIn bool
}{
	{"not me", func(w *world, p, _ person) string {
		_, err := p.AddPasskey(w.ctx, p.key, "Evil")
		ok(w.t, err)
		return codeOfLink(w.t, w.last(mapae.MailNotice).Link)
	}, "/api/notice/not-me", "", "/not-me", nil, false},
	{"take a change of address back", func(w *world, p, _ person) string { return w.moved(p) },
		"/api/notice/undo-email", "", "/undo-email", nil, false},
	{"cancel a recovery", func(w *world, p, reader person) string {
		_, err := p.AddPasskey(w.ctx, p.key, "")
		ok(w.t, err)
		return w.waiting(reader)
	}, "/api/notice/cancel-recovery", "", "/cancel-recovery", nil, false},
	{"recover by the operator's link", func(w *world, _, _ person) string { code, _ := w.issued(alice); return code },
		"/api/auth/recover/start", "", "/recover", url.Values{"step": {"link"}}, false},
	{"reset a password", func(w *world, p, reader person) string {
		ok(w.t, reader.ForgotPassword(w.ctx, alice))
		return codeOfLink(w.t, w.last(mapae.MailReset).Link)
	}, "/api/auth/password/reset", `,"password":"another horse, another battery"`, "/reset", url.Values{"password": {"another horse, another battery"}}, false},
	{"sign in by the operator's link", func(w *world, _, _ person) string { _, code := w.issued(alice); return code },
		"/api/auth/sign-in-link", "", "/sign-in-link", nil, true},
}

// TestAMailActsForItsOwnerWhoeverIsSignedIn opens what alice was mailed where
// bob is signed in: what bob has does not change, and bob stays signed in, but
// by what signs alice in.
func TestAMailActsForItsOwnerWhoeverIsSignedIn(t *testing.T) {
	t.Parallel()
	for _, thing := range mailedThings {
		for _, byPage := range []bool{false, true} {
			t.Run(thing.name+map[bool]string{true: " by its page", false: " by JSON"}[byPage], func(t *testing.T) {
				t.Parallel()
				w, p, reader := noticed(t)
				bobs := w.provenMember(bob)
				owner, other := p.me(), bobs.me()
				code := thing.issue(w, p, reader)
				before := w.everyEvent()
				w.unchanged([]string{bob}, func() {
					if byPage {
						values := url.Values{"code": {code}}
						for name, v := range thing.values {
							values[name] = v
						}
						if a := bobs.form(thing.page, values); a.StatusCode != 200 && a.StatusCode != 303 {
							t.Fatalf("%d %s", a.StatusCode, a.body)
						}
					} else {
						bobs.send("POST", thing.api, `{"code":`+text(code)+thing.body+`}`).want(t, 200, "")
					}
				})
				now, want := bobs.me(), other
				if thing.signsIn {
					want = owner
				}
				if now.ID != want.ID {
					t.Errorf("signed in is %s, want %s", now.Login, want.Login)
				}
				events := w.everyEvent()[len(before):]
				for _, e := range events {
					if e.UserID.String() != owner.ID {
						t.Errorf("an event of somebody else: %+v", e)
					}
				}
				if len(events) == 0 {
					t.Error("nothing happened")
				}
			})
		}
	}
}

// everyEvent is all events, oldest first.
func (w *world) everyEvent() []mapae.Event {
	w.t.Helper()
	all, err := w.store.Events(w.ctx, "", "", 1000)
	ok(w.t, err)
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

func TestSomebodyWithAPasswordIsOfferedAPasskeyOnTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods)
	p := w.person()
	p.send("POST", "/api/auth/signup", `{"email":"`+alice+`","name":"Alice","password":"`+password+`"}`).want(t, 200, "")
	values := url.Values{"username": {alice}, "password": {password}, "next": {"/inbox?a=b"}}
	signIn := func(can string) reply {
		values.Set("can", can)
		return w.person().form("/sign-in", values)
	}
	seeOther(t, signIn(""), "/inbox?a=b")
	seeOther(t, signIn("1"), "/offer?next=%2Finbox%3Fa%3Db")
	seeOther(t, w.person().page("/offer"), "/sign-in?next=%2Foffer")

	offer := p.page("/offer?next=/inbox")
	for _, part := range []string{`name="next" value="/inbox"`, " data-upgrade", `id="create"`, `value="not_now"`, `value="never"`} {
		if offer.StatusCode != 200 || !strings.Contains(string(offer.body), part) {
			t.Errorf("the offer is %d without %s:\n%s", offer.StatusCode, part, offer.body)
		}
	}
	if second := p.page("/offer?second=1"); !strings.Contains(string(second.body), "Add a second passkey?") || !strings.Contains(string(second.body), " data-second>") {
		t.Errorf("the offer of a second passkey is\n%s", second.body)
	}
	if local := p.page("/offer?local=1&next=//evil.example"); !strings.Contains(string(local.body), "Use this device next time?") || strings.Contains(string(local.body), `value="//evil`) {
		t.Errorf("the offer of a passkey on this device is\n%s", local.body)
	}
	if a := p.form("/offer", url.Values{"answer": {"maybe"}}); a.StatusCode != 400 {
		t.Errorf("an answer that is none: %d", a.StatusCode)
	}
	seeOther(t, p.form("/offer", url.Values{"answer": {"not_now"}, "next": {"//evil.example"}}), "/account")
	seeOther(t, p.page("/offer?next=/inbox"), "/inbox")
	seeOther(t, signIn("1"), "/inbox?a=b")
	w.pass(13 * 24 * time.Hour) // sessions end before the pause does
	p.send("POST", "/api/auth/login", `{"email":"`+alice+`","password":"`+password+`"}`).want(t, 200, "")
	w.pass(17*24*time.Hour + time.Minute)
	seeOther(t, signIn("1"), "/offer?next=%2Finbox%3Fa%3Db")
}

func TestTheOfferIsNotMadeWhereItCouldNotBeTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods)
	p := w.member(alice)
	if a := p.page("/offer"); a.StatusCode != 200 || strings.Contains(string(a.body), "data-upgrade") {
		t.Errorf("who has no password is upgraded: %d\n%s", a.StatusCode, a.body)
	}
	w.pass(11 * time.Minute)
	seeOther(t, p.page("/offer?next=/inbox"), "/inbox")

	passwords := newWorld(t, allMethods, func(c *mapae.Config, _ *Config) { c.Methods = c.Methods[1:] })
	q := passwords.person()
	a := q.send("POST", "/api/auth/signup", `{"email":"`+alice+`","name":"Alice","password":"`+password+`"}`).want(t, 200, "")
	if strings.Contains(string(a.body), "suggest") {
		t.Errorf("a passkey is suggested where there are none: %s", a.body)
	}
	seeOther(t, q.page("/offer"), "/account")
}

func TestAnAnswerToTheSuggestionIsRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	p.key.Attachment, p.key.Transports = "cross-platform", []string{"hybrid", "internal"}
	signIn := func() string { return string(p.finish(p.Client.BeginAutofill).want(t, 200, "").body) }
	if body := signIn(); !strings.Contains(body, `"suggest":["create_local_passkey"]`) {
		t.Errorf("after a sign-in with a phone: %s", body)
	}
	for _, bad := range []string{`{}`, `{"answer":""}`, `{"answer":"NEVER"}`, `{"answer":null}`} {
		p.send("POST", "/api/account/suggestions", bad).want(t, 400, mapae.CodeBadRequest)
	}
	if err := p.AnswerOffer(w.ctx, "never"); err != nil {
		t.Fatal(err)
	}
	if body := signIn(); strings.Contains(body, "suggest") {
		t.Errorf("after “never”: %s", body)
	}
}

func TestAfterAProviderOrAMailAPasskeyIsOffered(t *testing.T) {
	t.Parallel()
	w := newAbroad(t, byMail)
	p := w.person()
	p.trip(t, "/x").wantOffered(t, "/x")
	offer := p.page("/offer?next=/x%3Fa=%22b")
	offer.wantSaid(t, 200, `<noscript><meta http-equiv="refresh" content="0; url=/x?a=&#34;b"></noscript>`)
	seeOther(t, p.form("/offer", url.Values{"answer": {"not_now"}, "next": {"/x"}}), "/x")
	w.person().trip(t, "/x").wantGone(t, "/x")
	w.pass(30*24*time.Hour + time.Minute)

	code := func(can string) reply {
		t.Helper()
		q := w.person()
		sent := q.form("/email-code", url.Values{"username": {"kim@example.org"}, "next": {"/x"}})
		if sent.hidden(t, "ticket") == "" || !strings.Contains(string(sent.body), `name="can"`) {
			t.Fatalf("the form is %s", sent.body)
		}
		return q.form("/email-code", url.Values{"ticket": {sent.hidden(t, "ticket")}, "username": {"kim@example.org"}, "code": {w.lastMail().Code}, "next": {"/x"}, "can": {can}})
	}
	code("").wantGone(t, "/x")
	code("1").wantOffered(t, "/x")

	link := func(can string) reply {
		t.Helper()
		issued, err := w.auth.IssueSignIn(w.ctx, "kim@example.org", time.Hour, false)
		ok(t, err)
		q := w.person()
		q.page(strings.TrimPrefix(issued.URL, home)).wantSaid(t, 200, `name="can"`)
		return q.form("/sign-in-link", url.Values{"code": {codeOfLink(t, issued.URL)}, "can": {can}})
	}
	link("").wantGone(t, "/account")
	link("1").wantOffered(t, "")

	q := w.person()
	q.trip(t, "/")
	_, err := q.AddPasskey(w.ctx, q.key, "")
	ok(t, err)
	second := w.person()
	second.trip(t, "/x").wantSaid(t, 200, "One more step")
	if second.cookie() != "" {
		t.Error("a second factor is passed by")
	}
}

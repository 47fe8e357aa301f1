package web

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// letters keeps what was sent.
type letters struct {
	mu  sync.Mutex
	all []mapae.Message
}

func (l *letters) Send(_ context.Context, m mapae.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, m)
	return nil
}

// postal is a site with mail, and a member whose address is proven.
func postal(t *testing.T) (*world, *letters, person) {
	t.Helper()
	sent := &letters{}
	w := newWorld(t, allMethods, unlimited, func(c *mapae.Config, _ *Config) { c.Mailer = sent })
	without := newWorld(t, allMethods, unlimited, withStore(w.store), func(c *mapae.Config, _ *Config) { c.Secrets = w.auth.Config().Secrets })
	p := without.member(alice)
	p.w, p.HTTP.Transport = w, w
	u, err := w.store.UserByLogin(w.ctx, alice)
	ok(t, err)
	u.EmailKey, u.EmailVerifiedAt = alice, time.Now().UTC().Truncate(time.Microsecond)
	ok(t, w.store.Update(w.ctx, func(tx mapae.Tx) error { return tx.UpdateUser(w.ctx, u) }))
	return w, sent, p
}

// link delivers and returns the path of the newest link of a mail of that kind.
func (w *world) link(sent *letters, kind mapae.MailKind) string {
	w.t.Helper()
	_, err := w.auth.Deliver(w.ctx)
	ok(w.t, err)
	for i := len(sent.all) - 1; i >= 0; i-- {
		if m := sent.all[i]; m.Kind == kind {
			return strings.TrimPrefix(or(m.UndoLink, m.Link), home)
		}
	}
	w.t.Fatalf("no %s among %+v", kind, sent.all)
	return ""
}

func TestAMailedLinkShowsAndAPostActsOnce(t *testing.T) {
	t.Parallel()
	w, sent, p := postal(t)
	_, err := p.AddPasskey(w.ctx, w.person().key, "Evil")
	ok(t, err)
	at := w.link(sent, mapae.MailNotice)
	path, code, _ := strings.Cut(at, "?code=")
	reader := w.person()
	w.unchanged([]string{alice}, func() {
		for _, method := range []string{"GET", "HEAD", "GET"} {
			a := reader.send(method, at, "", navigation).want(t, 200, "")
			if method == "GET" && !strings.Contains(string(a.body), "This was not me") {
				t.Errorf("the page is %s", a.body)
			}
		}
		for _, bad := range []string{"", "x", code[:len(code)-1]} {
			if a := reader.send("GET", path+"?code="+bad, "", navigation); a.StatusCode != 400 || !strings.Contains(string(a.body), "too old") {
				t.Errorf("%q: %d %s", bad, a.StatusCode, a.body)
			}
			if a := reader.form(path, url.Values{"code": {bad}}); a.StatusCode != 400 || !strings.Contains(string(a.body), "too old") {
				t.Errorf("%q posted: %d %s", bad, a.StatusCode, a.body)
			}
		}
	})
	a := reader.form(path, url.Values{"code": {code}})
	if a.StatusCode != 200 || !strings.Contains(string(a.body), "72 hours") || !strings.Contains(string(a.body), `name="ticket" value="mt_`) {
		t.Fatalf("answer %d %s", a.StatusCode, a.body)
	}
	p.send("GET", "/api/auth/session", "").want(t, 401, mapae.CodeUnauthenticated)
	if a := reader.form(path, url.Values{"code": {code}}); a.StatusCode != 400 {
		t.Errorf("a second time: %d", a.StatusCode)
	}
}

func TestARecoveryTakesAMailedCodeWithoutScripts(t *testing.T) {
	t.Parallel()
	w, sent, _ := postal(t)
	q := w.person()
	ticket := regexp.MustCompile(`name="ticket" value="(mt_[^"]+)"`)
	step := func(values url.Values) reply {
		a := q.form("/recover", values)
		if a.StatusCode != 200 {
			t.Fatalf("%v: %d %s", values, a.StatusCode, a.body)
		}
		return a
	}
	a := step(url.Values{"step": {"start"}, "username": {alice}})
	a = step(url.Values{"step": {"mail"}, "ticket": {ticket.FindStringSubmatch(string(a.body))[1]}, "methods": {"totp recovery_code email_code"}})
	if !strings.Contains(string(a.body), `id="mail-code"`) {
		t.Fatalf("no code is asked for: %s", a.body)
	}
	w.link(sent, mapae.MailRecoveryCode)
	code := sent.all[len(sent.all)-1].Code
	a = step(url.Values{"step": {"proof"}, "method": {"email_code"}, "code": {code}, "ticket": {ticket.FindStringSubmatch(string(a.body))[1]}, "methods": {"totp recovery_code email_code"}})
	if !strings.Contains(string(a.body), "one more proof") {
		t.Fatalf("no further proof is asked for: %s", a.body)
	}
	a = step(url.Values{"step": {"wait"}, "ticket": {ticket.FindStringSubmatch(string(a.body))[1]}})
	if !strings.Contains(string(a.body), "You can go on from") {
		t.Fatalf("it does not wait: %s", a.body)
	}
	at := w.link(sent, mapae.MailRecovery)
	path, cancel, _ := strings.Cut(at, "?code=")
	q.send("GET", at, "", navigation).want(t, 200, "")
	if a := q.form(path, url.Values{"code": {cancel}}); a.StatusCode != 200 || !strings.Contains(string(a.body), "is cancelled") {
		t.Errorf("answer %d %s", a.StatusCode, a.body)
	}
}

func TestTheOperatorsLinksWorkWithoutScripts(t *testing.T) {
	t.Parallel()
	w, _, _ := postal(t)
	q := w.person()
	link, err := w.auth.IssueRecovery(w.ctx, alice, time.Hour)
	ok(t, err)
	at := strings.TrimPrefix(link.URL, home)
	_, code, _ := strings.Cut(at, "?code=")
	if a := q.send("GET", at, "", navigation); a.StatusCode != 200 || !strings.Contains(string(a.body), code) {
		t.Errorf("answer %d %s", a.StatusCode, a.body)
	}
	if a := q.form("/recover", url.Values{"step": {"link"}, "code": {code}}); a.StatusCode != 200 || !strings.Contains(string(a.body), "data-recover") {
		t.Errorf("answer %d %s", a.StatusCode, a.body)
	}
	link, err = w.auth.IssueSignIn(w.ctx, alice, time.Hour, false)
	ok(t, err)
	_, code, _ = strings.Cut(link.URL, "?code=")
	q.send("GET", "/sign-in-link?code="+code, "", navigation).want(t, 200, "")
	if a := q.form("/sign-in-link", url.Values{"code": {code}}); a.StatusCode != 200 || !strings.Contains(string(a.body), "second-factor") {
		t.Errorf("answer %d %s", a.StatusCode, a.body)
	}
}

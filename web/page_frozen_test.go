package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

func TestTheAccountPageTellsOfAFreezeAndItsOwnerLiftsIt(t *testing.T) {
	t.Parallel()
	w, sent, p := postal(t)
	w.pass(30 * 24 * time.Hour) // the account and its passkey are old
	_, err := p.SignIn(w.ctx)
	ok(t, err)
	p.page("/account").says(t, "before", 200, "Passkeys")
	_, err = p.AddPasskey(w.ctx, webauthntest.New(home), "New one")
	ok(t, err)
	path, code, _ := strings.Cut(w.link(sent, mapae.MailNotice), "?code=")
	w.person().form(path, url.Values{"code": {code}}).want(t, 200, "")
	_, err = p.SignIn(w.ctx)
	ok(t, err)
	page := p.page("/account")
	for _, text := range []string{"can change how to sign in until", "On hold: can’t be used", `action="/account/unfreeze"`} {
		if !strings.Contains(string(page.body), text) {
			t.Errorf("frozen, the page has no %q", text)
		}
	}
	w.pass(11 * time.Minute)
	w.unchanged([]string{alice}, func() {
		seeOther(t, p.post("unfreeze", nil), "/sign-in?next=%2Faccount&step_up=1")
	})
	_, err = p.Reauth(w.ctx)
	ok(t, err)
	seeOther(t, p.post("unfreeze", nil), "/account?did=unfrozen")
	page = p.page("/account?did=unfrozen")
	page.says(t, "lifted", 200, "nothing is on hold any more")
	if body := string(page.body); strings.Contains(body, "/account/unfreeze") || strings.Contains(body, "On hold: can’t be used") {
		t.Error("the page still tells of it")
	}
}

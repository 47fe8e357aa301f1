package e2e

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/web"
)

// postbox keeps what a site mailed.
type postbox struct {
	mu  sync.Mutex
	all []mapae.Message
}

func (p *postbox) Send(_ context.Context, m mapae.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, m)
	return nil
}

// mailSite proves addresses by mail, and offers passwords, mailed codes and more.
func mailSite(t *testing.T, more ...mapae.Method) (*site, func() mapae.Message) {
	t.Helper()
	box := &postbox{}
	s := newSiteOf(t, func(c *mapae.Config) {
		c.Mailer = box
		c.Methods = append(append(c.Methods, cheapPasswords, mapae.TOTP{}, mapae.EmailCode{}), more...)
	}, func(face *web.Site) http.Handler { return face })
	return s, box.newest(t, s)
}

// newest returns what returns the newest message of the site and empties the
// postbox.
func (p *postbox) newest(t *testing.T, s *site) func() mapae.Message {
	return func() mapae.Message {
		t.Helper()
		if _, err := s.auth.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.all) == 0 {
			t.Fatal("nothing was mailed")
		}
		m := p.all[len(p.all)-1]
		p.all = nil
		return m
	}
}

// beginSignUp types who one is, and waits for the code to be asked for.
func beginSignUp(b *tab, s *site, email string) {
	b.t.Helper()
	b.visit(s.url + "/sign-up")
	b.typeInto("#email", email)
	b.typeInto("#name", "Ada")
	b.click("form .primary")
	b.see("#mail-code")
}

func TestSomebodySignsUpByMailWithAPasskey(t *testing.T) {
	t.Parallel()
	s, mailed := mailSite(t)
	b := openTab(t)
	b.attach(phone())
	b.visit(s.url + "/sign-up")
	b.shoot("sign-up")
	beginSignUp(b, s, "ada@example.com")
	b.shoot("code")
	b.typeInto("#mail-code", "0000-0000")
	b.click("form .primary")
	b.until("document.querySelector('.alert')")
	b.shoot("wrong")
	b.typeInto("#mail-code", strings.ToLower(mailed().Code))
	b.click("form .primary")
	b.see("[data-proven] .primary")
	b.shoot("proven")
	b.click("[data-proven] .primary")
	b.see("#codes-done")
	b.click("#codes-done")
	b.at("/account")
	if got := s.count("POST /api/auth/signup/passkey/complete"); got != 1 {
		t.Errorf("%d accounts were made", got)
	}
}

func TestSomebodyDoesAllByMailWithoutScripts(t *testing.T) {
	t.Parallel()
	s, mailed := mailSite(t)
	b := openTab(t)
	b.do("turn scripts off", noScripts)
	signUpByMailWithPassword(b, s, mailed, "joan@example.com")
	signOut(b)

	b.click("a[href$='/email-code']")
	b.at("/email-code")
	b.shoot("ask")
	b.typeInto("#email", "joan@example.com")
	b.click("form .primary")
	b.see("#mail-code")
	b.typeInto("#mail-code", mailed().Code)
	b.click("form .primary")
	b.at("/account")
	signOut(b)

	b.click("a[href$='/reset']")
	b.at("/reset")
	b.shoot("reset")
	b.typeInto("#email", "joan@example.com")
	b.click("form .primary")
	b.until("document.body.innerText.includes('30 minutes')")
	link := mailed().Link
	if !regexp.MustCompile(`^` + regexp.QuoteMeta(s.url) + `/reset\?code=ml_`).MatchString(link) {
		t.Fatalf("the link is %s", link)
	}
	b.visit(link)
	b.shoot("new")
	b.typeInto("#password", "another horse another battery")
	b.click("form .primary")
	b.at("/sign-in")
	enterPassword(b, s, "joan@example.com", password)
	b.until("document.querySelector('.alert')")
	enterPassword(b, s, "joan@example.com", "another horse another battery")
	b.at("/account")
}

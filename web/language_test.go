package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// chooses posts the form of the page's foot.
func (p person) chooses(tag, next string) reply {
	p.w.t.Helper()
	return p.send("POST", "/language", url.Values{"language": {tag}, "next": {next}}.Encode(), asForm)
}

func TestAChosenLanguageGoesBeforeTheBrowsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.person()
	a := p.chooses("en", "/sign-up?next=%2Faccount")
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/sign-up?next=%2Faccount" {
		t.Fatalf("a choice is answered %d to %q: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	page := p.send("GET", "/sign-in", "", header("Accept", "text/html"), header("Accept-Language", "ko"))
	if got := page.Header.Get("Content-Language"); got != "en" || !strings.Contains(string(page.body), `<html lang="en">`) {
		t.Errorf("who chose English reads %q", got)
	}
	if !strings.Contains(string(page.body), `<button name="language" value="en" lang="en" aria-current="true">English</button>`) {
		t.Error("the page does not say which language it is in")
	}
}

func TestALanguageThatThereIsNotIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tag := range []string{"", "tlh", "EN", "en-GB", "../en", strings.Repeat("e", 5000)} {
		p := w.person()
		a := p.chooses(tag, "/sign-in")
		a.want(t, http.StatusBadRequest, "bad_request")
		if cookies := a.Cookies(); len(cookies) != 0 {
			t.Errorf("%.20q leaves the cookies %v", tag, cookies)
		}
	}
}

func TestAChoiceLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, next := range []string{"", "https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example"} {
		if a := w.person().chooses("en", next); a.Header.Get("Location") != "/" {
			t.Errorf("next=%q leads to %q", next, a.Header.Get("Location"))
		}
	}
}

func TestAChoiceIsKeptWithTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	p.chooses("en", "/account")
	u, err := w.store.UserByLogin(w.ctx, alice)
	if err != nil || u.Locale != "en" {
		t.Errorf("mails to %s are written in %q, %v", alice, u.Locale, err)
	}
}

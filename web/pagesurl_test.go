package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/mapae/mapae"
)

// pagesAt says where the pages are, and mounts the site at base.
func pagesAt(pagesURL, base string) setting {
	return func(c *mapae.Config, face *Config) { c.PagesURL, face.Base = pagesURL, base }
}

func TestWhereMailsLinkToIsWhereThePagesAre(t *testing.T) {
	t.Parallel()
	related := func(c *mapae.Config, _ *Config) { c.RP.RelatedOrigins = []string{"https://example.org"} }
	elsewhere := func(_ *mapae.Config, face *Config) { face.PagesElsewhere = true }
	for name, c := range map[string]struct {
		settings []setting
		says     []string // in the refusal; nil: it is taken
	}{
		"at the root":                    {[]setting{byMail}, nil},
		"at the root, said so":           {[]setting{byMail, pagesAt(home, "/")}, nil},
		"below a path":                   {[]setting{byMail, pagesAt(home+"/auth", "/auth")}, nil},
		"below a path, with a slash":     {[]setting{byMail, pagesAt(home+"/auth", "auth/")}, nil},
		"below two":                      {[]setting{byMail, pagesAt(home+"/a/b", "/a/b")}, nil},
		"at a related origin":            {[]setting{byMail, related, pagesAt("https://example.org/auth", "/auth")}, nil},
		"below a path, with no mail":     {[]setting{pagesAt("", "/auth")}, nil},
		"elsewhere, and it is said":      {[]setting{byMail, elsewhere, pagesAt(home, "/v1")}, nil},
		"below a path that is forgotten": {[]setting{byMail, pagesAt("", "/auth")}, []string{`PagesURL is "` + home + `"`, `Base "/auth"`, `Set PagesURL to "` + home + `/auth"`}},
		"below another path":             {[]setting{byMail, pagesAt(home+"/account", "/auth")}, []string{`"` + home + `/account"`, `Base "/auth"`}},
		"below a longer path":            {[]setting{byMail, pagesAt(home+"/auth/x", "/auth")}, []string{`"` + home + `/auth/x"`}},
		"below no path":                  {[]setting{byMail, pagesAt(home+"/auth", "")}, []string{`"` + home + `/auth"`, `Base ""`, `Set PagesURL to "` + home + `"`}},
		"below no path, with no mail":    {[]setting{pagesAt(home+"/auth", "")}, []string{`"` + home + `/auth"`, "PagesElsewhere"}},
		"at a related origin's root":     {[]setting{byMail, related, pagesAt("https://example.org", "/auth")}, []string{`Set PagesURL to "https://example.org/auth"`}},
	} {
		said := refusal(t, c.settings)
		if (said == "") != (c.says == nil) {
			t.Errorf("%s: New says %q", name, said)
		}
		for _, word := range c.says {
			if !strings.Contains(said, word) {
				t.Errorf("%s: New says %q, and not %s", name, said, word)
			}
		}
	}
}

// refusal is what New panics with; empty: it does not.
func refusal(t *testing.T, settings []setting) (said string) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			said = fmt.Sprint(r)
		}
	}()
	newWorld(t, append([]setting{allMethods}, settings...)...)
	return ""
}

func TestBelowAPathMailsLinkToPagesThatAreThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited, pagesAt(home+"/auth", "/auth"))
	p := w.provenMember(alice)
	stranger := w.person()
	for _, act := range []func(){
		func() { stranger.form("/reset", url.Values{"username": {alice}}).want(t, 200, "") },
		func() { stranger.form("/sign-up", url.Values{"username": {alice}, "name": {"A"}}).want(t, 200, "") },
		func() { _, err := p.AddPasskey(w.ctx, w.person().key, ""); ok(t, err) },
		func() {
			ticket, code := p.move(t, moved)
			_, err := p.FinishChangeEmail(w.ctx, ticket, code)
			ok(t, err)
		},
	} {
		act()
		linked := false
		for _, m := range w.mails() {
			for _, link := range []string{m.Link, m.UndoLink} {
				if link == "" {
					continue
				}
				linked = true
				at, ok := strings.CutPrefix(link, home+"/auth")
				if !ok || stranger.page(at).StatusCode != 200 {
					t.Errorf("%s links to %s, which is not there", m.Kind, link)
				}
			}
		}
		if !linked {
			t.Error("a mail without a link was tried")
		}
	}
}

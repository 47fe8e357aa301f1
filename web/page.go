package web

import (
	"bytes"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mapae/mapae"
)

//go:embed page/*.html
var pageFiles embed.FS

// pages draws what people see.
type pages struct {
	base, site, port string // path of the mount, name of the site, port of its first origin
	outbox           string // page that shows the mails in development, or empty
	development      bool
	providers        mapae.Federated
	links            []brandLink
	password         bool // passwords are offered
	templates        templates
	assets           assets
	locales          *locales
}

// newPages reads assets, and templates that are not ours.
func newPages(cfg Config, rp mapae.RelyingParty) (*pages, error) {
	p := &pages{
		base: cfg.Base, site: or(cfg.Brand.Name, or(rp.Name, rp.ID)), links: cfg.Brand.links(), port: "80",
		development: cfg.Development, outbox: cfg.Outbox,
	}
	if origin, err := url.Parse(rp.Origins[0]); err == nil {
		p.port = or(origin.Port(), p.port)
	}
	var err error
	if p.locales, err = embeddedLocales(); err != nil {
		return nil, err
	}
	if p.templates, err = ownPages(cfg.Templates); err != nil {
		return nil, err
	}
	p.assets, err = newAssets(cfg.Brand)
	return p, err
}

// view is what templates see: T, Date and Device in the reader's language,
// what all pages have, and Data of the one page.
type view struct {
	reader
	*pages
	Page      string
	RequestID string
	Fault     fault // beside a field that was filled in wrongly
	Data      any
	here      string // path of the page with its query; empty: it can't be asked for again
}

// Base is the path that the site is mounted at.
func (v view) Base() string { return v.base }

// Site is the name of the site.
func (v view) Site() string { return v.site }

// Links stand at the foot of the page.
func (v view) Links() []brandLink { return v.links }

// Development says whether to explain how to work without an authenticator.
func (v view) Development() bool { return v.development }

// Outbox is the page that shows the mails in development, or empty.
func (v view) Outbox() string { return v.outbox }

// Password says whether passwords are offered.
func (v view) Password() bool { return v.password }

// NoCodes is the place for recovery codes that the page's script gets.
func (v view) NoCodes() codesData { return codesData{} }

// Port is the one that the browser needs to reach.
func (v view) Port() string { return v.port }

// Asset returns the immutable address of an asset.
func (v view) Asset(name string) string { return v.base + "/" + v.assets.hashed(name) }

// With returns the view of a part of the page.
func (v view) With(data any) view {
	v.Data = data
	return v
}

// render writes the page name with the status. A template that fails is a
// mistake in the program: it panics before anything is written.
func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	v := p.view(r, name, data)
	if r.Method == http.MethodGet && status == http.StatusOK {
		v.here = p.base + r.URL.RequestURI()
	}
	var body bytes.Buffer
	if err := v.draw(&body); err != nil {
		panic(fmt.Errorf("web: page %s: %w", name, err))
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Add("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the reader is gone
}

// errorData is what the page "error" shows.
type errorData struct {
	Status   int
	Title    string // what kind of failure it is
	Sentence string // what to do
}

// errorTitle is the key of the title of an error page.
func errorTitle(status int) string {
	switch {
	case status == http.StatusNotFound:
		return "error.title.not_found"
	case status == http.StatusForbidden:
		return "error.title.forbidden"
	case status == http.StatusTooManyRequests:
		return "error.title.rate_limited"
	case status >= http.StatusInternalServerError:
		return "error.title.server"
	}
	return "error.title.client"
}

// passkeysPage says what a passkey is.
func (s *Site) passkeysPage(w http.ResponseWriter, r *http.Request) error {
	s.pages.render(w, r, http.StatusOK, "passkeys", nil)
	return nil
}

// localPath returns target if it is a path on this origin, with or without a
// query, and "" for everything that a browser could take for another place:
// //host, /\host, and a tab or line break between the two.
func localPath(target string) string {
	odd := strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c == '\\' || c == 0x7f })
	if odd || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
		return ""
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "" || u.Host != "" || strings.ContainsAny(u.Path, "\\\x00\t\r\n") || strings.HasPrefix(u.Path, "//") {
		return ""
	}
	return target
}

// seeOther sends a browser from a form to the page route.
func (s *Site) seeOther(w http.ResponseWriter, r *http.Request, route string) error {
	http.Redirect(w, r, s.url(route), http.StatusSeeOther)
	return nil
}

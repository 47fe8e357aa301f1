package web

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

// Config is what the HTTP face needs to know. The zero value of every member
// is a good choice.
type Config struct {
	// Base is the path that the site is mounted at, such as "/auth"; a slash
	// at its end does not matter. Empty: the root of the origin.
	Base string

	// Logger gets one line for each request. Nil: slog.Default.
	Logger *slog.Logger

	// TrustedProxies are the networks of the reverse proxies in front. Only
	// from them is X-Forwarded-For believed. Empty: from nobody, and the
	// client's address is the peer's.
	TrustedProxies []netip.Prefix

	// Limits by client address.
	Limits Limits

	// WellKnown is what the paths below /.well-known/ say.
	WellKnown WellKnown

	// CORS are origins whose scripts may call the JSON API, and what is behind
	// Site.Require, with the session's cookie, and read the answers; each is in
	// RP.Origins too. Empty: no other origin's may.
	CORS CORS

	// Brand is how the pages show whose they are.
	Brand Brand

	// Templates are files that take the place of the page templates of the
	// same names, for those whom Brand does not reach far enough: docs/pages.md
	// has the names and what each is given. They are read once. Nil: all pages
	// are as shipped.
	Templates fs.FS

	// Observe is told of each request after it was answered: its method, the
	// pattern of its route (empty: none matched), the status (0: the client
	// was gone) and the time that it took. It must not block. Nil: nobody is.
	Observe func(method, route string, status int, took time.Duration)

	// PagesElsewhere says that links in mails lead to pages of your own at
	// mapae.Config.PagesURL. Else they lead to this site's, and PagesURL has to
	// end in Base.
	PagesElsewhere bool

	// Development explains on the pages how to work without an authenticator,
	// and sends who comes by 127.0.0.1, where passkeys can't work, to the
	// first configured origin.
	Development bool

	// Outbox is the path of a page that shows the mails instead of sending
	// them, for development: pages that wait for a mail lead there. Empty:
	// there is none.
	Outbox string
}

// checkPages demands that links in mails lead to the pages of this site, unless
// cfg says that they lead elsewhere. Without a mailer only a path that somebody
// has set is held against Base, which has its clean form.
func (cfg Config) checkPages(domain mapae.Config) error {
	at, err := url.Parse(domain.PagesURL)
	switch {
	case err != nil || at.Host == "" || cfg.PagesElsewhere || at.EscapedPath() == cfg.Base:
		return nil // what is no URL at all New of package mapae refuses
	case at.Path == "" && domain.Mailer == nil:
		return nil
	}
	return fmt.Errorf("mapae.Config.PagesURL is %q and web.Config.Base %q: links in mails would lead to pages that are not there. "+
		"Set PagesURL to %q, or web.Config.PagesElsewhere where the pages are your own", domain.PagesURL, cfg.Base, at.Scheme+"://"+at.Host+cfg.Base)
}

// Site is the HTTP face of an Auth: an http.Handler for all paths below
// Config.Base, and guards for the routes of the program that it is mounted in.
// It starts no goroutine and is safe for concurrent use.
type Site struct {
	auth    *mapae.Auth
	cfg     Config
	log     *slog.Logger
	now     func() time.Time
	origins map[string]*origin // by Host header

	crossOrigin *http.CrossOriginProtection
	limits      limits
	pages       *pages
	mux         *http.ServeMux // of *resource, patterns without Base
}

// requestTimeout ends what a request waits for before the server's write
// timeout cuts the connection, so that the client gets an answer.
const requestTimeout = 12 * time.Second

// New returns the HTTP face of auth. It panics where cfg.WellKnown, cfg.Brand or
// cfg.CORS does not pass its Check, or cfg.Templates not CheckTemplates. So it does where mails would
// link to pages that are not there: mapae.Config.PagesURL does not end in
// cfg.Base.
func New(auth *mapae.Auth, cfg Config) *Site {
	cfg.Base = strings.TrimSuffix(path.Clean("/"+cfg.Base), "/")
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	domain := auth.Config()
	if err := cfg.WellKnown.Check(domain.RP.Origins); err != nil {
		panic("web: " + err.Error())
	}
	if err := cfg.Brand.Check(); err != nil {
		panic("web: " + err.Error())
	}
	if err := cfg.CORS.Check(domain.RP.Origins); err != nil {
		panic("web: " + err.Error())
	}
	if err := cfg.checkPages(domain); err != nil {
		panic("web: " + err.Error())
	}
	pages, err := newPages(cfg, domain.RP)
	if err != nil {
		panic("web: " + err.Error())
	}
	s := &Site{
		auth: auth, cfg: cfg, log: cfg.Logger, now: domain.Clock, pages: pages,
		origins: readOrigins(domain.RP.AllOrigins()), crossOrigin: http.NewCrossOriginProtection(), limits: newLimits(cfg.Limits),
	}
	for _, origin := range cfg.CORS {
		if err := s.crossOrigin.AddTrustedOrigin(origin); err != nil {
			panic("web: CORS: " + err.Error())
		}
	}
	pages.providers = auth.Providers()
	pages.password = s.offers(mapae.MethodPassword)
	rows := s.routes()
	if cfg.Base == "" {
		rows = append(rows, s.wellKnownRoutes()...)
	}
	s.mux = s.newMux(rows)
	return s
}

// ServeHTTP answers every request whose path is below Config.Base.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.exchange(w, r, func(w http.ResponseWriter, r *http.Request) error {
		inner, ok := s.below(r)
		if !ok {
			return errNoRoute
		}
		s.mux.ServeHTTP(w, inner)
		return nil
	})
}

// below returns r with Base cut off its path. False: the path is not below
// Base, or is not in its clean form, which http.ServeMux would redirect to.
func (s *Site) below(r *http.Request) (*http.Request, bool) {
	escaped, ok := strings.CutPrefix(r.URL.EscapedPath(), s.cfg.Base)
	if !ok || escaped != "" && escaped[0] != '/' {
		return nil, false
	}
	if escaped == "" {
		escaped = "/"
	}
	if clean := path.Clean(escaped); clean != escaped && clean+"/" != escaped {
		return nil, false
	}
	if s.cfg.Base == "" && r.URL.Path != "" {
		return r, true
	}
	inner := *r
	u := *r.URL
	inner.URL = &u
	u.Path = or(strings.TrimPrefix(r.URL.Path, s.cfg.Base), "/")
	u.RawPath = ""
	if u.EscapedPath() != escaped {
		u.RawPath = escaped
	}
	return &inner, true
}

// url returns the path of a page or route of this site, such as "/sign-in",
// as browsers see it.
func (s *Site) url(route string) string { return s.cfg.Base + route }

// or returns v, or d where v is empty.
func or(v, d string) string {
	if v == "" {
		return d
	}
	return v
}

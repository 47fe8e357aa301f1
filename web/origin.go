package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/mapae/mapae"
)

// origin is one configured origin that pages are served at.
type origin struct {
	url    string // "https://example.com", as the Origin header has it
	secure bool   // https
	cookie string // name of the session cookie; those of ceremonies start with it
}

// readOrigins indexes origins by the Host header of requests to them. Origins
// of apps are left out: nobody asks for them by HTTP.
func readOrigins(urls []string) map[string]*origin {
	byHost := map[string]*origin{}
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" {
			continue
		}
		o := &origin{url: text, secure: u.Scheme == "https", cookie: "__Host-mapae"}
		port := u.Port()
		if port == "" {
			port = map[bool]string{true: "443", false: "80"}[o.secure]
		}
		if !o.secure {
			// Safari drops Secure cookies of http://localhost, and cookies
			// don't tell ports apart.
			o.cookie = "mapae-" + port
		}
		byHost[u.Host] = o
		byHost[net.JoinHostPort(u.Hostname(), port)] = o
	}
	return byHost
}

// errForeignHost is the answer to a Host that is not a configured origin's.
var errForeignHost = &statusError{http.StatusMisdirectedRequest, &mapae.Error{Code: mapae.CodeBadRequest, Field: "Host", Err: errors.New("not a host of RP.Origins")}}

// originOf returns the configured origin that r was sent to, or nil.
func (s *Site) originOf(r *http.Request) *origin { return s.origins[strings.ToLower(r.Host)] }

// developmentDetour returns where to send who came to a development server by
// an IP address of this machine, which can never be an RP ID, and asked for path;
// empty: nowhere.
func (s *Site) developmentDetour(r *http.Request, path string) string {
	host, _, err := net.SplitHostPort(r.Host)
	ip := net.ParseIP(host)
	if !s.cfg.Development || err != nil || ip == nil || !ip.IsLoopback() || r.Method != http.MethodGet {
		return ""
	}
	for _, to := range s.auth.Config().RP.Origins {
		if u, err := url.Parse(to); err == nil && u.Host != "" {
			return to + path
		}
	}
	return ""
}

// checkOrigin refuses what a page of another origin makes a browser send. The
// standard library's protection knows every browser since 2023; full comparison
// of Origin closes what it must leave open.
//
//   - What changes state, and options by any method: an Origin header is ours,
//     whole. JSON may come from an origin of Config.CORS as well.
//
//   - Options: Sec-Fetch-Site is same-origin or absent; from an origin of
//     Config.CORS same-site.
//
//   - Forms: an Origin, or where it is absent a Referer, of ours. JSON without
//     an Origin goes through: old browsers leave it out, and a page can't send
//     that content type to another origin without a preflight.
//
//   - Visits: by whomever, for they come from other sites. Their handlers change
//     nothing but by a state that this browser was given.
//
// A request without cookies has nothing to forge, so apps pass.
func (s *Site) checkOrigin(r *http.Request, f face) error {
	ex := on(r)
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	if ex.client.App || safe && f != options || f == visit {
		return nil
	}
	if err := s.crossOrigin.Check(r); err != nil {
		return rejectOrigin(err)
	}
	from := r.Header.Values("Origin")
	// What is no POST is never a form's, and asks first.
	shared := (f != form || r.Method != http.MethodPost) && s.sharedWith(r) != ""
	if len(from) > 1 || len(from) == 1 && from[0] != ex.origin.url && !shared {
		return rejectOrigin(fmt.Errorf("Origin %q, want %q", from, ex.origin.url))
	}
	if f == options {
		for _, site := range r.Header.Values("Sec-Fetch-Site") {
			if site != "same-origin" && !(shared && site == "same-site") {
				return rejectOrigin(fmt.Errorf("Sec-Fetch-Site %q asks for options", site))
			}
		}
	}
	if f == form && len(from) == 0 && !ex.origin.refers(r) {
		return rejectOrigin(fmt.Errorf("a form without Origin, Referer %q", r.Referer()))
	}
	return nil
}

func rejectOrigin(why error) error {
	return &mapae.Error{Code: mapae.CodeOriginRejected, Err: why}
}

// refers reports whether the Referer header of r is a page of o.
func (o *origin) refers(r *http.Request) bool {
	u, err := url.Parse(r.Referer())
	return err == nil && u.Scheme+"://"+u.Host == o.url
}

package idptest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Person is who is signed in at a provider.
type Person struct {
	Subject  string
	Email    string // empty: not told
	Verified bool
	Name     string
}

// Client is what a site registered with a provider.
type Client struct {
	ID, Secret  string
	RedirectURI string // the only one; empty: any
}

// grant is what a code stands for, and then an access token.
type grant struct {
	person                     Person
	redirect, challenge, nonce string
	state                      string
	authenticated              time.Time
}

// desk issues codes and tokens: what all providers have in common.
type desk struct {
	mu     sync.Mutex
	person Person
	client Client
	codes  map[string]grant
	tokens map[string]grant
	forge  map[string]http.HandlerFunc // by path
	calls  map[string]int              // by path
}

func newDesk(client Client, person Person) *desk {
	return &desk{client: client, person: person, codes: map[string]grant{}, tokens: map[string]grant{},
		forge: map[string]http.HandlerFunc{}, calls: map[string]int{}}
}

// SignIn makes p the one who is signed in at the provider from now on.
func (d *desk) SignIn(p Person) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.person = p
}

// Register sets the client that the provider knows.
func (d *desk) Register(c Client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.client = c
}

// Replace answers requests of that path by h; nil: as the provider does.
func (d *desk) Replace(path string, h http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forge[path] = h
}

// Calls returns how many requests of that path there were.
func (d *desk) Calls(path string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls[path]
}

// around counts requests and lets what Replace was given answer them.
func (d *desk) around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.calls[r.URL.Path]++
		forged := d.forge[r.URL.Path]
		d.mu.Unlock()
		if forged != nil {
			forged(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// authorize issues a code for what was asked, or says why not: then the person
// stays at the provider, as RFC 6749 §4.1.2.1 wants it of a wrong client or
// redirect URI.
func (d *desk) authorize(q url.Values, now time.Time) (code string, wrong string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case q.Get("client_id") != d.client.ID:
		return "", "unknown client"
	case q.Get("redirect_uri") == "" || d.client.RedirectURI != "" && q.Get("redirect_uri") != d.client.RedirectURI:
		return "", "redirect URI " + q.Get("redirect_uri")
	case q.Get("response_type") != "code":
		return "", "response type"
	case q.Get("state") == "":
		return "", "no state"
	case q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256":
		return "", "no PKCE by S256"
	}
	code = rand.Text()
	d.codes[code] = grant{person: d.person, redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), nonce: q.Get("nonce"),
		state: q.Get("state"), authenticated: now}
	return code, ""
}

// redeem takes a code, once, and returns what it stands for and an access
// token; or the error of RFC 6749 §5.2.
func (d *desk) redeem(r *http.Request) (g grant, token, wrong string) {
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.PostForm.Get("grant_type") != "authorization_code" {
		return grant{}, "", "invalid_request"
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if id != d.client.ID || d.client.Secret != "" && secret != d.client.Secret {
		return grant{}, "", "invalid_client"
	}
	g, ok := d.codes[r.PostForm.Get("code")]
	delete(d.codes, r.PostForm.Get("code"))
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !ok || r.PostForm.Get("redirect_uri") != g.redirect || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		return grant{}, "", "invalid_grant"
	}
	token = rand.Text()
	d.tokens[token] = g
	return g, token, ""
}

// bearer returns whose access token r carries.
func (d *desk) bearer(r *http.Request) (grant, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	const scheme = "Bearer "
	header := r.Header.Get("Authorization")
	if len(header) <= len(scheme) || header[:len(scheme)] != scheme {
		return grant{}, false
	}
	g, ok := d.tokens[header[len(scheme):]]
	return g, ok
}

// Answer writes v as JSON.
func Answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the reader is gone where it fails
}

var autoPost = template.Must(template.New("").Parse(`<!doctype html><title>Provider</title>
<form method="post" action="{{.To}}">{{range $name, $values := .Values}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}</form>
<script>document.forms[0].submit()</script>`))

// sendBack sends the browser to the redirect URI with the answer, in the query
// or in a form (OAuth 2.0 Form Post Response Mode §2).
func sendBack(w http.ResponseWriter, r *http.Request, answer url.Values) {
	to := r.URL.Query().Get("redirect_uri")
	if r.URL.Query().Get("response_mode") == "form_post" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = autoPost.Execute(w, map[string]any{"To": to, "Values": answer}) // the reader is gone where it fails
		return
	}
	http.Redirect(w, r, to+"?"+answer.Encode(), http.StatusFound)
}

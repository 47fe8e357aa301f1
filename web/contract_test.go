package web

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthntest"
)

// allauth is the front end of a django-allauth site, as far as it can be told
// from its contract: it knows paths with a slash at their end, a few members of
// answers, and nothing of package client. All that it learned for Mapae is to
// send back the ticket that the first step of a sign-in answers.
type allauth struct {
	t    *testing.T
	http *http.Client
}

func newAllauth(t *testing.T, w *world) allauth {
	jar, err := cookiejar.New(nil)
	ok(t, err)
	return allauth{t, &http.Client{Transport: w, Jar: jar}}
}

// ask sends a request as such a page does and returns the answer's members.
func (f allauth) ask(status int, method, path, ticket string, body map[string]any) map[string]any {
	f.t.Helper()
	var in io.Reader
	if body != nil {
		in = bytes.NewReader([]byte(text(body)))
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, home+path, in)
	ok(f.t, err)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("X-CSRFToken", "of the old site")
	if method != http.MethodGet {
		r.Header.Set("Origin", home)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if ticket != "" {
		r.Header.Set("Mapae-Ticket", ticket)
	}
	answer, err := f.http.Do(r)
	ok(f.t, err)
	defer answer.Body.Close()
	var out map[string]any
	ok(f.t, json.NewDecoder(answer.Body).Decode(&out))
	if answer.StatusCode != status || out["success"] != (status == 200) && out["passkeys"] == nil {
		f.t.Fatalf("%s %s answers %d %v, want %d", method, path, answer.StatusCode, out, status)
	}
	return out
}

// at walks the members of v by name.
func (f allauth) at(v any, names ...string) any {
	f.t.Helper()
	for _, name := range names {
		members, isObject := v.(map[string]any)
		if !isObject || members[name] == nil {
			f.t.Fatalf("no %q in %v", name, v)
		}
		v = members[name]
	}
	return v
}

// does hands options to the browser's dialogue and returns its credential.
func (f allauth) does(act func([]byte) ([]byte, error), publicKey any) any {
	f.t.Helper()
	credential, err := act([]byte(text(publicKey)))
	ok(f.t, err)
	return json.RawMessage(credential)
}

// register adds a passkey as Settings → Security → Two-factor does: add, name,
// verify, done.
func (f allauth) register(key *webauthntest.Authenticator, name string) map[string]any {
	f.t.Helper()
	options := f.ask(200, "GET", "/api/webauthn/register/options/", "", nil)
	credential := f.does(key.Create, f.at(options, "creation_options", "publicKey"))
	return f.ask(200, "POST", "/api/webauthn/register/complete/", "", map[string]any{"credential": credential, "name": name})
}

func TestAFrontEndOfADjangoAllauthSiteGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods)
	f := newAllauth(t, w)
	f.ask(200, "POST", "/api/auth/signup/", "", map[string]any{"email": alice, "name": "Alice", "password": password})

	laptop, phone := webauthntest.New(home), webauthntest.New(home)
	first := f.register(laptop, "Laptop")
	if codes, _ := f.at(first, "recovery_codes").([]any); len(codes) != 10 {
		t.Errorf("the first authenticator comes with %v", first)
	}
	w.pass(time.Second)
	if second := f.register(phone, "Phone"); second["recovery_codes"] != nil {
		t.Errorf("the second one comes with %v", second)
	}
	f.ask(200, "POST", "/api/auth/logout/", "", map[string]any{})

	// Primary sign-in; its answer carries a challenge; the prompt; verified
	// against the stored key; signed in.
	w.pass(time.Second)
	step := f.ask(401, "POST", "/api/auth/login/", "", map[string]any{"email": alice, "password": password})
	ticket := f.at(step, "ticket").(string)
	credential := f.does(phone.Get, f.at(step, "request_options", "publicKey"))
	f.ask(200, "POST", "/api/webauthn/verify/", ticket, map[string]any{"credential": credential})
	f.ask(400, "POST", "/api/webauthn/verify/", ticket, map[string]any{"credential": credential}) // used up

	// A page that asks for a challenge of its own, before and after signing in.
	step = f.ask(401, "POST", "/api/auth/login/", "", map[string]any{"email": alice, "password": password})
	ticket = f.at(step, "ticket").(string)
	for _, carried := range []string{ticket, ""} {
		options := f.ask(200, "GET", "/api/webauthn/authenticate/options/", carried, nil)
		credential := f.does(laptop.Get, f.at(options, "request_options", "publicKey"))
		f.ask(200, "POST", "/api/webauthn/verify/", carried, map[string]any{"credential": credential})
	}

	listed := f.ask(200, "GET", "/api/webauthn/", "", nil)["passkeys"].([]any)
	iso := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	for i, name := range []string{"Phone", "Laptop"} { // newest first
		for _, when := range []string{"created_at", "last_used_at"} {
			if at, _ := f.at(listed[i], when).(string); !iso.MatchString(at) {
				t.Errorf("%s of %s is %q", when, name, at)
			}
		}
		if got := f.at(listed[i], "name"); got != name {
			t.Errorf("passkey %d is %v, want %s", i, got, name)
		}
	}
	id := f.at(listed[0], "id").(string)
	renamed := f.ask(200, "PATCH", "/api/webauthn/"+id+"/", "", map[string]any{"name": "Old phone"})
	if got := f.at(renamed, "passkey", "name"); got != "Old phone" {
		t.Errorf("renamed to %v", got)
	}
	f.ask(200, "DELETE", "/api/webauthn/"+id+"/", "", nil)
	f.ask(404, "DELETE", "/api/webauthn/"+id+"/", "", nil)
	f.ask(200, "DELETE", "/api/account/password/", "", nil)
	last := f.ask(400, "DELETE", "/api/webauthn/"+f.at(listed[1], "id").(string)+"/", "", nil)
	if got := f.at(last, "message"); got != "Cannot delete - you must have at least one authentication method" {
		t.Errorf("message is %v", got)
	}
}

// Browsers that can't use passkeys fall back on an authenticator app or a
// recovery code.
func TestAFrontEndOfADjangoAllauthSiteFallsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods)
	f := newAllauth(t, w)
	credentials := map[string]any{"email": alice, "password": password}
	f.ask(200, "POST", "/api/auth/signup/", "", map[string]any{"email": alice, "name": "Alice", "password": password})
	setup := f.ask(200, "POST", "/api/account/totp/", "", map[string]any{})
	secret := f.at(setup, "secret").(string)
	made := f.ask(200, "POST", "/api/account/totp/confirm/", f.at(setup, "ticket").(string), map[string]any{"code": w.code(secret)})
	codes := f.at(made, "recovery_codes").([]any)

	step := f.ask(401, "POST", "/api/auth/login/", "", credentials)
	if step["request_options"] != nil || text(step["methods"]) != `["totp","recovery_code"]` {
		t.Errorf("the second step is %v", step)
	}
	f.ask(200, "POST", "/api/auth/totp/verify/", f.at(step, "ticket").(string), map[string]any{"code": w.code(secret)})
	step = f.ask(401, "POST", "/api/auth/login/", "", credentials)
	f.ask(200, "POST", "/api/auth/recovery-code/verify/", f.at(step, "ticket").(string), map[string]any{"code": codes[0]})
	f.ask(401, "POST", "/api/auth/recovery-code/verify/", f.at(f.ask(401, "POST", "/api/auth/login/", "", credentials), "ticket").(string), map[string]any{"code": codes[0]})
}

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"

	"github.com/mapae/mapae/webauthntest"
)

// person is somebody at a browser with a device.
type person struct {
	t      *testing.T
	origin string
	http   *http.Client
	key    *webauthntest.Authenticator
}

func newPerson(t *testing.T) person {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	origin := "http://localhost:" + server.Listener.Addr().String()[len("127.0.0.1:"):]
	handler, err := newApplication(origin)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	return person{t, origin, nil, webauthntest.New(origin)}.another()
}

// another is the same person at another browser.
func (p person) another() person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.http = &http.Client{Jar: jar}
	return p
}

// post sends body as JSON and returns the answer's members.
func (p person) post(path string, body any, status int) map[string]json.RawMessage {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := p.http.Post(p.origin+path, "application/json", bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	var members map[string]json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&members); err != nil || answer.StatusCode != status {
		p.t.Fatalf("POST %s: %d %s %v, want %d", path, answer.StatusCode, members, err, status)
	}
	return members
}

func (p person) get(options json.RawMessage) json.RawMessage {
	p.t.Helper()
	made, err := p.key.Get(options)
	if err != nil {
		p.t.Fatal(err)
	}
	return made
}

func (p person) me() int {
	p.t.Helper()
	answer, err := p.http.Get(p.origin + "/me")
	if err != nil {
		p.t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

var ann = map[string]string{"email": "ann@example.com", "password": "correct horse"}

func TestAnApplicationsUserAddsAPasskeyAndSignsInWithIt(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.post("/passkeys/options", nil, 401)
	p.post("/login", map[string]string{"email": "ann@example.com", "password": "wrong"}, 401)
	if p.post("/login", ann, 200)["ticket"] != nil {
		t.Fatal("a second step is due of who has none")
	}
	made, err := p.key.Create(p.post("/passkeys/options", nil, 200)["publicKey"])
	if err != nil {
		t.Fatal(err)
	}
	if added := p.post("/passkeys", map[string]any{"credential": json.RawMessage(made)}, 201); added["recovery_codes"] == nil {
		t.Errorf("added %s", added)
	}
	p.post("/logout", nil, 200)
	p.post("/passkeys/options", nil, 401)
	if got := p.me(); got != 401 {
		t.Errorf("after signing out: %d", got)
	}

	due := p.post("/login", ann, 200)
	if due["ticket"] == nil || p.me() != 401 {
		t.Fatalf("the password alone is enough: %s", due)
	}
	thief := p.another()
	answer := map[string]any{"ticket": due["ticket"], "credential": p.get(due["publicKey"])}
	thief.post("/login/second", answer, 400) // not the browser that typed the password
	due = p.post("/login", ann, 200)
	p.post("/login/second", map[string]any{"ticket": due["ticket"], "credential": p.get(due["publicKey"])}, 200)
	if got := p.me(); got != 200 {
		t.Errorf("after both factors: %d", got)
	}

	alone := p.another()
	options := alone.post("/login/passkey/options", nil, 200)["publicKey"]
	in := alone.post("/login/passkey", map[string]any{"credential": p.get(options)}, 200)
	if string(in["name"]) != `"Ann"` || alone.me() != 200 {
		t.Errorf("in as %s", in)
	}
}

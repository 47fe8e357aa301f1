package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// example is a command of docs/api.md and what it says to be answered.
type example struct {
	command string
	status  int
	members []string // of the JSON object; nil: not told
}

func readExamples(t *testing.T) []example {
	t.Helper()
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(text, -1) {
		found := regexp.MustCompile(`(?s)^(curl .*)\n# → (\d{3}) ?([^\n]*)\n$`).FindStringSubmatch(string(block[1]))
		if found == nil {
			t.Fatalf("no command and answer:\n%s", block[1])
		}
		e := example{command: found[1]}
		e.status, _ = strconv.Atoi(found[2])
		if found[3] != "" {
			e.members = strings.Split(found[3], ", ")
			slices.Sort(e.members)
		}
		all = append(all, e)
	}
	return all
}

// developer is somebody who goes through docs/api.md, and what they have noted.
type developer struct {
	t      *testing.T
	w      *world
	origin string
	keys   []*webauthntest.Authenticator // the oldest is of a passkey that is never removed
	notes  map[string]string             // by the variable's name
	codes  []string                      // recovery codes that are left
	secret string                        // of the authenticator app

	mu     sync.Mutex
	called []call // since the last command
}

// call is a request as the server saw it, and its answer.
type call struct {
	method, path string
	body         []byte
	status       int
	contentType  string
	answer       []byte
}

// newDeveloper starts a server on a free port, with Spring's routes beside it.
func newDeveloper(t *testing.T) *developer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://localhost:" + port
	d := &developer{t: t, origin: origin, notes: map[string]string{"MAPAE": origin}}
	d.w = newWorld(t, unlimited, allMethods, func(m *mapae.Config, _ *Config) {
		m.RP = mapae.RelyingParty{ID: "localhost", Origins: []string{origin}}
	}, everything)
	d.w.mountSpring()
	server := httptest.NewUnstartedServer(http.HandlerFunc(d.record))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return d
}

func (d *developer) record(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		d.t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	rec := httptest.NewRecorder()
	d.mu.Lock()
	h := d.w.h // prepare may put another world in its place
	d.mu.Unlock()
	h.ServeHTTP(rec, r)
	d.mu.Lock()
	d.called = append(d.called, call{r.Method, r.URL.Path, body, rec.Code, rec.Header().Get("Content-Type"), rec.Body.Bytes()})
	d.mu.Unlock()
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

// run runs a command in a shell and returns the one request that it made.
func (d *developer) run(dir string, e example) call {
	d.t.Helper()
	d.prepare(e.command)
	d.mu.Lock()
	d.called = nil
	d.mu.Unlock()
	cmd := exec.CommandContext(d.t.Context(), "sh", "-euc", strings.Replace(e.command, "curl ", "curl -sS ", 1))
	cmd.Dir = dir
	cmd.Env = os.Environ()
	for name, value := range d.notes {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", e.command, err, &problems)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.called) != 1 || !bytes.Equal(out, d.called[0].answer) {
		d.t.Fatalf("%s: made %d requests and printed %s", e.command, len(d.called), out)
	}
	return d.called[0]
}

// prepare notes what has to be fresh for a command.
func (d *developer) prepare(command string) {
	d.t.Helper()
	if strings.Contains(command, "$TOTP") {
		d.notes["TOTP"] = d.w.code(d.secret)
	}
	if strings.Contains(command, "$RECOVERY_CODE") {
		d.notes["RECOVERY_CODE"], d.codes = d.codes[0], d.codes[1:]
	}
	if strings.Contains(command, "$CLAIM") {
		d.w.pass(72 * time.Hour)
	}
	if strings.Contains(command, "eve@example.com") && d.w.auth.Config().Mailer == nil { // from then on the site sends mail
		mailing := d.w.mailingNode()
		d.mu.Lock()
		d.w = mailing
		d.mu.Unlock()
	}
	if strings.Contains(command, "/signup/passkey/complete") { // with the options that came last
		d.keys = d.keys[len(d.keys)-1:]
	}
	if strings.Contains(command, "$ISSUED_CODE") {
		d.notes["ISSUED_CODE"] = d.issue(strings.Contains(command, "/recover/"))
	}
	if strings.Contains(command, "$UNDO_CODE") {
		d.notes["UNDO_CODE"] = d.undo(strings.Contains(command, "email"))
	}
	if strings.Contains(command, "$MAIL_CODE") || strings.Contains(command, "$LINK_CODE") {
		m := d.w.lastMail()
		d.notes["MAIL_CODE"], d.notes["LINK_CODE"] = m.Code, codeOfLink(d.t, m.Link)
	}
}

// issue is the operator, who gives a link to recover Eve's account, or to sign in
// to Bob's.
func (d *developer) issue(recovers bool) string {
	d.t.Helper()
	var link mapae.OperatorLink
	var err error
	if recovers {
		link, err = d.w.auth.IssueRecovery(d.w.ctx, "eve@example.com", time.Hour)
	} else {
		link, err = d.w.auth.IssueSignIn(d.w.ctx, "bob@example.net", time.Hour, false)
	}
	ok(d.t, err)
	return codeOfLink(d.t, link.URL)
}

// undo is the code of the last link that takes something back: a change of the
// address of who is signed in, which is made for it, or what was mailed of.
func (d *developer) undo(address bool) string {
	d.t.Helper()
	if address {
		d.moveAway()
	}
	for _, m := range slices.Backward(d.w.mails()) {
		if m.UndoLink != "" {
			return codeOfLink(d.t, m.UndoLink)
		}
	}
	d.t.Fatal("no mail has a link that takes something back")
	return ""
}

// moveAway changes the address of who is signed in.
func (d *developer) moveAway() {
	d.t.Helper()
	d.w.pass(72 * time.Hour) // an address that was not theirs for as long takes nothing back
	in, app := d.w.auth, mapae.Client{App: true}
	cur, err := in.Session(d.w.ctx, d.notes["TOKEN"])
	ok(d.t, err)
	up, err := in.ReauthPassword(d.w.ctx, app, cur, "eight quiet mornings", mapae.ActionChangeEmail)
	ok(d.t, err)
	cur, err = in.Session(d.w.ctx, up.Token)
	ok(d.t, err)
	step, err := in.BeginChangeEmail(d.w.ctx, app, cur, up.Ticket, "moved@example.com", "")
	ok(d.t, err)
	_, err = in.FinishChangeEmail(d.w.ctx, app, cur, step.Ticket, d.w.lastMail().Code)
	ok(d.t, err)
}

// note notes what later commands need of an answer.
func (d *developer) note(answer []byte) {
	d.t.Helper()
	var a struct {
		Token, Ticket, Claim, Secret, Challenge string
		RecoveryCodes                           []string                            `json:"recovery_codes"`
		Creation                                struct{ PublicKey json.RawMessage } `json:"creation_options"`
		Request                                 struct{ PublicKey json.RawMessage } `json:"request_options"`
		Sessions                                []struct {
			ID      string
			Current bool
		}
		Parameters json.RawMessage `json:"pubKeyCredParams"`
	}
	if json.Unmarshal(answer, &a) != nil {
		return
	}
	for name, value := range map[string]string{"TOKEN": a.Token, "TICKET": a.Ticket, "CLAIM": a.Claim} {
		if value != "" {
			d.notes[name] = value
		}
	}
	d.secret = or(a.Secret, d.secret)
	if a.RecoveryCodes != nil {
		d.codes = a.RecoveryCodes
	}
	for _, s := range a.Sessions {
		if !s.Current {
			d.notes["SESSION"] = s.ID
		}
	}
	if a.Challenge != "" { // nothing around them
		a.Creation.PublicKey, a.Request.PublicKey = answer, answer
		if a.Parameters == nil {
			a.Creation.PublicKey = nil
		}
	}
	switch {
	case a.Creation.PublicKey != nil:
		d.create(a.Creation.PublicKey)
	case a.Request.PublicKey != nil:
		d.get(a.Request.PublicKey)
	}
}

// create answers creation options with a new device.
func (d *developer) create(options []byte) {
	d.t.Helper()
	key := webauthntest.New(d.origin)
	made, err := key.Create(options)
	if err != nil {
		d.t.Fatal(err)
	}
	d.keys = append(d.keys, key)
	d.notes["CREDENTIAL"], d.notes["PASSKEY"] = string(made), encode64(key.Credentials()[0].ID)
}

func (d *developer) get(options []byte) {
	d.t.Helper()
	got, err := d.keys[0].Get(options)
	if err != nil {
		d.t.Fatal(err)
	}
	d.notes["CREDENTIAL"] = string(got)
}

func TestEveryExampleOfTheAPIsPageIsTrue(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no curl, which CI must have")
		}
		t.Skip("no curl to run docs/api.md with")
	}
	d, dir, done := newDeveloper(t), t.TempDir(), map[string]bool{}
	for i, e := range readExamples(t) {
		c := d.run(dir, e)
		at := fmt.Sprintf("example %d, %s %s", i+1, c.method, c.path)
		if c.status != e.status {
			t.Fatalf("%s answers %d, not %d: %s", at, c.status, e.status, c.answer)
		}
		if got := members(c.answer); e.members != nil && !slices.Equal(got, e.members) {
			t.Errorf("%s answers %v, not %v", at, got, e.members)
		}
		if strings.HasSuffix(c.path, ".js") {
			done[c.path] = true
			continue
		}
		if err := documented().checkRequest(c.method, c.path, c.body); err != nil {
			t.Errorf("openapi.json: %v", err)
		}
		if err := documented().checkAnswer(c.method, c.path, c.status, c.contentType, c.answer); err != nil {
			t.Errorf("openapi.json: %v", err)
		}
		done[c.method+" "+documented().pathOf(c.path)] = true
		d.note(c.answer)
	}
	for _, row := range allRows(d.w.site) {
		if row.face != page && row.face != form && row.face != static && row.face != visit && !done[row.method+" "+row.path] {
			t.Errorf("docs/api.md has no example of %s %s", row.method, row.path)
		}
	}
}

// members returns the names of the members of a JSON object, sorted.
func members(object []byte) []string {
	var all map[string]json.RawMessage
	if json.Unmarshal(object, &all) != nil {
		return nil
	}
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

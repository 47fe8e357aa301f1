package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// allRows is every row of every table.
func allRows(s *Site) []row {
	return slices.Concat(s.routes(), s.springRoutes(), s.wellKnownRoutes())
}

// mountSpring puts Spring's routes beside the site, as a program would.
func (w *world) mountSpring() {
	site, spring := w.h, w.site.Spring()["/login/webauthn"]
	w.h = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/webauthn/") || strings.HasPrefix(r.URL.Path, "/login/webauthn") {
			spring.ServeHTTP(rw, r)
			return
		}
		site.ServeHTTP(rw, r)
	})
}

// springWorld has Spring's routes; people have passwords too.
func springWorld(t *testing.T, settings ...setting) *world {
	w := newWorld(t, append([]setting{unlimited, allMethods}, settings...)...)
	w.mountSpring()
	return w
}

// springCreate asks for Spring's creation options and returns the answer of key, the
// way that its front end writes it.
func (p person) springCreate(key *webauthntest.Authenticator, edits ...edit) json.RawMessage {
	p.w.t.Helper()
	o := p.send("POST", "/webauthn/register/options", "", edits...).want(p.w.t, 200, "")
	made, err := key.Create(o.body)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return springShape(p.w.t, made, "type", "attestationObject", "clientDataJSON", "transports")
}

// springGet does the same for an authentication.
func (p person) springGet() json.RawMessage {
	p.w.t.Helper()
	o := p.send("POST", "/webauthn/authenticate/options", "").want(p.w.t, 200, "")
	got, err := p.key.Get(o.body)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return springShape(p.w.t, got, "credType", "authenticatorData", "clientDataJSON", "signature", "userHandle")
}

// springShape copies what Spring's front end copies out of a credential, member
// by member; its name for type differs between the two ceremonies.
func springShape(t *testing.T, credential []byte, kind string, members ...string) json.RawMessage {
	t.Helper()
	var in struct {
		ID, RawID, Type, AuthenticatorAttachment string
		Response, ClientExtensionResults         map[string]json.RawMessage
	}
	if err := json.Unmarshal(credential, &in); err != nil {
		t.Fatal(err)
	}
	response := map[string]json.RawMessage{}
	for _, name := range members {
		if value, ok := in.Response[name]; ok {
			response[name] = value
		}
	}
	out, err := json.Marshal(map[string]any{"id": in.ID, "rawId": in.RawID, kind: in.Type, "response": response,
		"clientExtensionResults": in.ClientExtensionResults, "authenticatorAttachment": in.AuthenticatorAttachment})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wrapped(credential json.RawMessage, label string) string {
	return fmt.Sprintf(`{"publicKey":{"credential":%s,"label":%q}}`, credential, label)
}

func TestAFrontEndOfSpringRegistersAndSignsIn(t *testing.T) {
	t.Parallel()
	w := springWorld(t)
	p := w.member(alice)
	phone := webauthntest.New(home)
	a := p.send("POST", "/webauthn/register", wrapped(p.springCreate(phone), "1password")).want(t, 200, "")
	if got := string(a.body); got != `{"success":true}` {
		t.Errorf("registration answers %s", got)
	}
	own, err := p.Passkeys(w.ctx)
	if err != nil || len(own) != 2 || own[0].Name != "1password" {
		t.Fatalf("passkeys are %+v, %v", own, err)
	}
	for _, path := range []string{"/login/webauthn", "/webauthn/authenticate"} {
		q := w.person()
		q.key = phone
		a := q.send("POST", path, string(q.springGet())).want(t, 200, "")
		if got := string(a.body); got != `{"redirectUrl":"/","authenticated":true}` {
			t.Errorf("%s answers %s", path, got)
		}
		if now, err := q.Session(w.ctx); err != nil || now.User.Login != alice || now.Session.AAL != 2 {
			t.Errorf("%s signed in as %+v, %v", path, now, err)
		}
	}
	if a := p.send("DELETE", "/webauthn/register/"+own[0].ID, "").want(t, 204, ""); len(a.body) != 0 {
		t.Errorf("removal answers %s", a.body)
	}
	if own, err := p.Passkeys(w.ctx); err != nil || len(own) != 1 {
		t.Errorf("passkeys are %+v, %v", own, err)
	}
	p.send("DELETE", "/webauthn/register/"+own[1].ID, "").want(t, 400, mapae.CodeLastFactor)
}

// The standard form of a credential is taken as well: bare, with type, and with
// members that are not Spring's.
func TestTheBareCredentialIsTakenToo(t *testing.T) {
	t.Parallel()
	w := springWorld(t)
	p := w.member(alice)
	p.send("POST", "/webauthn/register", string(p.springCreate(webauthntest.New(home)))).want(t, 200, "")
	if own, err := p.Passkeys(w.ctx); err != nil || len(own) != 2 || own[0].Name != "Passkey 2" {
		t.Errorf("passkeys are %+v, %v", own, err)
	}
	o := p.send("POST", "/webauthn/authenticate/options", "{}").want(t, 200, "")
	got, err := p.key.Get(o.body)
	if err != nil {
		t.Fatal(err)
	}
	p.send("POST", "/login/webauthn", " "+string(got)+"\n").want(t, 200, "")
}

func TestSpringsOptionsAreUnwrapped(t *testing.T) {
	t.Parallel()
	w := springWorld(t)
	p := w.member(alice)
	var creation struct {
		RP                     struct{ ID, Name string }
		User                   struct{ ID, Name, DisplayName string }
		Challenge              string
		PubKeyCredParams       []struct{ Alg int }
		Timeout                int
		ExcludeCredentials     []struct{ ID, Type string }
		AuthenticatorSelection struct{ ResidentKey, UserVerification string }
		Attestation            string
		Extensions             struct{ CredProps bool }
	}
	a := p.send("POST", "/webauthn/register/options", "").want(t, 200, "")
	if err := json.Unmarshal(a.body, &creation); err != nil {
		t.Fatal(err)
	}
	c := creation
	algorithms := map[int]bool{}
	for _, p := range c.PubKeyCredParams {
		algorithms[p.Alg] = true
	}
	if c.RP.ID != "example.com" || c.User.Name != alice || c.Challenge == "" || !algorithms[-8] || !algorithms[-7] || !algorithms[-257] || c.Timeout != 300000 ||
		len(c.ExcludeCredentials) != 1 || c.AuthenticatorSelection.ResidentKey != "required" || c.AuthenticatorSelection.UserVerification != "preferred" ||
		c.Attestation != "none" && c.Attestation != "" || !c.Extensions.CredProps {
		t.Errorf("creation options are %s", a.body)
	}
	var request struct {
		Challenge, RPID, UserVerification string
		Timeout                           int
		AllowCredentials                  []any
	}
	a = w.person().send("POST", "/webauthn/authenticate/options", "").want(t, 200, "")
	if err := json.Unmarshal(a.body, &request); err != nil {
		t.Fatal(err)
	}
	if request.Challenge == "" || request.RPID != "example.com" || request.UserVerification != "preferred" || request.Timeout != 300000 || len(request.AllowCredentials) != 0 {
		t.Errorf("request options are %s", a.body)
	}
}

func TestWhereASecondStepIsDueSpringsFrontEndGetsNoSession(t *testing.T) {
	t.Parallel()
	w := springWorld(t)
	p := w.member(alice)
	p.key.UserVerified, p.key.BackupEligible, p.key.BackupState = false, false, false
	weak := webauthntest.New(home)
	weak.UserVerified, weak.BackupEligible, weak.BackupState = true, false, false
	p.send("POST", "/webauthn/register", wrapped(p.springCreate(weak), "Key")).want(t, 200, "")
	p.addTOTP()
	weak.UserVerified = false
	q := w.person()
	q.key = weak
	a := q.send("POST", "/login/webauthn", string(q.springGet())).want(t, 401, mapae.CodeSecondFactorRequired)
	if q.cookie() != "" || a.json("ticket") != "" {
		t.Errorf("the answer has a cookie or a ticket: %s", a.body)
	}
}

func TestARegistrationThereMakesNoRecoveryCodesThatNobodySees(t *testing.T) {
	t.Parallel()
	w := springWorld(t)
	p := w.passwordMember(bob)
	p.send("POST", "/webauthn/register", wrapped(p.springCreate(webauthntest.New(home)), "Key")).want(t, 200, "")
	a := p.send("GET", "/api/account/recovery-codes", "").want(t, 200, "")
	if !strings.Contains(string(a.body), ":0") {
		t.Errorf("there are recovery codes: %s", a.body)
	}
}

func TestSpringsRoutesRefuseWhatTheirFlowsRefuse(t *testing.T) {
	t.Parallel()
	w := springWorld(t)
	p := w.member(alice)
	credential := p.springCreate(webauthntest.New(home))
	for name, body := range map[string]string{
		"no JSON": `x`, "an array": `[]`, "twice": `{"publicKey":{},"publicKey":{}}`, "no object": `{"publicKey":1}`, "null": `{"publicKey":null}`,
		"no credential": `{"publicKey":{"label":"x"}}`, "a label that is a number": fmt.Sprintf(`{"publicKey":{"credential":%s,"label":1}}`, credential),
		"a label that is too long": wrapped(credential, strings.Repeat("x", 65)), "two labels": fmt.Sprintf(`{"publicKey":{"credential":%s,"label":"a","label":"b"}}`, credential),
		"an empty object": `{}`,
	} {
		w.unchanged([]string{alice}, func() {
			if a := p.send("POST", "/webauthn/register", body); a.StatusCode != 400 || a.json("code") != string(mapae.CodeBadRequest) {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
			}
		})
	}
	p.send("POST", "/webauthn/register", wrapped(credential, "good")).want(t, 200, "")
	p.send("POST", "/webauthn/register", wrapped(credential, "again")).want(t, 400, mapae.CodeCeremonyInvalid)

	got := string(p.springGet())
	for name, body := range map[string]string{
		"type twice":             strings.Replace(got, `"credType":"public-key"`, `"credType":"public-key","credType":"public-key"`, 1),
		"another type":           strings.Replace(got, `"credType":"public-key"`, `"credType":"x"`, 1),
		"type wins":              strings.Replace(got, `"credType":"public-key"`, `"credType":"public-key","type":"x"`, 1),
		"a type that is no text": strings.Replace(got, `"credType":"public-key"`, `"credType":1`, 1),
		"no type":                strings.Replace(got, `"credType":"public-key"`, `"x":1`, 1),
		"something behind":       got + "x", "an empty object": `{}`, "no JSON": ``,
	} {
		if a := p.send("POST", "/login/webauthn", body); a.StatusCode != 400 || a.json("code") != string(mapae.CodeBadRequest) {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	w.person().send("POST", "/login/webauthn", got).want(t, 400, mapae.CodeCeremonyInvalid) // another browser
	p.send("POST", "/login/webauthn", got).want(t, 200, "")
	p.send("POST", "/login/webauthn", got).want(t, 400, mapae.CodeCeremonyInvalid) // spent
}

func TestSpringsRoutesAreForBrowsers(t *testing.T) {
	t.Parallel()
	w := springWorld(t)
	p := w.member(alice)
	app := p.app()
	if _, err := app.SignIn(w.ctx); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.site.springRoutes() {
		path := strings.Replace(r.path, "{id}", "AAAA", 1)
		app.send(r.method, path, "{}", header("Authorization", "Bearer "+app.Token())).want(t, 400, mapae.CodeBadRequest)
	}
}

func TestSpringsRoutesStandAtTheRootWhereverTheSiteIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *mapae.Config, c *Config) { c.Base = "/auth" })
	mux := http.NewServeMux()
	mux.Handle("/auth/", w.site)
	for pattern, h := range w.site.Spring() {
		mux.Handle(pattern, h)
	}
	w.h = mux
	p := w.member(alice)
	atRoot := func(r *http.Request) { r.URL.Path, r.URL.RawPath = strings.TrimPrefix(r.URL.Path, "/auth"), "" }
	p.send("POST", "/webauthn/register", wrapped(p.springCreate(webauthntest.New(home), atRoot), "x"), atRoot).want(t, 200, "")
}

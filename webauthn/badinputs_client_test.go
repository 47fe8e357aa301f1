package webauthn_test

import (
	"strings"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

func clientData(change func(string) string) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) {
		a.Forge.ClientData = func(b []byte) []byte { return []byte(change(string(b))) }
	}
}

func clientMember(name string, value any) func(*webauthntest.Authenticator) {
	return clientData(atTop(name, value))
}

func forged(change func(f *webauthntest.Forge)) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) { change(&a.Forge) }
}

func fromOrigin(o string) func(*webauthntest.Authenticator) {
	return forged(func(f *webauthntest.Forge) { f.Origin = o })
}

// badRegistrationClientData are the rows of §7.1, badAssertionClientData those of §7.2.
func badRegistrationClientData() []badInput {
	rows := map[string]string{
		"type missing": "BI-089", "type empty": "BI-091", "type other": "BI-092", "challenge bad": "BI-094",
		"challenge cut": "BI-097", "challenge in body": "BI-098", "origin other": "BI-100", "origin http": "BI-101",
		"origin subdomain": "BI-103", "origin suffix": "BI-104", "cross": "BI-106", "cross type": "BI-107",
		"token": "BI-109", "twice": "BI-110", "extra": "BI-112", "huge": "BI-113",
		"type number": "BI-089", "type swapped": "BI-092", "challenge padded": "BI-097", "origin missing": "BI-100",
		"origin port": "BI-101", "origin forms": "BI-104", "top": "BI-106", "bom": "BI-112",
	}
	return badClientData(rows, "webauthn.get", func(setup func(*webauthntest.Authenticator)) func(*testing.T) error {
		return registering(setup)
	}, func(setup func(*webauthntest.Authenticator), cross bool, tops []string) func(*testing.T) error {
		return registering(setup, func(w *webauthn.RegistrationWant) {
			w.RelyingParty.CrossOrigin, w.RelyingParty.TopOrigins = cross, tops
		})
	})
}

func badAssertionClientData() []badInput {
	rows := map[string]string{
		"type missing": "BI-115", "type empty": "BI-116", "type other": "BI-118", "challenge bad": "BI-119",
		"challenge cut": "BI-122", "challenge in body": "BI-122", "origin other": "BI-125", "origin http": "BI-125",
		"origin subdomain": "BI-128", "origin suffix": "BI-130", "cross": "BI-131", "cross type": "BI-131",
		"token": "BI-134", "twice": "BI-124", "extra": "BI-137", "huge": "BI-137",
		"type number": "BI-115", "type swapped": "BI-118", "challenge padded": "BI-121", "origin missing": "BI-124",
		"origin port": "BI-127", "origin forms": "BI-130", "top": "BI-133", "bom": "BI-136",
	}
	return badClientData(rows, "webauthn.create", func(setup func(*webauthntest.Authenticator)) func(*testing.T) error {
		return signingIn(setup)
	}, func(setup func(*webauthntest.Authenticator), cross bool, tops []string) func(*testing.T) error {
		return signingIn(setup, func(w *webauthn.AssertionWant) { w.RelyingParty.CrossOrigin, w.RelyingParty.TopOrigins = cross, tops })
	})
}

func badClientData(
	rows map[string]string, otherType string,
	run func(func(*webauthntest.Authenticator)) func(*testing.T) error,
	framed func(setup func(*webauthntest.Authenticator), cross bool, tops []string) func(*testing.T) error,
) (all []badInput) {
	add := func(row, name string, check webauthn.Check, setup func(*webauthntest.Authenticator)) {
		all = append(all, badInput{rows[row], row + " " + name, check, run(setup)})
	}
	const typ, chal = webauthn.CheckType, webauthn.CheckChallenge
	add("type missing", "", typ, clientMember("type", absent{}))
	add("type number", "", typ, clientMember("type", 1))
	add("type empty", "", typ, clientMember("type", ""))
	add("type swapped", "", typ, clientMember("type", otherType))
	for _, value := range []string{"webauthn.Create", "webauthn.Get", "payment.get", "webauthn.create ", "webauthn.get "} {
		add("type other", value, typ, clientMember("type", value))
	}
	add("challenge bad", "missing", chal, clientMember("challenge", absent{}))
	add("challenge bad", "number", chal, clientMember("challenge", 1))
	add("challenge bad", "empty", chal, clientMember("challenge", ""))
	add("challenge bad", "not base64url", chal, clientMember("challenge", "!"))
	add("challenge bad", "twice", chal, clientData(replace("{", `{"challenge":"`+b64(challenge)+`",`)))
	add("challenge bad", "client data not JSON", chal, clientData(constant("{")))
	add("challenge bad", "client data an array", chal, clientData(constant("[]")))
	add("challenge bad", "client data not UTF-8", chal, clientData(replace("{", "{\"x\":\"\xff\",")))
	add("challenge bad", "data behind client data", chal, clientData(func(s string) string { return s + "}" }))
	add("challenge cut", "", chal, clientMember("challenge", b64(challenge[:16])))
	add("challenge cut", "its text", chal, clientMember("challenge", b64(challenge[:15])))
	add("challenge cut", "longer", chal, clientMember("challenge", b64(append(challenge[:32:32], 0))))
	add("challenge padded", "", chal, clientMember("challenge", b64(challenge)+"="))
	add("challenge padded", "line break", chal, clientMember("challenge", b64(challenge)+"\n"))
	add("challenge in body", "", chal, forged(func(f *webauthntest.Forge) {
		f.Challenge = b64([]byte("a challenge of somebody else ..."))
		f.Response = func(m map[string]any) { m["expectedChallenge"] = f.Challenge }
	}))
	return append(append(all, badOrigins(rows, run)...), badTopOrigins(rows["top"], framed)...)
}

func badOrigins(rows map[string]string, run func(func(*webauthntest.Authenticator)) func(*testing.T) error) (all []badInput) {
	add := func(row, name string, check webauthn.Check, setup func(*webauthntest.Authenticator)) {
		all = append(all, badInput{rows[row], row + " " + name, check, run(setup)})
	}
	const encoding, org = webauthn.CheckEncoding, webauthn.CheckOrigin
	add("origin missing", "", org, clientMember("origin", absent{}))
	add("origin missing", "number", org, clientMember("origin", 1))
	add("origin missing", "empty", org, clientMember("origin", ""))
	add("origin other", "", org, fromOrigin("https://evil.example"))
	add("origin http", "", org, fromOrigin("http://example.com"))
	add("origin port", "", org, fromOrigin("https://example.com:8443"))
	add("origin subdomain", "", org, fromOrigin("https://user.example.com"))
	for _, o := range []string{"https://notexample.com", "https://example.com.evil.io"} {
		add("origin suffix", o, org, fromOrigin(o))
	}
	for _, o := range []string{
		"https://EXAMPLE.com", "https://example.com/", "https://example.com.", "https://user@example.com",
		"https://example.com%00.evil", "https://exаmple.com", "null", "https://example.com:443", "android:apk-key-hash:AAAA",
	} {
		add("origin forms", o, org, fromOrigin(o))
	}
	add("cross", "", webauthn.CheckCrossOrigin, func(a *webauthntest.Authenticator) { a.CrossOrigin = true })
	add("cross type", "string", encoding, clientMember("crossOrigin", "true"))
	add("cross type", "null", encoding, clientMember("crossOrigin", nil))
	add("cross type", "number", encoding, clientMember("crossOrigin", 1))
	add("cross", "absent is fine", "", clientMember("crossOrigin", absent{}))
	add("twice", "good first", encoding, clientData(func(s string) string { return s[:len(s)-1] + `,"origin":"https://evil.example"}` }))
	add("twice", "bad first", encoding, clientData(replace("{", `{"origin":"https://evil.example",`)))
	add("twice", "type", encoding, clientData(replace("{", `{"type":"webauthn.other",`)))
	add("twice", "unknown", encoding, clientData(replace("{", `{"x":1,"x":2,`)))
	for _, v := range []any{"x", map[string]any{}, map[string]any{"status": "x"}, []any{}} {
		add("token", "", "", clientMember("tokenBinding", v))
	}
	add("extra", "", "", clientMember("other_keys_can_be_added_here", "do not compare clientDataJSON against a template"))
	add("extra", "reordered and spaced", "", clientData(func(s string) string {
		return " " + strings.ReplaceAll(members(func(map[string]any) {})(s), `":`, "\" :\n") + "\t"
	}))
	add("bom", "", "", clientData(func(s string) string { return "\xef\xbb\xbf" + s }))
	add("huge", "", encoding, forged(func(f *webauthntest.Forge) { f.Members = `"x":"` + strings.Repeat("x", 8<<10) + `"` }))
	return all
}

func badTopOrigins(row string, framed func(setup func(*webauthntest.Authenticator), cross bool, tops []string) func(*testing.T) error) []badInput {
	const top = "https://top.example"
	in := func(cross bool, topOrigin string) func(*webauthntest.Authenticator) {
		return func(a *webauthntest.Authenticator) { a.CrossOrigin, a.TopOrigin = cross, topOrigin }
	}
	return []badInput{
		{row, "top origin where none is allowed", webauthn.CheckTopOrigin, framed(in(true, top), true, nil)},
		{row, "another top origin", webauthn.CheckTopOrigin, framed(in(true, top), true, []string{"https://other.example"})},
		{row, "top origin without cross origin", webauthn.CheckTopOrigin, framed(in(false, top), true, []string{top})},
		{row, "top origin where frames are not allowed", webauthn.CheckCrossOrigin, framed(in(true, top), false, []string{top})},
		{row, "top origin a number", webauthn.CheckEncoding, framed(clientMember("topOrigin", 1), true, []string{top})},
		{row, "top origin that is allowed", "", framed(in(true, top), true, []string{top})},
		{row, "frame that tells no top origin", "", framed(in(true, ""), true, []string{top})},
	}
}

func TestTheChallengeIsReadWhateverTheOtherMembersAre(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]func(*webauthntest.Authenticator){
		"type a number":        clientMember("type", 1),
		"crossOrigin a string": clientMember("crossOrigin", "true"),
		"topOrigin a list":     clientMember("topOrigin", []any{}),
		"no origin":            clientMember("origin", absent{}),
		"origin twice":         clientData(replace("{", `{"origin":"https://evil.example",`)),
		"byte order mark":      clientData(func(s string) string { return "\xef\xbb\xbf" + s }),
		"challenge escaped":    clientData(func(s string) string { return strings.Replace(s, b64(challenge), `\u004d`+b64(challenge)[1:], 1) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newKey("challenge")
			registered(t, a, webauthn.ES256)
			setup(a)
			r, err := webauthn.ParseAssertion(get(t, a))
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Challenge()
			if err != nil || string(got) != string(challenge) {
				t.Errorf("challenge = %q, %v", got, err)
			}
		})
	}
}

func TestAnAppSignsInFromItsOwnOrigin(t *testing.T) {
	t.Parallel()
	const app = "android:apk-key-hash:gx7sq_pxhxhrIQdLyfG0pxKwiJ7hOk2DJQ4xvKd438Q"
	a := newKey("app")
	c := registered(t, a, webauthn.ES256)
	a.Origin = app
	want := assertionWant()
	want.RelyingParty.Origins = []string{origin, app}
	result, err := finishAssertion(get(t, a), c, want)
	if err != nil || result.Origin != app {
		t.Errorf("origin = %q, %v", result.Origin, err)
	}
}

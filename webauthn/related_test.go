package webauthn_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

func TestRelatedOriginsAreWrittenAndRead(t *testing.T) {
	t.Parallel()
	document := webauthn.RelatedOrigins{Origins: []string{"https://example.co.kr", "https://example.com:8443"}}
	golden(t, "related-origins.json", append(marshal(t, document), '\n'))
	read, err := webauthn.ParseRelatedOrigins(marshal(t, document))
	if err != nil || strings.Join(read.Origins, " ") != strings.Join(document.Origins, " ") {
		t.Errorf("read %v, %v", read, err)
	}
	if read, err := webauthn.ParseRelatedOrigins([]byte(`{"comment":{"a":1},"origins":[]}`)); err != nil || len(read.Origins) != 0 {
		t.Errorf("read %v, %v", read, err)
	}
	for _, body := range []string{
		``, `[]`, `{}`, `null`, `{"origins":null}`, `{"origins":"https://example.com"}`, `{"origins":[1]}`, `{"Origins":[]}`,
		`{"origins":[],"origins":[]}`, `{"origins":[]}x`,
	} {
		if read, err := webauthn.ParseRelatedOrigins([]byte(body)); err == nil {
			t.Errorf("%s was read as %v", body, read)
		}
	}
	if body, err := json.Marshal(webauthn.RelatedOrigins{Origins: []string{}}); err != nil || string(body) != `{"origins":[]}` {
		t.Errorf("no origins: %s, %v", body, err)
	}
}

// registrable knows the two suffixes of this test.
func registrable(domain string) (string, error) {
	for _, suffix := range []string{".co.kr", ".com"} {
		if rest, ok := strings.CutSuffix(domain, suffix); ok {
			return rest[strings.LastIndex(rest, ".")+1:] + suffix, nil
		}
	}
	return "", errors.New("no public suffix")
}

func TestRelatedOriginsThatAClientWouldPassOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ origins, fault string }{
		"five labels":                     {"https://a.com https://b.com https://c.com https://d.com https://e.com", ""},
		"one label under many suffixes":   {"https://a.com https://www.a.com https://a.co.kr https://x.a.co.kr:8443 https://b.com https://c.com https://d.com https://e.com", ""},
		"six labels":                      {"https://a.com https://b.com https://c.com https://d.com https://e.com https://f.co.kr", "6 labels"},
		"http":                            {"http://a.com", "not https://host"},
		"a path":                          {"https://a.com/", "not https://host"},
		"a name before the host":          {"https://ann@a.com", "not https://host"},
		"no host":                         {"https://", "not https://host"},
		"a port and no host":              {"https://:443", "not https://host"},
		"no URL":                          {"https://a.com:port", "not https://host"},
		"an app":                          {"android:apk-key-hash:AAAA", "not https://host"},
		"a domain under no public suffix": {"https://localhost", "no public suffix"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := webauthn.RelatedOrigins{Origins: strings.Fields(c.origins)}.Check(registrable)
			if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
				t.Errorf("error is %v, want %q", err, c.fault)
			}
		})
	}
}

func TestAppsAnswerUnderTheirOwnOrigins(t *testing.T) {
	t.Parallel()
	android := webauthn.AndroidOrigin(sha256.Sum256([]byte("certificate")))
	if want := "android:apk-key-hash:" + b64(sum("certificate")); android != want {
		t.Errorf("origin is %s, want %s", android, want)
	}
	other := webauthn.AndroidOrigin(sha256.Sum256([]byte("another")))
	with := func(w *webauthn.AssertionWant) { w.RelyingParty.Origins = []string{origin, android} }
	wantCheck(t, signingIn(fromOrigin(android), with)(t), "")
	wantCheck(t, signingIn(fromOrigin(origin), with)(t), "") // an app on iOS
	wantCheck(t, signingIn(fromOrigin(other), with)(t), webauthn.CheckOrigin)
	wantCheck(t, signingIn(fromOrigin(android))(t), webauthn.CheckOrigin)
}

func sum(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

// appID is what U2F knew the relying party by.
const appID = "https://example.com/u2f.json"

func TestACredentialOfU2FAnswersUnderTheAppID(t *testing.T) {
	t.Parallel()
	under := func(id string, output any) func(*webauthntest.Authenticator) {
		return func(a *webauthntest.Authenticator) {
			a.Forge.RPID = id
			a.Forge.Response = func(m map[string]any) { m["clientExtensionResults"] = map[string]any{"appid": output} }
		}
	}
	asked := func(w *webauthn.AssertionWant) { w.AppID = appID }
	const hash = webauthn.CheckRPIDHash
	for name, c := range map[string]struct {
		check webauthn.Check
		run   func(*testing.T) error
	}{
		"asked, told, under the AppID":            {"", signingIn(under(appID, true), asked)},
		"asked, told, under the RP ID":            {hash, signingIn(under(rpID, true), asked)},
		"asked, not told, under the RP ID":        {"", signingIn(under(rpID, false), asked)},
		"asked, not told, under the AppID":        {hash, signingIn(under(appID, false), asked)},
		"asked, of the wrong type, under it":      {hash, signingIn(under(appID, "true"), asked)},
		"asked, told, under something else":       {hash, signingIn(under("example.org", true), asked)},
		"not asked, told, under the AppID":        {hash, signingIn(under(appID, true))},
		"not asked, told, under the RP ID":        {"", signingIn(under(rpID, true))},
		"not asked, not told, under the AppID":    {hash, signingIn(under(appID, false))},
		"not asked, told, under the empty string": {hash, signingIn(forged(func(f *webauthntest.Forge) { f.AuthData = func(b []byte) []byte { return append(sum(""), b[32:]...) } }))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantCheck(t, c.run(t), c.check)
		})
	}
}

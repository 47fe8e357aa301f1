package oracle

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// A difference is one way in which the verdicts may differ, and why that is
// right. Everything else that differs is a defect, of ours or of theirs. An
// example keeps the list from holding what does not happen any more.
type difference struct {
	why     string
	fits    func(d disagreement) bool
	example example
}

// An example is a response on which the two differ; a registration where
// registration is set. forge runs before the response is made.
type example struct {
	registration bool
	forge        func(f *webauthntest.Forge)
	body         func(body []byte) []byte
}

// A disagreement is one body on which the two differ; one of the errors is nil.
type disagreement struct {
	registration bool
	body         []byte
	ours         *webauthn.Error
	theirs       string
}

// because tells whether we refused in this check, with a cause that has this part.
func (d disagreement) because(check webauthn.Check, part string) bool {
	return d.ours != nil && d.ours.Check == check && (part == "" || d.ours.Err != nil && strings.Contains(d.ours.Err.Error(), part))
}

// byteOrderMark may stand before client data (§7.2 step 8).
var byteOrderMark = []byte("\xef\xbb\xbf")

// clientData returns the client data in the body, nil where it has none.
func (d disagreement) clientData() []byte {
	if r, err := webauthn.ParseRegistration(d.body); err == nil {
		return r.ClientDataJSON
	}
	if a, err := webauthn.ParseAssertion(d.body); err == nil {
		return a.ClientDataJSON
	}
	return nil
}

// origin is the one in client data, whole: that of our error is cut. It is found
// by its exact name, which a member of a struct is not.
func (d disagreement) origin() string {
	var members map[string]any
	_ = json.Unmarshal(bytes.TrimPrefix(d.clientData(), byteOrderMark), &members) // what can't be read has none
	origin, _ := members["origin"].(string)
	return origin
}

// hasMember tells whether a JSON object has a member whose name matches.
func hasMember(object []byte, match func(name string) bool) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimPrefix(object, byteOrderMark), &members) != nil {
		return false
	}
	for name := range members {
		if match(name) {
			return true
		}
	}
	return false
}

// inOtherCase matches a name that is that of a known member but for the case.
func inOtherCase(known ...string) func(name string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(known, func(k string) bool { return name != k && strings.EqualFold(name, k) })
	}
}

// clientDataInOtherCase tells whether client data has such a member.
func (d disagreement) clientDataInOtherCase() bool {
	return hasMember(d.clientData(), inOtherCase("type", "challenge", "origin", "crossOrigin", "topOrigin"))
}

// bodyInOtherCase tells whether the response has such a member.
func (d disagreement) bodyInOtherCase() bool {
	var body struct{ Response json.RawMessage }
	return hasMember(d.body, inOtherCase("id", "rawId", "type", "response", "clientExtensionResults", "authenticatorAttachment")) ||
		json.Unmarshal(d.body, &body) == nil && hasMember(body.Response, inOtherCase("clientDataJSON", "attestationObject", "authenticatorData",
			"signature", "userHandle", "transports", "publicKey", "publicKeyAlgorithm"))
}

// hasNamelessExtension tells whether the signed extension outputs have a key
// that is no text.
func (d disagreement) hasNamelessExtension() bool {
	var outputs []byte
	if made, err := registerOurs(d.body, false); err == nil {
		outputs = made.AuthenticatorExtensions
	} else if a, err := webauthn.ParseAssertion(d.body); err == nil && len(a.AuthenticatorData) > 37 {
		outputs = a.AuthenticatorData[37:]
	}
	all, err := cbor.Whole(outputs)
	return err == nil && slices.ContainsFunc(all, func(p cbor.Pair) bool {
		_, isText := p.Key.Text()
		return !isText
	})
}

func members(text string) example {
	return example{forge: func(f *webauthntest.Forge) { f.Members = text }}
}

func extensions(encoded string) example {
	return example{forge: func(f *webauthntest.Forge) { f.Extensions = []byte(encoded) }}
}

// stricter are reasons to refuse what go-webauthn accepts.
var stricter = []difference{
	{
		"a body or client data that JSON readers may read in two ways: a duplicate name, invalid UTF-8, a lone surrogate, a number out of range, too much nesting",
		func(d disagreement) bool { return d.because(webauthn.CheckEncoding, "JSON at byte") },
		example{body: func(b []byte) []byte { return bytes.Replace(b, []byte(`{`), []byte("{\"x\":\"\xff\","), 1) }},
	},
	{
		"base64url with padding: each value has one text",
		func(d disagreement) bool { return d.because(webauthn.CheckEncoding, "not base64url") },
		example{body: func(b []byte) []byte {
			return bytes.Replace(b, []byte(`","userHandle"`), []byte(`==","userHandle"`), 1)
		}},
	},
	{
		"a member of client data that is there twice: programs differ in which they take",
		func(d disagreement) bool { return d.because(webauthn.CheckEncoding, "duplicate member") },
		members(`"type":"webauthn.get"`),
	},
	{
		"no member of a name that is needed, but one that differs in case: encoding/json takes it for the other (§5.8.1)",
		func(d disagreement) bool {
			needed := []webauthn.Check{webauthn.CheckType, webauthn.CheckChallenge, webauthn.CheckOrigin}
			return d.ours != nil && slices.Contains(needed, d.ours.Check) && d.ours.Got == "no string" && d.clientDataInOtherCase()
		},
		example{forge: func(f *webauthntest.Forge) {
			f.ClientData = func(b []byte) []byte { return bytes.Replace(b, []byte(`"challenge"`), []byte(`"Challenge"`), 1) }
		}},
	},
	{
		"no member of the response of a name that is needed, but one that differs in case: the same (§5.1)",
		func(d disagreement) bool {
			return d.because(webauthn.CheckEncoding, "") && d.ours.Err == nil && d.bodyInOtherCase()
		},
		example{body: func(b []byte) []byte { return bytes.Replace(b, []byte(`"type"`), []byte(`"Type"`), 1) }},
	},
	{
		"crossOrigin that is no boolean (§5.8.1)",
		func(d disagreement) bool { return d.because(webauthn.CheckEncoding, "crossOrigin is not a boolean") },
		example{body: nil, forge: func(f *webauthntest.Forge) {
			f.ClientData = func(b []byte) []byte { return bytes.Replace(b, []byte(`:false`), []byte(`:null`), 1) }
		}},
	},
	{
		"topOrigin that is no string (§5.8.1)",
		func(d disagreement) bool { return d.because(webauthn.CheckEncoding, "topOrigin is not a string") },
		members(`"topOrigin":null`),
	},
	{
		"a topOrigin that is there, although empty, is the origin of no page that is expected (§7.2 step 14)",
		func(d disagreement) bool { return d.because(webauthn.CheckTopOrigin, "") && d.ours.Got == "" },
		members(`"topOrigin":""`),
	},
	{
		"an origin that is the same page's in another spelling: origins are compared whole, byte for byte",
		func(d disagreement) bool { return d.because(webauthn.CheckOrigin, "") && sameSite(d.origin()) },
		example{forge: func(f *webauthntest.Forge) { f.Origin = "https://EXAMPLE.com:443/path" }},
	},
	{
		"CBOR outside the subset of CTAP2: floats, tags, indefinite lengths, numbers not in their shortest form, duplicate keys",
		func(d disagreement) bool { return d.because(webauthn.CheckEncoding, "CBOR:") },
		extensions("\xa1\x61a\xf9\x00\x00"),
	},
	{
		"an attestation statement that is neither map nor array, although the format is none (§8.7)",
		func(d disagreement) bool {
			return d.because(webauthn.CheckEncoding, "attestation object: fmt, attStmt")
		},
		example{registration: true, forge: func(f *webauthntest.Forge) {
			f.AttestationObject = func(b []byte) []byte {
				return bytes.Replace(b, []byte("\x67attStmt\xa0"), []byte("\x67attStmt\xf6"), 1)
			}
		}},
	},
	{
		"a public key that could never sign in: go-webauthn finds out at the first sign-in",
		func(d disagreement) bool { return d.registration && d.because(webauthn.CheckKey, "") },
		example{registration: true, forge: func(f *webauthntest.Forge) {
			f.PublicKey = func(k []byte) []byte { k[len(k)-1] ^= 1; return k }
		}},
	},
}

// sameSite tells whether an origin is ours by scheme and host, whatever the rest.
func sameSite(text string) bool {
	u, err := url.Parse(text)
	return err == nil && strings.EqualFold(u.Scheme, "https") && strings.EqualFold(u.Hostname(), rpID) && (u.Port() == "" || u.Port() == "443")
}

// laxer are reasons to accept what go-webauthn refuses. Nobody gains by them.
var laxer = []difference{
	{
		"a byte order mark before client data: UTF-8 decode strips it (§7.2 step 8)",
		func(d disagreement) bool { return bytes.HasPrefix(d.clientData(), byteOrderMark) },
		example{forge: func(f *webauthntest.Forge) {
			f.ClientData = func(b []byte) []byte { return slices.Concat(byteOrderMark, b) }
		}},
	},
	{
		"tokenBinding of any form: Level 3 has none, and says to ignore it (§5.8.1)",
		func(d disagreement) bool {
			return hasMember(d.clientData(), func(name string) bool { return strings.EqualFold(name, "tokenBinding") })
		},
		members(`"tokenBinding":"unused"`),
	},
	{
		"an unknown member whose name is that of a known one but for the case: encoding/json takes the one for the other",
		disagreement.clientDataInOtherCase,
		members(`"CrossOrigin":true`),
	},
	{
		"an unknown member of the response whose name is that of a known one but for the case: the same",
		disagreement.bodyInOtherCase,
		example{body: func(b []byte) []byte { return bytes.Replace(b, []byte(`{`), []byte(`{"ID":1,`), 1) }},
	},
	{
		"extension outputs under a key that is no text: no extension, so passed over, and never fatal (§7.2 step 23)",
		disagreement.hasNamelessExtension,
		extensions("\xa1\x01\x02"),
	},
}

// TestTheListedDifferencesHappen holds that each entry explains its example.
func TestTheListedDifferencesHappen(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	f := newFixture(t, p, webauthn.ES256, "")
	for _, known := range append(append([]difference{}, stricter...), laxer...) {
		t.Run(known.why, func(t *testing.T) {
			d := disagreement{registration: known.example.registration}
			ours, other := known.example.run(t, p, f, &d.body)
			if (ours == nil) == (other == nil) {
				t.Fatalf("no disagreement: ours %v, theirs %v", ours, other)
			}
			if other != nil {
				d.theirs = tell(other)
			}
			if ours != nil {
				d.ours = refusal(t, ours)
			}
			if !known.fits(d) {
				t.Errorf("the entry does not explain it: ours %v, theirs %s", ours, d.theirs)
			}
		})
	}
}

// run returns both verdicts on the example.
func (e example) run(t *testing.T, p peer, f fixture, body *[]byte) (ours, other error) {
	t.Helper()
	a := newDevice("example")
	if !e.registration {
		a = f.clone("example")
	}
	if e.forge != nil {
		e.forge(&a.Forge)
	}
	if e.registration {
		*body = create(t, a, webauthn.ES256)
	} else {
		*body = get(t, a)
	}
	if e.body != nil {
		*body = e.body(*body)
	}
	if e.registration {
		_, ours = registerOurs(*body, false)
		_, other = p.register(*body, false)
		return ours, other
	}
	return signInOurs(*body, &f.ours, false), p.signIn(*body, f.theirs, false)
}

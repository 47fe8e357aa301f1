package webauthn_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/mapae/mapae/webauthn"
)

// honest returns a record and an assertion for it that verifies.
func honest(t *testing.T, alg webauthn.Algorithm) (*webauthn.Credential, []byte) {
	t.Helper()
	a := newKey("mutilate")
	c := registered(t, a, alg)
	return c, get(t, a)
}

func TestABodyCutAtAnyByteIsRefused(t *testing.T) {
	t.Parallel()
	c, assertion := honest(t, webauthn.ES256)
	for n := range assertion {
		_, err := finishAssertion(assertion[:n], c, assertionWant())
		wantCheck(t, err, webauthn.CheckEncoding)
	}
	registration := create(t, newKey("mutilate"), webauthn.ES256)
	for n := range registration {
		_, err := finishRegistration(registration[:n], registrationWant())
		wantCheck(t, err, webauthn.CheckEncoding)
	}
	t.Logf("proven: %d", len(assertion)+len(registration))
}

func TestPartsCutAtAnyByteAreRefused(t *testing.T) {
	t.Parallel()
	c, body := honest(t, webauthn.ES256)
	a := parsedAssertion(t, body)
	for n := range a.AuthenticatorData {
		cut := *a
		cut.AuthenticatorData = a.AuthenticatorData[:n]
		_, err := webauthn.VerifyAssertion(&cut, c, assertionWant())
		wantCheck(t, err, webauthn.CheckEncoding)
	}
	for n := range a.Signature {
		cut := *a
		cut.Signature = a.Signature[:n]
		_, err := webauthn.VerifyAssertion(&cut, c, assertionWant())
		wantCheck(t, err, webauthn.CheckSignature)
	}
	for n := range a.ClientDataJSON {
		cut := *a
		cut.ClientDataJSON = a.ClientDataJSON[:n]
		_, err := cut.Challenge()
		wantCheck(t, err, webauthn.CheckChallenge)
		_, err = webauthn.VerifyAssertion(&cut, c, assertionWant())
		wantCheck(t, err, webauthn.CheckEncoding)
	}
	r, err := webauthn.ParseRegistration(create(t, newKey("cut"), webauthn.ES256))
	if err != nil {
		t.Fatal(err)
	}
	for n := range r.AttestationObject {
		cut := *r
		cut.AttestationObject = r.AttestationObject[:n]
		_, err := webauthn.VerifyRegistration(&cut, registrationWant())
		wantCheck(t, err, webauthn.CheckEncoding)
	}
	t.Logf("proven: %d", len(a.AuthenticatorData)+len(a.Signature)+len(a.ClientDataJSON)+len(r.AttestationObject))
}

func parsedAssertion(t *testing.T, body []byte) *webauthn.AssertionResponse {
	t.Helper()
	a, err := webauthn.ParseAssertion(body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestEveryBitOfAnAssertionCounts(t *testing.T) {
	t.Parallel()
	for _, alg := range []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.RS256} {
		t.Run(alg.String(), func(t *testing.T) {
			t.Parallel()
			c, body := honest(t, alg)
			a := parsedAssertion(t, body)
			bits := 0
			for _, part := range []*[]byte{&a.Signature, &a.ClientDataJSON, &a.AuthenticatorData} {
				whole := *part
				for bit := range len(whole) * 8 {
					flipped := bytes.Clone(whole)
					flipped[bit/8] ^= 1 << (bit % 8)
					*part = flipped
					_, err := webauthn.VerifyAssertion(a, c, assertionWant())
					if check := checkOf(t, err); check == "" || part == &a.Signature && check != webauthn.CheckSignature {
						t.Errorf("bit %d: check %q", bit, check)
					}
				}
				*part = whole
				bits += len(whole) * 8
			}
			if _, err := webauthn.VerifyAssertion(a, c, assertionWant()); err != nil {
				t.Errorf("the whole assertion: %v", err)
			}
			t.Logf("proven: %d", bits)
		})
	}
}

func TestEveryMemberThatIsNeededIsMissed(t *testing.T) {
	t.Parallel()
	optional := map[string]bool{
		"clientExtensionResults": true, "authenticatorAttachment": true, "response.transports": true,
		"response.authenticatorData at registration": true,
	}
	c, assertion := honest(t, webauthn.ES256)
	fromAssertion := removals(t, assertion)
	for name, edit := range fromAssertion {
		_, err := finishAssertion(edit, c, assertionWant())
		switch {
		case name == "response.userHandle":
			wantCheck(t, err, webauthn.CheckUserHandle)
		case optional[name]:
			wantCheck(t, err, "")
		default:
			wantCheck(t, err, webauthn.CheckEncoding)
		}
	}
	fromRegistration := removals(t, create(t, newKey("missing"), webauthn.ES256))
	for name, edit := range fromRegistration {
		_, err := finishRegistration(edit, registrationWant())
		if optional[name] || optional[name+" at registration"] {
			wantCheck(t, err, "")
		} else {
			wantCheck(t, err, webauthn.CheckEncoding)
		}
	}
	t.Logf("proven: %d", len(fromAssertion)+len(fromRegistration))
}

// removals returns the body once without each of its members.
func removals(t *testing.T, body []byte) map[string][]byte {
	t.Helper()
	var top map[string]any
	if err := json.Unmarshal(body, &top); err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for name := range top {
		all[name] = []byte(atTop(name, absent{})(string(body)))
	}
	for name := range top["response"].(map[string]any) {
		all["response."+name] = []byte(inResponse(name, absent{})(string(body)))
	}
	return all
}

package webauthn_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	strict "github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/mldsa"
)

type realResponse struct {
	ID         string          `json:"id"`
	Kind       string          `json:"kind"`
	RPIDs      []string        `json:"rpId"`
	Origins    []string        `json:"origins"`
	Challenge  string          `json:"challenge"`
	RequireUV  bool            `json:"requireUV"`
	Response   json.RawMessage `json:"response"`
	Credential *struct {
		ID        string `json:"id"`
		PublicKey string `json:"publicKey"`
		Counter   uint32 `json:"counter"`
	} `json:"credential"`
	Judged struct {
		Verdict string `json:"verdict"`
		Why     string `json:"why"`
	} `json:"judged"`
}

// realRefusals says why each response that has to be refused is.
var realRefusals = map[string]webauthn.Check{
	"simplewebauthn-001": webauthn.CheckEncoding, // edited by hand: an ID that is not base64url, nor the authenticator's
	"simplewebauthn-002": webauthn.CheckEncoding,
	"simplewebauthn-005": webauthn.CheckChallenge,
	"simplewebauthn-006": webauthn.CheckOrigin,
	"simplewebauthn-012": webauthn.CheckRPIDHash,
	"simplewebauthn-020": webauthn.CheckChallenge,
	"simplewebauthn-021": webauthn.CheckOrigin,
	"simplewebauthn-024": webauthn.CheckKey, // the record holds no key
	"simplewebauthn-026": webauthn.CheckOrigin,
	"simplewebauthn-028": webauthn.CheckRPIDHash,
	"simplewebauthn-029": webauthn.CheckEncoding, // padded base64
	"py_webauthn-047":    webauthn.CheckSignature,
	"py_webauthn-048":    webauthn.CheckUserVerified,
	"py_webauthn-058":    webauthn.CheckEncoding, // CBOR
	"fido2-net-lib-151":  webauthn.CheckEncoding, // no type
	"fido2-net-lib-161":  webauthn.CheckCredentialID,

	// Judged acceptable where the algorithm is implemented, which RSA with SHA-1
	// is not here.
	"simplewebauthn-008": webauthn.CheckAlgorithm,
	"simplewebauthn-031": webauthn.CheckAlgorithm,
	"fido2-net-lib-156":  webauthn.CheckAlgorithm,
}

// realTrusted are refused only by a verifier of their attestation format, in
// whose place this test trusts everything, and accepted otherwise.
var realTrusted = map[string]bool{
	"simplewebauthn-017": true, // SafetyNet
	"simplewebauthn-018": true,
	"simplewebauthn-037": true, // AAGUID in the certificate
	"simplewebauthn-044": true,
	"py_webauthn-056":    true, // root
}

// realRegressed is judged to be refused for its counter, which this package
// reports instead.
const realRegressed = "simplewebauthn-022"

func TestRealResponses(t *testing.T) {
	t.Parallel()
	var data struct {
		Cases []realResponse `json:"cases"`
	}
	if err := json.Unmarshal(dataFile(t, "vectors/real-responses.json"), &data); err != nil {
		t.Fatal(err)
	}
	if len(data.Cases) != 90 {
		t.Fatalf("%d responses, want 90", len(data.Cases))
	}
	t.Logf("proven: %d", len(data.Cases))
	for _, c := range data.Cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			want, refused := realRefusals[c.ID]
			if accept := c.Judged.Verdict == "accept"; accept == refused && want != webauthn.CheckAlgorithm && !realTrusted[c.ID] && c.ID != realRegressed {
				t.Fatalf("judged %s (%s), and this test expects %q", c.Judged.Verdict, c.Judged.Why, want)
			}
			wantCheck(t, c.verify(t), want)
		})
	}
}

// verify returns the error under the RP ID that fits best.
func (c *realResponse) verify(t *testing.T) (err error) {
	for _, id := range c.RPIDs {
		party := webauthn.RelyingParty{ID: id, Origins: c.Origins}
		if c.Kind == "registration" {
			err = c.register(t, party)
		} else {
			err = c.signIn(t, party)
		}
		if err == nil {
			return nil
		}
	}
	return err
}

func (c *realResponse) userVerification() webauthn.UserVerification {
	if c.RequireUV {
		return webauthn.UserVerificationRequired
	}
	return webauthn.UserVerificationPreferred
}

func (c *realResponse) register(t *testing.T, party webauthn.RelyingParty) error {
	_, err := finishRegistration(c.Response, webauthn.RegistrationWant{
		RelyingParty: party, Challenge: unbase64(t, c.Challenge), UserVerification: c.userVerification(),
		Algorithms: append([]webauthn.Algorithm{mldsa.MLDSA44, mldsa.MLDSA65, mldsa.MLDSA87}, every...),
		Verifiers:  mldsa.Verifiers(), Attestation: trusting{},
	})
	return err
}

func (c *realResponse) signIn(t *testing.T, party webauthn.RelyingParty) error {
	key := unbase64(t, c.Credential.PublicKey)
	record := &webauthn.Credential{ID: unbase64(t, c.Credential.ID), PublicKey: key, SignCount: c.Credential.Counter}
	if m, err := strict.Whole(key); err == nil {
		alg, _ := m.Label(3).Int()
		record.Algorithm = webauthn.Algorithm(alg)
	}
	// The data tells no owner: whoever the response names is taken for it.
	var handle []byte
	if a, err := webauthn.ParseAssertion(c.Response); err == nil {
		handle = a.UserHandle
	}
	result, err := finishAssertion(c.Response, record, webauthn.AssertionWant{
		RelyingParty: party, Challenge: unbase64(t, c.Challenge), UserVerification: c.userVerification(),
		UserID: handle, Identified: true, Verifiers: mldsa.Verifiers(),
	})
	if c.ID == realRegressed && (err != nil || !result.CounterRegressed) {
		t.Errorf("counter that stood still is not reported: %v", err)
	}
	return err
}

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

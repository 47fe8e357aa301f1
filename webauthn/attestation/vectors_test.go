package attestation_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type w3cVectors struct {
	RPID      string   `json:"rpId"`
	Origin    string   `json:"origin"`
	TopOrigin string   `json:"topOrigin"`
	CA        hexBytes `json:"attestation_ca_cert"`
	Vectors   []struct {
		Name         string   `json:"name"`
		CredentialID hexBytes `json:"credential_id"`
		Registration struct {
			Challenge         hexBytes `json:"challenge"`
			ClientDataJSON    hexBytes `json:"clientDataJSON"`
			AttestationObject hexBytes `json:"attestationObject"`
		} `json:"registration"`
	} `json:"vectors"`
}

// w3cTypes says what each vector attests; those that are not listed attest
// nothing.
var w3cTypes = map[string]string{
	"packed-self-es256": "Self",
	"packed-es256":      attestation.TypeBasicOrAttCA,
	"packed-es384":      attestation.TypeBasicOrAttCA,
	"packed-es512":      attestation.TypeBasicOrAttCA,
	"packed-rs256":      attestation.TypeBasicOrAttCA,
	"packed-eddsa":      attestation.TypeBasicOrAttCA,
	"tpm-es256":         attestation.TypeAttCA,
	"android-key-es256": attestation.TypeBasic,
	"apple-es256":       attestation.TypeAnonCA,
	"fido-u2f-es256":    attestation.TypeBasicOrAttCA,
}

// w3cSettings are what three vectors need beside their root: they are made for
// the specification and not by devices. Without it each is refused at a step.
var w3cSettings = map[string]struct {
	at     string
	permit func(*attestation.Verifier)
}{
	"tpm-es256":         {"8.3.1 subject alternative name", func(v *attestation.Verifier) { v.TPMVendors = []string{"id:00000000"} }},
	"android-key-es256": {"8.4 key description origin", func(v *attestation.Verifier) { v.InsecureAndroidUntold = true }},
	"fido-u2f-es256":    {"8.6 aaguid", func(v *attestation.Verifier) { v.InsecureU2FAAGUID = true }},
}

func TestW3CVectors(t *testing.T) {
	t.Parallel()
	var data w3cVectors
	if err := json.Unmarshal(dataFile(t, "vectors/w3c-level3.json"), &data); err != nil {
		t.Fatal(err)
	}
	if len(data.Vectors) != 15 {
		t.Fatalf("%d vectors, want 15", len(data.Vectors))
	}
	root, err := x509.ParseCertificate(data.CA)
	if err != nil {
		t.Fatal(err)
	}
	for _, vector := range data.Vectors {
		t.Run(vector.Name, func(t *testing.T) {
			t.Parallel()
			kind := w3cTypes[vector.Name]
			v := &attestation.Verifier{
				Anchors: []attestation.Anchor{{Certificate: root}}, Clock: clock,
				Policy: attestation.Policy{Unattested: kind == "" || kind == "Self"},
			}
			verify := func() (*webauthn.Registration, error) {
				return webauthn.VerifyRegistration(&webauthn.RegistrationResponse{
					ID: vector.CredentialID, ClientDataJSON: vector.Registration.ClientDataJSON, AttestationObject: vector.Registration.AttestationObject,
				}, webauthn.RegistrationWant{
					RelyingParty: webauthn.RelyingParty{ID: data.RPID, Origins: []string{data.Origin}, CrossOrigin: true, TopOrigins: []string{data.TopOrigin}},
					Challenge:    vector.Registration.Challenge, Algorithms: every, Attestation: v,
				})
			}
			if s, special := w3cSettings[vector.Name]; special {
				_, err := verify()
				wantRefusal(t, err, bad, s.at)
				s.permit(v)
			}
			result, err := verify()
			if vector.Name == "packed-ed448" {
				wantRefusal(t, err, webauthn.CheckAlgorithm, "7.1.20")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if kind == "" {
				kind = "None"
			}
			if result.AttestationType != kind {
				t.Errorf("type %q, want %q", result.AttestationType, kind)
			}
			// It is the root that makes the difference.
			if v.Anchors = nil; !v.Policy.Unattested {
				_, err := verify()
				wantRefusal(t, err, noTrust, "chain")
			}
		})
	}
}

type realResponse struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind"`
	RPIDs     []string        `json:"rpId"`
	Origins   []string        `json:"origins"`
	Challenge string          `json:"challenge"`
	RequireUV bool            `json:"requireUV"`
	Response  json.RawMessage `json:"response"`
	ValidAt   *time.Time      `json:"validAt"`
	Judged    struct {
		Verdict string `json:"verdict"`
	} `json:"judged"`
}

// realRefusals are the registrations that are refused, with the check; those
// of package webauthn are the same without a verifier.
var realRefusals = map[string]webauthn.Check{
	"simplewebauthn-001": webauthn.CheckEncoding,
	"simplewebauthn-002": webauthn.CheckEncoding,
	"simplewebauthn-005": webauthn.CheckChallenge,
	"simplewebauthn-006": webauthn.CheckOrigin,
	"simplewebauthn-012": webauthn.CheckRPIDHash,
	"simplewebauthn-017": bad,     // SafetyNet
	"simplewebauthn-018": bad,     // SafetyNet; judged to be a matter of policy, and ours is that it is retired
	"simplewebauthn-037": bad,     // AAGUID in the certificate
	"simplewebauthn-044": bad,     // AAGUID in the certificate
	"py_webauthn-056":    noTrust, // its test gives another root; judged to be a matter of policy
	"py_webauthn-058":    webauthn.CheckEncoding,
	"fido2-net-lib-151":  webauthn.CheckEncoding,
	"fido2-net-lib-161":  webauthn.CheckCredentialID,
}

// realDiffering are judged acceptable, and refused here.
var realDiffering = map[string]string{
	"simplewebauthn-008": "the credential's own algorithm is RSA with SHA-1, which is for attestation keys of TPMs only",
	"simplewebauthn-031": "the credential's own algorithm is RSA with SHA-1",
	"fido2-net-lib-156":  "the credential's own algorithm is RSA with SHA-1",
	"py_webauthn-059":    "ML-DSA, which the caller has to link in",
	"py_webauthn-060":    "ML-DSA",
	"py_webauthn-061":    "ML-DSA",
}

// fakeVendor is the manufacturer that the FIDO conformance tools tell.
const fakeVendor = "id:FFFFF1D0"

func TestRealResponses(t *testing.T) {
	t.Parallel()
	var data struct {
		Cases []realResponse `json:"cases"`
	}
	if err := json.Unmarshal(dataFile(t, "vectors/real-responses.json"), &data); err != nil {
		t.Fatal(err)
	}
	registrations := 0
	for _, c := range data.Cases {
		if c.Kind != "registration" { // the others are proven in package webauthn
			continue
		}
		registrations++
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			check := realRefusals[c.ID]
			if realDiffering[c.ID] != "" {
				check = webauthn.CheckAlgorithm
			} else if accept := c.Judged.Verdict == "accept"; accept != (check == "") {
				t.Fatalf("judged %s, and this test expects %q", c.Judged.Verdict, check)
			}
			// Trust is not what is judged: what the response brings last is the
			// anchor, but where its test gives another root.
			v := &attestation.Verifier{Policy: attestation.Policy{Unattested: true}, TPMVendors: append(attestation.DefaultTPMVendors(), fakeVendor), Clock: clock}
			if c.ValidAt != nil {
				v.Clock = func() time.Time { return *c.ValidAt }
			}
			var probe prober
			c.register(t, &probe)
			if check != noTrust {
				v.Anchors = probe.anchors
			}
			var e *webauthn.Error
			err := c.register(t, v)
			if errors.As(err, &e) != (check != "") || e != nil && e.Check != check {
				t.Errorf("check %q wanted: %v", check, err)
			}
			// And with the anchor somewhere else it is not trusted.
			if v.Anchors = nil; err == nil && probe.anchors != nil {
				wantRefusal(t, c.register(t, v), noTrust, "chain")
			}
		})
	}
	if registrations != 70 {
		t.Errorf("%d registrations, want 70", registrations)
	}
}

func (c *realResponse) register(t *testing.T, v webauthn.AttestationVerifier) (err error) {
	t.Helper()
	challenge, err := base64.RawURLEncoding.DecodeString(c.Challenge)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range c.RPIDs {
		r, parseErr := webauthn.ParseRegistration(c.Response)
		if parseErr != nil {
			return parseErr
		}
		want := webauthn.RegistrationWant{
			RelyingParty: webauthn.RelyingParty{ID: id, Origins: c.Origins}, Challenge: challenge, Algorithms: every, Attestation: v,
		}
		if c.RequireUV {
			want.UserVerification = webauthn.UserVerificationRequired
		}
		if _, err = webauthn.VerifyRegistration(r, want); err == nil {
			return nil
		}
	}
	return err
}

// prober takes the last readable certificate of a statement for an anchor.
type prober struct{ anchors []attestation.Anchor }

func (p *prober) VerifyAttestation(s *webauthn.AttestationStatement) (string, error) {
	for _, der := range certificatesIn(s) {
		if c, err := x509.ParseCertificate(der); err == nil {
			p.anchors = []attestation.Anchor{{Certificate: c}}
		}
	}
	return "probed", nil
}

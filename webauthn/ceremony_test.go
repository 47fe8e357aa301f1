package webauthn_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

const (
	rpID   = "example.com"
	origin = "https://example.com"
)

var (
	challenge  = []byte("0123456789abcdef0123456789abcdef")
	userHandle = []byte("user-handle-of-32-bytes-01234567")
	parties    = webauthn.RelyingParty{ID: rpID, Origins: []string{origin}}
	every      = []webauthn.Algorithm{
		webauthn.ES256, webauthn.EdDSA, webauthn.ES384, webauthn.ES512,
		webauthn.RS256, webauthn.RS384, webauthn.RS512, webauthn.PS256, webauthn.PS384, webauthn.PS512,
	}
)

// newKey returns an authenticator whose every output depends on seed alone.
func newKey(seed string) *webauthntest.Authenticator {
	var s [32]byte
	copy(s[:], seed)
	a := webauthntest.New(origin)
	a.Rand = rand.NewChaCha8(s)
	return a
}

func creationOptions(t testing.TB, algorithms ...webauthn.Algorithm) []byte {
	t.Helper()
	return marshal(t, webauthn.CreationOptions{
		RP:         webauthn.RPEntity{ID: rpID, Name: "Example"},
		User:       webauthn.UserEntity{ID: userHandle, Name: "ann@example.com", DisplayName: "Ann"},
		Challenge:  challenge,
		Algorithms: algorithms,
		Extensions: map[string]any{"credProps": true},
	})
}

func requestOptions(t testing.TB) []byte {
	t.Helper()
	return marshal(t, webauthn.RequestOptions{RPID: rpID, Challenge: challenge})
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// create lets the authenticator answer creation options of ours.
func create(t testing.TB, a *webauthntest.Authenticator, algorithms ...webauthn.Algorithm) []byte {
	t.Helper()
	body, err := a.Create(creationOptions(t, algorithms...))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// get lets the authenticator answer request options of ours.
func get(t testing.TB, a *webauthntest.Authenticator) []byte {
	t.Helper()
	body, err := a.Get(requestOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func registrationWant() webauthn.RegistrationWant {
	return webauthn.RegistrationWant{RelyingParty: parties, Challenge: challenge, Algorithms: every}
}

func assertionWant() webauthn.AssertionWant {
	return webauthn.AssertionWant{RelyingParty: parties, Challenge: challenge, UserID: userHandle}
}

// finishRegistration does what a server does with a body: all three calls.
func finishRegistration(body []byte, want webauthn.RegistrationWant) (*webauthn.Registration, error) {
	r, err := webauthn.ParseRegistration(body)
	if err != nil {
		return nil, err
	}
	if _, err := r.Challenge(); err != nil {
		return nil, err
	}
	return webauthn.VerifyRegistration(r, want)
}

func finishAssertion(body []byte, c *webauthn.Credential, want webauthn.AssertionWant) (*webauthn.Assertion, error) {
	a, err := webauthn.ParseAssertion(body)
	if err != nil {
		return nil, err
	}
	if _, err := a.Challenge(); err != nil {
		return nil, err
	}
	return webauthn.VerifyAssertion(a, c, want)
}

// registered returns the record of a credential that a has just made.
func registered(t testing.TB, a *webauthntest.Authenticator, algorithms ...webauthn.Algorithm) *webauthn.Credential {
	t.Helper()
	result, err := finishRegistration(create(t, a, algorithms...), registrationWant())
	if err != nil {
		t.Fatal(err)
	}
	return &result.Credential
}

// checkOf returns the check that an error names; empty for no error.
func checkOf(t testing.TB, err error) webauthn.Check {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *webauthn.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is a %T and not an *Error: %v", err, err)
	}
	if e.Step == "" {
		t.Errorf("error names no step: %v", err)
	}
	return e.Check
}

func stepOf(err error) string {
	var e *webauthn.Error
	if errors.As(err, &e) {
		return e.Step
	}
	return ""
}

func wantCheck(t testing.TB, err error, want webauthn.Check) {
	t.Helper()
	if got := checkOf(t, err); got != want {
		t.Errorf("check = %q, want %q (error: %v)", got, want, err)
	}
}

func TestEveryAlgorithmRegistersAndSignsIn(t *testing.T) {
	t.Parallel()
	for _, alg := range every {
		for _, attestation := range []webauthntest.Attestation{webauthntest.AttestationNone, webauthntest.AttestationPackedSelf} {
			t.Run(alg.String()+" with attestation "+string(attestation), func(t *testing.T) {
				t.Parallel()
				key := webauthntest.New(origin)
				key.Attestation = attestation
				result, err := finishRegistration(create(t, key, alg), registrationWant())
				if err != nil {
					t.Fatal(err)
				}
				c := &result.Credential
				if c.Algorithm != alg || !result.UserVerified || !result.UserPresent || !c.UVInitialized || !c.BackupEligible || !c.BackupState {
					t.Errorf("record does not say what the authenticator did: %+v", c)
				}
				if result.Discoverable == nil || !*result.Discoverable || result.Attachment != webauthn.AttachmentPlatform {
					t.Errorf("discoverable = %v, attachment = %q", result.Discoverable, result.Attachment)
				}
				if kept := c.AttestationObject != nil && c.AttestationClientDataJSON != nil; kept != (attestation != "") {
					t.Errorf("statement kept: %v, for attestation %q", kept, attestation)
				}
				a, err := finishAssertion(get(t, key), c, assertionWant())
				if err != nil {
					t.Fatal(err)
				}
				if !a.UserVerified || !a.UserVerificationReliable || a.CounterRegressed || a.BackupEligibleChanged || !a.BackupState || a.Origin != origin {
					t.Errorf("assertion = %+v", a)
				}
			})
		}
	}
}

package attestation_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation"
	"github.com/mapae/mapae/webauthntest"
)

const origin = "https://example.com"

var (
	challenge = []byte("0123456789abcdef0123456789abcdef")
	party     = webauthn.RelyingParty{ID: "example.com", Origins: []string{origin}}
	every     = []webauthn.Algorithm{
		webauthn.ES256, webauthn.EdDSA, webauthn.ES384, webauthn.ES512,
		webauthn.RS256, webauthn.RS384, webauthn.RS512, webauthn.PS256, webauthn.PS384, webauthn.PS512,
	}
	today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

func clock() time.Time { return today }

// theCA is the one that newVerifier trusts, and otherCA one that it does not.
var (
	theCA   = sync.OnceValue(func() *webauthntest.CA { return mustCA("ours") })
	otherCA = sync.OnceValue(func() *webauthntest.CA { return mustCA("another") })
)

func mustCA(seed string) *webauthntest.CA {
	ca, err := webauthntest.NewCA(seed)
	if err != nil {
		panic(err)
	}
	return ca
}

// newKey returns an authenticator of the CA that attests in a format; what it
// answers depends on the format alone.
func newKey(kind webauthntest.Attestation) *webauthntest.Authenticator {
	var seed [32]byte
	copy(seed[:], kind)
	a := webauthntest.NewPlatformBound(origin)
	a.Rand = rand.NewChaCha8(seed)
	a.Attestation, a.CA = kind, theCA()
	if kind == webauthntest.AttestationFIDOU2F {
		a.AAGUID = [16]byte{}
	}
	return a
}

// newVerifier trusts theCA, and a TPM of the test's manufacturer.
func newVerifier() *attestation.Verifier {
	return &attestation.Verifier{
		Anchors:    []attestation.Anchor{{Certificate: theCA().Root}},
		TPMVendors: []string{webauthntest.TPMManufacturer},
		Clock:      clock,
	}
}

// register lets the authenticator answer, and verifies the answer.
func register(t testing.TB, a *webauthntest.Authenticator, v webauthn.AttestationVerifier, algorithms ...webauthn.Algorithm) (*webauthn.Registration, error) {
	t.Helper()
	if algorithms == nil {
		algorithms = []webauthn.Algorithm{webauthn.ES256}
	}
	options, err := json.Marshal(webauthn.CreationOptions{
		RP: webauthn.RPEntity{ID: party.ID, Name: "Example"}, User: webauthn.UserEntity{ID: []byte("user"), Name: "ann"},
		Challenge: challenge, Algorithms: algorithms, Attestation: webauthn.ConveyanceDirect,
	})
	if err != nil {
		t.Fatal(err)
	}
	body, err := a.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	return finish(body, v)
}

func finish(body []byte, v webauthn.AttestationVerifier) (*webauthn.Registration, error) {
	r, err := webauthn.ParseRegistration(body)
	if err != nil {
		return nil, err
	}
	return webauthn.VerifyRegistration(r, webauthn.RegistrationWant{
		RelyingParty: party, Challenge: challenge, Algorithms: every, Attestation: v,
	})
}

// statement returns what the verifier is given for an answer of the authenticator.
func statement(t testing.TB, a *webauthntest.Authenticator) *webauthn.AttestationStatement {
	t.Helper()
	var kept keeper
	if _, err := register(t, a, &kept); err != nil {
		t.Fatal(err)
	}
	return kept.statement
}

// keeper keeps the statement that it is to verify.
type keeper struct {
	statement *webauthn.AttestationStatement
}

func (k *keeper) VerifyAttestation(s *webauthn.AttestationStatement) (string, error) {
	k.statement = s
	return "kept", nil
}

// wantRefusal demands a refusal for a check at a step (a part of it), or with a
// reason; no check demands success.
func wantRefusal(t testing.TB, err error, check webauthn.Check, at string) {
	t.Helper()
	if check == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	var e *webauthn.Error
	if !errors.As(err, &e) {
		t.Errorf("error is %v, want check %q at %q", err, check, at)
		return
	}
	var reason attestation.Reason
	place := e.Step
	if errors.As(err, &reason) {
		place = string(reason)
	}
	if e.Check != check || place != at {
		t.Errorf("refused by %q at %q, want %q at %q: %v", e.Check, place, check, at, err)
	}
}

func TestEveryFormatIsVerifiedWithEveryAlgorithmItHas(t *testing.T) {
	t.Parallel()
	types := map[webauthntest.Attestation]string{
		webauthntest.AttestationPacked:     attestation.TypeBasicOrAttCA,
		webauthntest.AttestationTPM:        attestation.TypeAttCA,
		webauthntest.AttestationAndroidKey: attestation.TypeBasic,
		webauthntest.AttestationFIDOU2F:    attestation.TypeBasicOrAttCA,
		webauthntest.AttestationApple:      attestation.TypeAnonCA,
		webauthntest.AttestationCompound:   attestation.TypeBasicOrAttCA + ", Self",
		webauthntest.AttestationNone:       "None",
		webauthntest.AttestationPackedSelf: "Self",
	}
	// RS256 stands for the six algorithms of RSA.
	algorithms := []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.ES384, webauthn.ES512, webauthn.RS256}
	for _, kind := range webauthntest.AllAttestations() {
		for _, alg := range algorithms {
			if kind == webauthntest.AttestationFIDOU2F && alg != webauthn.ES256 || kind == webauthntest.AttestationTPM && alg == webauthn.EdDSA {
				continue
			}
			t.Run(string(kind)+" "+alg.String(), func(t *testing.T) {
				t.Parallel()
				v := newVerifier()
				v.Policy.Unattested = true
				key := newKey(kind)
				if alg == webauthn.RS256 {
					key.Reuse = rsaKey()
				}
				r, err := register(t, key, v, alg)
				if err != nil {
					t.Fatal(err)
				}
				if r.AttestationType != types[kind] {
					t.Errorf("type is %q, want %q", r.AttestationType, types[kind])
				}
			})
		}
	}
}

func TestAPathLeadsFromTheCertificateToTheAnchor(t *testing.T) {
	t.Parallel()
	r, err := newVerifier().Verify(statement(t, newKey(webauthntest.AttestationPacked)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Path) != 3 || !r.Path[1].Equal(theCA().Intermediate) || !r.Path[2].Equal(theCA().Root) {
		t.Errorf("path of %d certificates, want leaf, intermediate, root", len(r.Path))
	}
	if r.Format != "packed" || r.Serial != nil || r.Entry != nil || r.Parts != nil {
		t.Errorf("result is %+v", r)
	}
}

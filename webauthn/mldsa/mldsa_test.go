package mldsa_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	fips204 "filippo.io/mldsa"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/mldsa"
)

var (
	challenge = []byte("0123456789abcdef0123456789abcdef")
	handle    = []byte("user-handle")
	party     = webauthn.RelyingParty{ID: "example.com", Origins: []string{"https://example.com"}}
	sets      = map[webauthn.Algorithm]fips204.Parameters{
		mldsa.MLDSA44: fips204.MLDSA44(), mldsa.MLDSA65: fips204.MLDSA65(), mldsa.MLDSA87: fips204.MLDSA87(),
	}
)

// device is an authenticator with one ML-DSA key.
type device struct {
	algorithm webauthn.Algorithm
	key       *fips204.PrivateKey
	cose      func(public []byte) []any // what its COSE_Key says; nil: the truth
}

func newDevice(t *testing.T, a webauthn.Algorithm) *device {
	t.Helper()
	key, err := fips204.NewPrivateKey(sets[a], bytes.Repeat([]byte{7}, fips204.PrivateKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return &device{algorithm: a, key: key}
}

func (d *device) sign(t *testing.T, authData, clientData []byte) []byte {
	t.Helper()
	hash := sha256.Sum256(clientData)
	sig, err := d.key.Sign(nil, append(bytes.Clone(authData), hash[:]...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func clientData(kind string) []byte {
	return fmt.Appendf(nil, `{"type":%q,"challenge":%q,"origin":%q}`, kind, base64.RawURLEncoding.EncodeToString(challenge), party.Origins[0])
}

func authData(flags byte, rest []byte) []byte {
	hash := sha256.Sum256([]byte(party.ID))
	return append(append(hash[:], flags, 0, 0, 0, 0), rest...)
}

// text encodes a CBOR text shorter than 24 bytes.
func text(s string) []byte { return append([]byte{0x60 | byte(len(s))}, s...) }

// register answers with packed self attestation.
func (d *device) register(t *testing.T) *webauthn.RegistrationResponse {
	t.Helper()
	public := d.key.PublicKey().Bytes()
	cose := []any{1, 7, 3, int64(d.algorithm), -1, public}
	if d.cose != nil {
		cose = d.cose(public)
	}
	id := []byte("credential")
	attested := binary.BigEndian.AppendUint16(make([]byte, 16), uint16(len(id)))
	auth := authData(0x5d, append(append(attested, id...), cbor.EncodeMap(cose)...))
	client := clientData("webauthn.create")
	sig := d.sign(t, auth, client)
	whole := func(b []byte) []byte { return cbor.EncodeMap([]any{0, b})[2:] } // a byte string
	object := append([]byte{0xa3}, append(text("fmt"), text("packed")...)...)
	object = append(append(append(object, text("attStmt")...), 0xa2), text("alg")...)
	object = append(object, cbor.EncodeMap([]any{0, int64(d.algorithm)})[2:]...)
	object = append(append(object, text("sig")...), whole(sig)...)
	object = append(append(object, text("authData")...), whole(auth)...)
	return &webauthn.RegistrationResponse{ID: id, ClientDataJSON: client, AttestationObject: object}
}

func (d *device) signIn(t *testing.T) *webauthn.AssertionResponse {
	t.Helper()
	auth, client := authData(0x1d, nil), clientData("webauthn.get")
	return &webauthn.AssertionResponse{ID: []byte("credential"), UserHandle: handle, ClientDataJSON: client,
		AuthenticatorData: auth, Signature: d.sign(t, auth, client)}
}

func wantRegistration(a webauthn.Algorithm) webauthn.RegistrationWant {
	return webauthn.RegistrationWant{RelyingParty: party, Challenge: challenge, Algorithms: []webauthn.Algorithm{a}, Verifiers: mldsa.Verifiers()}
}

func wantAssertion() webauthn.AssertionWant {
	return webauthn.AssertionWant{RelyingParty: party, Challenge: challenge, UserID: handle, Verifiers: mldsa.Verifiers()}
}

func checkOf(err error) webauthn.Check {
	var e *webauthn.Error
	errors.As(err, &e)
	if e == nil {
		return ""
	}
	return e.Check
}

func TestEachParameterSetRegistersAndSignsIn(t *testing.T) {
	t.Parallel()
	for a := range sets {
		t.Run(a.String(), func(t *testing.T) {
			t.Parallel()
			d := newDevice(t, a)
			made, err := webauthn.VerifyRegistration(d.register(t), wantRegistration(a))
			if err != nil {
				t.Fatal(err)
			}
			if made.AttestationType != webauthn.AttestationTypeSelf || made.Credential.Algorithm != a {
				t.Errorf("attestation %q, algorithm %v", made.AttestationType, made.Credential.Algorithm)
			}
			response := d.signIn(t)
			if _, err := webauthn.VerifyAssertion(response, &made.Credential, wantAssertion()); err != nil {
				t.Fatal(err)
			}
			for _, i := range []int{0, len(response.Signature) / 2, len(response.Signature) - 1} {
				forged := *response
				forged.Signature = bytes.Clone(response.Signature)
				forged.Signature[i] ^= 1
				_, err := webauthn.VerifyAssertion(&forged, &made.Credential, wantAssertion())
				if checkOf(err) != webauthn.CheckSignature {
					t.Errorf("signature with byte %d changed: %v", i, err)
				}
			}
			cut := *response
			cut.Signature = response.Signature[1:]
			if _, err := webauthn.VerifyAssertion(&cut, &made.Credential, wantAssertion()); checkOf(err) != webauthn.CheckSignature {
				t.Errorf("signature cut: %v", err)
			}
		})
	}
}

func TestASignatureWithAContextIsRefused(t *testing.T) {
	t.Parallel()
	d := newDevice(t, mldsa.MLDSA44)
	made, err := webauthn.VerifyRegistration(d.register(t), wantRegistration(mldsa.MLDSA44))
	if err != nil {
		t.Fatal(err)
	}
	response := d.signIn(t)
	hash := sha256.Sum256(response.ClientDataJSON)
	response.Signature, err = d.key.Sign(nil, append(bytes.Clone(response.AuthenticatorData), hash[:]...), &fips204.Options{Context: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := webauthn.VerifyAssertion(response, &made.Credential, wantAssertion()); checkOf(err) != webauthn.CheckSignature {
		t.Errorf("error is %v", err)
	}
}

func TestKeysThatCouldNotSignInAreRefusedAtRegistration(t *testing.T) {
	t.Parallel()
	const a = mldsa.MLDSA44
	for name, c := range map[string]struct {
		cose func(public []byte) []any
		want webauthn.Check
	}{
		"the truth":                     {func(p []byte) []any { return []any{1, 7, 3, -48, -1, p} }, ""},
		"an unknown label":              {func(p []byte) []any { return []any{1, 7, 3, -48, -1, p, -9, 1} }, ""},
		"key type EC2":                  {func(p []byte) []any { return []any{1, 2, 3, -48, -1, p} }, webauthn.CheckKey},
		"no key type":                   {func(p []byte) []any { return []any{3, -48, -1, p} }, webauthn.CheckKey},
		"no public key":                 {func([]byte) []any { return []any{1, 7, 3, -48} }, webauthn.CheckKey},
		"an integer as public key":      {func([]byte) []any { return []any{1, 7, 3, -48, -1, 5} }, webauthn.CheckKey},
		"an empty public key":           {func([]byte) []any { return []any{1, 7, 3, -48, -1, []byte{}} }, webauthn.CheckKey},
		"one byte too few":              {func(p []byte) []any { return []any{1, 7, 3, -48, -1, p[1:]} }, webauthn.CheckKey},
		"one byte too many":             {func(p []byte) []any { return []any{1, 7, 3, -48, -1, append(p, 0)} }, webauthn.CheckKey},
		"a private part":                {func(p []byte) []any { return []any{1, 7, 3, -48, -1, p, -2, make([]byte, 32)} }, webauthn.CheckKey},
		"an algorithm not offered":      {func(p []byte) []any { return []any{1, 7, 3, -49, -1, p} }, webauthn.CheckAlgorithm},
		"an algorithm that nobody does": {func(p []byte) []any { return []any{1, 7, 3, -51, -1, p} }, webauthn.CheckAlgorithm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDevice(t, a)
			d.cose = c.cose
			_, err := webauthn.VerifyRegistration(d.register(t), wantRegistration(a))
			if got := checkOf(err); got != c.want {
				t.Errorf("check %q, want %q (%v)", got, c.want, err)
			}
		})
	}
}

func TestWithoutThePlugInTheAlgorithmIsUnknown(t *testing.T) {
	t.Parallel()
	d := newDevice(t, mldsa.MLDSA44)
	want := wantRegistration(mldsa.MLDSA44)
	want.Verifiers = nil
	if _, err := webauthn.VerifyRegistration(d.register(t), want); checkOf(err) != webauthn.CheckAlgorithm {
		t.Errorf("registration: %v", err)
	}
	made, err := webauthn.VerifyRegistration(d.register(t), wantRegistration(mldsa.MLDSA44))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := webauthn.VerifyAssertion(d.signIn(t), &made.Credential, webauthn.AssertionWant{RelyingParty: party, Challenge: challenge, UserID: handle}); checkOf(err) != webauthn.CheckAlgorithm {
		t.Errorf("assertion: %v", err)
	}
	options := webauthn.CreationOptions{User: webauthn.UserEntity{ID: handle}, Challenge: challenge, Algorithms: []webauthn.Algorithm{mldsa.MLDSA44}}
	if body, err := json.Marshal(options); err == nil {
		t.Errorf("options that nobody could verify marshal as %s", body)
	}
	options.Verifiers = mldsa.Verifiers()
	if body, err := json.Marshal(options); err != nil || !bytes.Contains(body, []byte(`{"type":"public-key","alg":-48}`)) {
		t.Errorf("options: %s, %v", body, err)
	}
}

// es256 claims to verify an algorithm that the core verifies itself.
type es256 struct{}

func (es256) Algorithm() webauthn.Algorithm        { return webauthn.ES256 }
func (es256) JudgeKey([]byte) error                { return nil }
func (es256) Verify(_, _, _ []byte) (verdict bool) { return true }

func TestAPlugInCannotReplaceTheCore(t *testing.T) {
	t.Parallel()
	d := newDevice(t, mldsa.MLDSA44)
	d.cose = func(p []byte) []any { return []any{1, 7, 3, -7, -1, p} }
	want := wantRegistration(webauthn.ES256)
	want.Verifiers = []webauthn.AlgorithmVerifier{es256{}}
	if _, err := webauthn.VerifyRegistration(d.register(t), want); checkOf(err) != webauthn.CheckKey {
		t.Errorf("error is %v", err)
	}
}

func TestTheCoreLinksNoPlugIn(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "github.com/mapae/mapae", "github.com/mapae/mapae/web").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if strings.HasPrefix(path, "filippo.io/") || path == "github.com/mapae/mapae/webauthn/mldsa" {
			t.Errorf("%s is linked where nobody asked for it", path)
		}
	}
}

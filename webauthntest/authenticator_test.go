package webauthntest_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/mapae/mapae/webauthntest"
)

const origin = "https://login.example.com"

func creation(user string, algorithm webauthntest.Algorithm, exclude ...[]byte) []byte {
	return fmt.Appendf(nil, `{"rp":{"id":"example.com","name":"Example"},"user":{"id":%q,"name":"ann","displayName":""},
		"challenge":"Y2hhbGxlbmdl","pubKeyCredParams":[{"type":"other","alg":-7},{"type":"public-key","alg":-999},{"type":"public-key","alg":%d}],
		"excludeCredentials":%s,"extensions":{"credProps":true}}`, b64([]byte(user)), algorithm, descriptors(exclude))
}

func request(allow ...[]byte) []byte {
	return fmt.Appendf(nil, `{"rpId":"example.com","challenge":"Y2hhbGxlbmdl","allowCredentials":%s}`, descriptors(allow))
}

func descriptors(ids [][]byte) []byte {
	list := []map[string]string{}
	for _, id := range ids {
		list = append(list, map[string]string{"type": "public-key", "id": b64(id)})
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return b
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// answer is the part of both kinds of response that these tests look at.
type answer struct {
	ID       bytesOf `json:"rawId"`
	Response struct {
		ClientDataJSON    bytesOf `json:"clientDataJSON"`
		AuthenticatorData bytesOf `json:"authenticatorData"`
		AttestationObject bytesOf `json:"attestationObject"`
		Signature         bytesOf `json:"signature"`
		UserHandle        bytesOf `json:"userHandle"`
		Transports        []string
	} `json:"response"`
	Attachment string          `json:"authenticatorAttachment"`
	Extensions json.RawMessage `json:"clientExtensionResults"`
}

type bytesOf []byte

func (b *bytesOf) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.DecodeString(string(text))
	return err
}

func create(t *testing.T, a *webauthntest.Authenticator, options []byte) answer {
	t.Helper()
	return read(t, a.Create, options)
}

func get(t *testing.T, a *webauthntest.Authenticator, options []byte) answer {
	t.Helper()
	return read(t, a.Get, options)
}

func read(t *testing.T, call func([]byte) ([]byte, error), options []byte) (r answer) {
	t.Helper()
	body, err := call(options)
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantError(t *testing.T, err error, name string) {
	t.Helper()
	var e *webauthntest.Error
	if !errors.As(err, &e) || e.Name != name {
		t.Errorf("error = %v, want a %s", err, name)
	}
}

func TestASignatureOfEveryAlgorithmFits(t *testing.T) {
	t.Parallel()
	for _, alg := range webauthntest.AllAlgorithms() {
		t.Run(fmt.Sprint(alg), func(t *testing.T) {
			t.Parallel()
			a := webauthntest.New(origin)
			made := create(t, a, creation("ann", alg))
			got := get(t, a, request())
			if !bytes.Equal(got.ID, made.ID) || string(got.Response.UserHandle) != "ann" || string(made.Extensions) != `{"credProps":{"rk":true}}` {
				t.Errorf("made %+v, got %+v", made, got)
			}
			hash := sha256.Sum256(got.Response.ClientDataJSON)
			message := append(got.Response.AuthenticatorData, hash[:]...)
			if !fits(a.Credentials()[0], message, got.Response.Signature) {
				t.Error("signature does not fit")
			}
		})
	}
}

func fits(c *webauthntest.Credential, message, signature []byte) bool {
	hash := map[webauthntest.Algorithm]crypto.Hash{
		webauthntest.ES256: crypto.SHA256, webauthntest.ES384: crypto.SHA384, webauthntest.ES512: crypto.SHA512,
		webauthntest.RS256: crypto.SHA256, webauthntest.RS384: crypto.SHA384, webauthntest.RS512: crypto.SHA512,
		webauthntest.PS256: crypto.SHA256, webauthntest.PS384: crypto.SHA384, webauthntest.PS512: crypto.SHA512,
	}[c.Algorithm]
	if key, ok := c.Key.Public().(ed25519.PublicKey); ok {
		return ed25519.Verify(key, message, signature)
	}
	h := hash.New()
	h.Write(message)
	switch key := c.Key.Public().(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, h.Sum(nil), signature)
	case *rsa.PublicKey:
		if c.Algorithm <= webauthntest.PS256 && c.Algorithm >= webauthntest.PS512 {
			return rsa.VerifyPSS(key, hash, h.Sum(nil), signature, &rsa.PSSOptions{SaltLength: hash.Size()}) == nil
		}
		return rsa.VerifyPKCS1v15(key, hash, h.Sum(nil), signature) == nil
	}
	return false
}

func TestRefusalsAreThoseOfABrowser(t *testing.T) {
	t.Parallel()
	a := webauthntest.New(origin)
	_, err := a.Get(request())
	wantError(t, err, "NotAllowedError")
	id := create(t, a, creation("ann", webauthntest.ES256)).ID
	_, err = a.Create(creation("ann", webauthntest.ES256, []byte("other"), id))
	wantError(t, err, "InvalidStateError")
	_, err = a.Create(creation("ann", -1000))
	wantError(t, err, "NotSupportedError")
	_, err = a.Get(request([]byte("other")))
	wantError(t, err, "NotAllowedError")
	for _, options := range []string{"", "[]", `{"rp":{"id":"example.com"},"pubKeyCredParams":[{"type":"public-key","alg":-7}]}`, `{"excludeCredentials":[{"id":"!"}]}`} {
		_, err = a.Create([]byte(options))
		wantError(t, err, "TypeError")
	}
	_, err = a.Get([]byte("{"))
	wantError(t, err, "TypeError")
	_, err = a.Get([]byte(`{"rpId":"example.com","allowCredentials":[{"id":"!"}]}`))
	wantError(t, err, "TypeError")
	for _, other := range []string{"https://example.org", "https://notexample.com", "https://com"} {
		stranger := webauthntest.New(other)
		_, err = stranger.Create(creation("ann", webauthntest.ES256))
		wantError(t, err, "SecurityError")
		_, err = stranger.Get(request())
		wantError(t, err, "SecurityError")
	}
	_, err = webauthntest.New("android:apk-key-hash:AAAA").Get([]byte(`{}`))
	wantError(t, err, "SecurityError")
}

func TestWhichCredentialAnswers(t *testing.T) {
	t.Parallel()
	a := webauthntest.New(origin)
	first := create(t, a, creation("ann", webauthntest.ES256)).ID
	second := create(t, a, creation("bea", webauthntest.ES256)).ID
	a.Discoverable = false
	bound := create(t, a, creation("cem", webauthntest.ES256)).ID

	if got := get(t, a, request()).ID; !bytes.Equal(got, second) {
		t.Error("the newest discoverable credential does not answer")
	}
	if got := get(t, a, request(first, second)).ID; !bytes.Equal(got, second) {
		t.Error("the newest of the allowed does not answer")
	}
	if got := get(t, a, request(first)).ID; !bytes.Equal(got, first) {
		t.Error("the allowed credential does not answer")
	}
	got := get(t, a, request(bound, first))
	if !bytes.Equal(got.ID, bound) || got.Response.UserHandle != nil {
		t.Error("the credential that is not discoverable does not answer, or tells its user")
	}

	a.Discoverable = true
	again := create(t, a, creation("ann", webauthntest.ES256)).ID
	if len(a.Credentials()) != 3 {
		t.Errorf("%d credentials; a second one of one account takes the place of the first", len(a.Credentials()))
	}
	if !a.Forget(again) || a.Forget(again) {
		t.Error("a credential is not forgotten, or twice")
	}
}

func TestFlagsAndCounterAreAsSet(t *testing.T) {
	t.Parallel()
	a := webauthntest.NewSecurityKey(origin)
	a.Discoverable = true
	create(t, a, creation("ann", webauthntest.ES256))
	for _, want := range []uint32{2, 3} {
		d := get(t, a, request()).Response.AuthenticatorData
		if d[32] != webauthntest.FlagUP || binary.BigEndian.Uint32(d[33:]) != want {
			t.Errorf("flags %08b, counter %d; want UP and %d", d[32], binary.BigEndian.Uint32(d[33:]), want)
		}
	}
	clone := a.Clone()
	for _, who := range []*webauthntest.Authenticator{a, clone} {
		if d := get(t, who, request()).Response.AuthenticatorData; binary.BigEndian.Uint32(d[33:]) != 4 {
			t.Error("the clone does not count on from where it was copied")
		}
	}
	a.UserVerified, a.BackupEligible, a.BackupState = true, true, true
	a.Forge.Extensions = []byte{0xa0}
	d := get(t, a, request()).Response.AuthenticatorData
	if want := byte(0x01 | 0x04 | 0x08 | 0x10 | 0x80); d[32] != want || len(d) != 38 {
		t.Errorf("flags %08b, want %08b; %d bytes", d[32], want, len(d))
	}
}

func TestClientDataIsThatOfTheSpecification(t *testing.T) {
	t.Parallel()
	a := webauthntest.New(origin)
	create(t, a, creation("ann", webauthntest.ES256))
	for want, setup := range map[string]func(a *webauthntest.Authenticator){
		`{"type":"webauthn.get","challenge":"Y2hhbGxlbmdl","origin":"https://login.example.com","crossOrigin":false}`: func(*webauthntest.Authenticator) {},
		`{"type":"webauthn.get","challenge":"Y2hhbGxlbmdl","origin":"https://login.example.com","crossOrigin":true,"topOrigin":"https://top.example"}`: func(a *webauthntest.Authenticator) {
			a.CrossOrigin, a.TopOrigin = true, "https://top.example"
		},
		`{"type":"t","challenge":"c","origin":"o","crossOrigin":false,"x":[1]}`: func(a *webauthntest.Authenticator) {
			a.Forge = webauthntest.Forge{Type: "t", Challenge: "c", Origin: "o", Members: `"x":[1]`}
		},
	} {
		b := a.Clone()
		setup(b)
		if got := string(get(t, b, request()).Response.ClientDataJSON); got != want {
			t.Errorf("client data = %s, want %s", got, want)
		}
	}
}

func TestASeedMakesTheSameResponses(t *testing.T) {
	t.Parallel()
	for _, alg := range webauthntest.AllAlgorithms() {
		t.Run(fmt.Sprint(alg), func(t *testing.T) {
			t.Parallel()
			var all [2][]byte
			for i := range all {
				a := webauthntest.New(origin)
				a.Rand = rand.NewChaCha8([32]byte{1})
				a.Attestation = webauthntest.AttestationPackedSelf
				made, err := a.Create(creation("ann", alg))
				if err != nil {
					t.Fatal(err)
				}
				got, err := a.Get(request())
				if err != nil {
					t.Fatal(err)
				}
				all[i] = append(made, got...)
			}
			if !bytes.Equal(all[0], all[1]) {
				t.Error("two runs differ")
			}
		})
	}
}

func TestPrivateKeysCanBeTakenOut(t *testing.T) {
	t.Parallel()
	a := webauthntest.New(origin)
	for _, alg := range []webauthntest.Algorithm{webauthntest.ES256, webauthntest.EdDSA, webauthntest.RS256} {
		create(t, a, creation(fmt.Sprint(alg), alg))
	}
	for _, c := range a.Credentials() {
		der, err := c.PKCS8()
		if err != nil {
			t.Fatal(err)
		}
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(key.(crypto.Signer).Public()) {
			t.Errorf("algorithm %d: another key comes out", c.Algorithm)
		}
	}
}

func TestManyMayUseOneAuthenticatorAtOnce(t *testing.T) {
	t.Parallel()
	a := webauthntest.New(origin)
	a.Rand, a.CounterStep = rand.NewChaCha8([32]byte{2}), 1
	create(t, a, creation("ann", webauthntest.ES256))
	var wg sync.WaitGroup
	counters := make([]uint32, 16)
	for i := range counters {
		wg.Go(func() {
			body, err := a.Get(request())
			var r answer
			if err == nil {
				err = json.Unmarshal(body, &r)
			}
			if err == nil {
				_, err = a.Create(creation(fmt.Sprint("user", i), webauthntest.EdDSA))
			}
			if err != nil {
				t.Error(err)
				return
			}
			counters[i] = binary.BigEndian.Uint32(r.Response.AuthenticatorData[33:])
		})
	}
	wg.Wait()
	seen := map[uint32]bool{}
	for _, n := range counters {
		if seen[n] {
			t.Errorf("counter %d was told twice", n)
		}
		seen[n] = true
	}
	if len(a.Credentials()) != 17 {
		t.Errorf("%d credentials, want 17", len(a.Credentials()))
	}
}

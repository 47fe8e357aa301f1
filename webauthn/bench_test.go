package webauthn_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// BenchmarkAssertion measures raw JSON → verdict beside its floor: the bare
// signature check and two hashes, with a key that is parsed already.
func BenchmarkAssertion(b *testing.B) {
	for _, alg := range []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.RS256} {
		key := newKey("benchmark")
		c := registered(b, key, alg)
		body := get(b, key)
		want := assertionWant()
		b.Run(alg.String()+"/verdict", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := finishAssertion(body, c, want); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg.String()+"/floor", func(b *testing.B) {
			b.ReportAllocs()
			a, err := webauthn.ParseAssertion(body)
			if err != nil {
				b.Fatal(err)
			}
			public := key.Credentials()[0].Key.Public()
			for b.Loop() {
				if !bareCheck(public, a) {
					b.Fatal("signature does not fit")
				}
			}
		})
	}
}

func bareCheck(public crypto.PublicKey, a *webauthn.AssertionResponse) bool {
	hash := sha256.Sum256(a.ClientDataJSON)
	message := append(bytes.Clone(a.AuthenticatorData), hash[:]...)
	digest := sha256.Sum256(message)
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, digest[:], a.Signature)
	case ed25519.PublicKey:
		return ed25519.Verify(k, message, a.Signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], a.Signature) == nil
	}
	return false
}

// BenchmarkParse measures the reader alone.
func BenchmarkParse(b *testing.B) {
	key := newKey("benchmark")
	registered(b, key, webauthn.ES256)
	body := get(b, key)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := webauthn.ParseAssertion(body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuthenticator measures what a load generator pays for one assertion.
func BenchmarkAuthenticator(b *testing.B) {
	key := webauthntest.New(origin)
	registered(b, key, webauthn.ES256)
	options := requestOptions(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Get(options); err != nil {
			b.Fatal(err)
		}
	}
}

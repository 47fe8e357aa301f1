package webauthntest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.SHA256 is linked in
	_ "crypto/sha512" // crypto.SHA384 and crypto.SHA512 are linked in
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
)

// Algorithm is a COSE algorithm identifier.
type Algorithm int

// The algorithms that an Authenticator can make keys for.
const (
	ES256 Algorithm = -7
	EdDSA Algorithm = -8 // Ed25519
	ES384 Algorithm = -35
	ES512 Algorithm = -36
	PS256 Algorithm = -37
	PS384 Algorithm = -38
	PS512 Algorithm = -39
	RS256 Algorithm = -257
	RS384 Algorithm = -258
	RS512 Algorithm = -259
)

// AllAlgorithms returns every algorithm of this package.
func AllAlgorithms() []Algorithm {
	return []Algorithm{ES256, EdDSA, ES384, ES512, PS256, PS384, PS512, RS256, RS384, RS512}
}

type suite struct {
	curve elliptic.Curve // nil for Ed25519 and RSA
	cose  int64          // COSE number of the curve
	hash  crypto.Hash    // 0 for Ed25519
	pss   bool
}

func suiteOf(a Algorithm) suite {
	switch a {
	case ES256:
		return suite{curve: elliptic.P256(), cose: 1, hash: crypto.SHA256}
	case ES384:
		return suite{curve: elliptic.P384(), cose: 2, hash: crypto.SHA384}
	case ES512:
		return suite{curve: elliptic.P521(), cose: 3, hash: crypto.SHA512}
	case RS256:
		return suite{hash: crypto.SHA256}
	case RS384:
		return suite{hash: crypto.SHA384}
	case RS512:
		return suite{hash: crypto.SHA512}
	case PS256:
		return suite{hash: crypto.SHA256, pss: true}
	case PS384:
		return suite{hash: crypto.SHA384, pss: true}
	case PS512:
		return suite{hash: crypto.SHA512, pss: true}
	}
	return suite{cose: 6}
}

// randomReader lets keys be made from the authenticator's source of randomness.
type randomReader struct{ a *Authenticator }

func (r randomReader) Read(b []byte) (int, error) { return len(b), r.a.random(b) }

// newKey makes a private key. With a Rand of the caller's it depends on nothing
// else: the standard library's own generators do not promise that.
func (a *Authenticator) newKey(alg Algorithm) (crypto.Signer, error) {
	s := suiteOf(alg)
	source := randomReader{a}
	switch {
	case s.curve != nil:
		return newECDSA(s.curve, source)
	case s.hash == 0:
		seed := make([]byte, ed25519.SeedSize)
		if _, err := source.Read(seed); err != nil {
			return nil, err
		}
		return ed25519.NewKeyFromSeed(seed), nil
	case a.Rand == nil:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return newRSA(source)
}

func newECDSA(curve elliptic.Curve, source io.Reader) (*ecdsa.PrivateKey, error) {
	bits := curve.Params().BitSize
	scalar := make([]byte, (bits+7)/8)
	for {
		if _, err := io.ReadFull(source, scalar); err != nil {
			return nil, err
		}
		scalar[0] &= 0xff >> (len(scalar)*8 - bits)
		if key, err := ecdsa.ParseRawPrivateKey(curve, scalar); err == nil {
			return key, nil
		}
	}
}

// newRSA makes a key of 2,048 bits with e = 65,537.
func newRSA(source io.Reader) (*rsa.PrivateKey, error) {
	p, err := newPrime(source)
	if err != nil {
		return nil, err
	}
	q, err := newPrime(source)
	if err != nil {
		return nil, err
	}
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(big.NewInt(65537), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	return key, key.Validate()
}

// newPrime returns a prime of 1,024 bits with the two highest bits set, so that
// a product of two has 2,048.
func newPrime(source io.Reader) (*big.Int, error) {
	b := make([]byte, 128)
	for {
		if _, err := io.ReadFull(source, b); err != nil {
			return nil, err
		}
		b[0] |= 0xc0
		b[127] |= 1
		p := new(big.Int).SetBytes(b)
		less := new(big.Int).Sub(p, big.NewInt(1))
		if new(big.Int).Mod(less, big.NewInt(65537)).Sign() != 0 && p.ProbablyPrime(20) {
			return p, nil
		}
	}
}

// Sign signs message as WebAuthn wants it for the credential's algorithm:
// ASN.1 DER for ECDSA, a salt as long as the hash for PSS. source nil makes
// ECDSA deterministic; it must not be nil for PSS.
func (c *Credential) Sign(source io.Reader, message []byte) ([]byte, error) {
	s := suiteOf(c.Algorithm)
	if s.hash == 0 {
		return c.Key.Sign(nil, message, crypto.Hash(0))
	}
	h := s.hash.New()
	h.Write(message)
	if s.pss {
		return c.Key.Sign(source, h.Sum(nil), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash})
	}
	return c.Key.Sign(source, h.Sum(nil), s.hash)
}

// PKCS8 returns the private key in the form that the virtual authenticator of a
// browser takes.
func (c *Credential) PKCS8() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(c.Key) }

// COSEKey returns the public key as a COSE_Key in CTAP2 canonical form.
func (c *Credential) COSEKey() ([]byte, error) {
	s := suiteOf(c.Algorithm)
	alg := int64(c.Algorithm)
	switch key := c.Key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return nil, err
		}
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		return encodeMap(1, 2, 3, alg, -1, s.cose, -2, x, -3, y), nil
	case ed25519.PublicKey:
		return encodeMap(1, 1, 3, alg, -1, s.cose, -2, []byte(key)), nil
	case *rsa.PublicKey:
		return encodeMap(1, 3, 3, alg, -1, key.N.Bytes(), -2, big.NewInt(int64(key.E)).Bytes()), nil
	}
	return nil, fmt.Errorf("webauthntest: key of type %T", c.Key)
}

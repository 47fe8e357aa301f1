package webauthn

import (
	"crypto"
	"crypto/elliptic"
	_ "crypto/sha256" // crypto.SHA256 is linked in
	_ "crypto/sha512" // crypto.SHA384 and crypto.SHA512 are linked in
	"strconv"
)

// Algorithm is a COSE algorithm identifier (IANA "COSE Algorithms", RFC 9053
// and RFC 8812).
type Algorithm int32

// The algorithms that this package verifies.
const (
	ES256 Algorithm = -7   // ECDSA with P-256 and SHA-256
	EdDSA Algorithm = -8   // Ed25519
	ES384 Algorithm = -35  // ECDSA with P-384 and SHA-384
	ES512 Algorithm = -36  // ECDSA with P-521 and SHA-512
	PS256 Algorithm = -37  // RSASSA-PSS with SHA-256
	PS384 Algorithm = -38  // RSASSA-PSS with SHA-384
	PS512 Algorithm = -39  // RSASSA-PSS with SHA-512
	RS256 Algorithm = -257 // RSASSA-PKCS1-v1_5 with SHA-256
	RS384 Algorithm = -258 // RSASSA-PKCS1-v1_5 with SHA-384
	RS512 Algorithm = -259 // RSASSA-PKCS1-v1_5 with SHA-512
)

// DefaultAlgorithms returns the algorithms to offer where nothing else is
// asked for, the most wanted first: EdDSA, ES256, RS256.
func DefaultAlgorithms() []Algorithm { return []Algorithm{EdDSA, ES256, RS256} }

// Supported tells whether this package can verify signatures of a.
func (a Algorithm) Supported() bool { _, ok := schemes[a]; return ok }

// String returns the COSE name, or the number where it is not one of ours.
func (a Algorithm) String() string {
	if s, ok := schemes[a]; ok {
		return s.name
	}
	return strconv.Itoa(int(a))
}

// A scheme is how signatures of one algorithm are made.
type scheme struct {
	name  string
	kty   int64          // COSE key type the algorithm is bound to
	crv   int64          // COSE curve it is bound to; 0 for RSA
	curve elliptic.Curve // that of ECDSA
	hash  crypto.Hash    // 0 for Ed25519, which hashes by itself
	pss   bool
}

// schemes binds each algorithm to one key type, curve and hash (§5.8.5).
var schemes = map[Algorithm]scheme{
	ES256: {"ES256", ktyEC2, crvP256, elliptic.P256(), crypto.SHA256, false},
	ES384: {"ES384", ktyEC2, crvP384, elliptic.P384(), crypto.SHA384, false},
	ES512: {"ES512", ktyEC2, crvP521, elliptic.P521(), crypto.SHA512, false},
	EdDSA: {"EdDSA", ktyOKP, crvEd25519, nil, 0, false},
	RS256: {"RS256", ktyRSA, 0, nil, crypto.SHA256, false},
	RS384: {"RS384", ktyRSA, 0, nil, crypto.SHA384, false},
	RS512: {"RS512", ktyRSA, 0, nil, crypto.SHA512, false},
	PS256: {"PS256", ktyRSA, 0, nil, crypto.SHA256, true},
	PS384: {"PS384", ktyRSA, 0, nil, crypto.SHA384, true},
	PS512: {"PS512", ktyRSA, 0, nil, crypto.SHA512, true},
}

package attestation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha1" // crypto.SHA1 is linked in, for TPMs
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"

	"github.com/mapae/mapae/webauthn"
)

// rs1 is RSASSA-PKCS1-v1_5 with SHA-1: TPMs certify with it, and nothing else may.
const rs1 = webauthn.Algorithm(-65535)

// scheme is how a COSE algorithm signs.
type scheme struct {
	hash  crypto.Hash    // 0 for EdDSA
	curve elliptic.Curve // nil for RSA and EdDSA
	pss   bool
}

var schemes = map[webauthn.Algorithm]scheme{
	webauthn.ES256: {hash: crypto.SHA256, curve: elliptic.P256()},
	webauthn.ES384: {hash: crypto.SHA384, curve: elliptic.P384()},
	webauthn.ES512: {hash: crypto.SHA512, curve: elliptic.P521()},
	webauthn.EdDSA: {},
	webauthn.RS256: {hash: crypto.SHA256},
	webauthn.RS384: {hash: crypto.SHA384},
	webauthn.RS512: {hash: crypto.SHA512},
	webauthn.PS256: {hash: crypto.SHA256, pss: true},
	webauthn.PS384: {hash: crypto.SHA384, pss: true},
	webauthn.PS512: {hash: crypto.SHA512, pss: true},
	rs1:            {hash: crypto.SHA1},
}

// verify checks a signature by key, whose type must be that of alg.
func verify(key crypto.PublicKey, alg webauthn.Algorithm, message, signature []byte) error {
	s, known := schemes[alg]
	if !known {
		return fmt.Errorf("alg %d is not known", alg)
	}
	good := false
	switch key := key.(type) {
	case ed25519.PublicKey:
		good = alg == webauthn.EdDSA && ed25519.Verify(key, message, signature)
	case *ecdsa.PublicKey:
		good = s.curve != nil && key.Curve == s.curve && ecdsa.VerifyASN1(key, digest(s.hash, message), signature)
	case *rsa.PublicKey:
		good = s.hash != 0 && s.curve == nil && verifyRSA(key, s, digest(s.hash, message), signature) == nil
	}
	if !good {
		return errors.New("signature is wrong, or of another algorithm than the key's")
	}
	return nil
}

func verifyRSA(key *rsa.PublicKey, s scheme, digest, signature []byte) error {
	if s.pss {
		return rsa.VerifyPSS(key, s.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	return rsa.VerifyPKCS1v15(key, s.hash, digest, signature)
}

func digest(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// sameKey tells whether a certificate is for the credential's own key.
func sameKey(credential, certified crypto.PublicKey) bool {
	key, ok := credential.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(certified)
}

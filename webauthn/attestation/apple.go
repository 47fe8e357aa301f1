package attestation

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
)

// oidApple is the extension that carries the nonce.
var oidApple = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}

// apple follows §8.8.
func (c *ceremony) apple(s *webauthn.AttestationStatement, m cbor.Map) (proof, error) {
	const step = "8.8"
	chain, err := readChain(step, m)
	if err != nil {
		return proof{}, err
	}
	leaf := chain[0]

	// The nonce, which is the hash of what others sign, is in the certificate.
	nonce := sha256.Sum256(signedData(s))
	var told struct {
		Nonce []byte `asn1:"tag:1,explicit"`
	}
	value, _ := extension(leaf, oidApple)
	rest, err := asn1.Unmarshal(value, &told)
	if err != nil || len(rest) > 0 {
		return proof{}, refuse(step+" nonce", "", "the extension 1.2.840.113635.100.8.2")
	}
	if !bytes.Equal(told.Nonce, nonce[:]) {
		return proof{}, refuse(step+" nonce", "another", "the hash of what is attested")
	}

	// The certificate is for the credential's key.
	if !sameKey(s.Key, leaf.PublicKey) {
		return proof{}, refuse(step+" public key", "another", "that of the credential")
	}
	return proof{TypeAnonCA, chain}, nil
}

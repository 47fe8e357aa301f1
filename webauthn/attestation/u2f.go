package attestation

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
	"slices"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
)

// u2f follows §8.6.
func (c *ceremony) u2f(s *webauthn.AttestationStatement, m cbor.Map) (proof, error) {
	const step = "8.6"

	// U2F knows no AAGUID and its statement does not sign one.
	if s.AAGUID != (webauthn.AAGUID{}) && !c.InsecureU2FAAGUID {
		return proof{}, refuse(step+" aaguid", s.AAGUID.String(), "zeros")
	}

	// x5c has exactly one certificate, whose key is on P-256.
	chain, err := readChain(step, m)
	if err != nil {
		return proof{}, err
	}
	if list, _ := m.Text("x5c").Array(); len(list) != 1 {
		return proof{}, refuse(step+" x5c", fmt.Sprint(len(list), " certificates"), "one")
	}
	certified, ok := chain[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || certified.Curve != elliptic.P256() {
		return proof{}, refuse(step+" x5c", chain[0].PublicKeyAlgorithm.String(), "a key on P-256")
	}

	// The credential's key, in the form of ANSI X9.62, is on P-256 too.
	key, ok := s.Key.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return proof{}, refuse(step+" public key", s.Algorithm.String(), "a key on P-256")
	}
	point, _ := key.Bytes() // fails for points off the curve only

	// The signature is over 0x00 ‖ rpIdHash ‖ clientDataHash ‖ credentialId ‖ key.
	signature, ok := m.Text("sig").Bytes()
	if !ok {
		return proof{}, refuse(step+" sig", "", "a byte string")
	}
	message := slices.Concat([]byte{0}, s.RPIDHash, s.ClientDataHash[:], s.CredentialID, point)
	if err := verify(certified, webauthn.ES256, message, signature); err != nil {
		return proof{}, refuseCause(step+" sig", err)
	}
	return proof{TypeBasicOrAttCA, chain}, nil
}

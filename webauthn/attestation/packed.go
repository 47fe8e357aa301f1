package attestation

import (
	"crypto/x509"
	"slices"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
)

// signedData is what most formats sign: authenticator data and the hash of
// client data.
func signedData(s *webauthn.AttestationStatement) []byte {
	return slices.Concat(s.AuthenticatorData, s.ClientDataHash[:])
}

// readSignature reads alg and sig, which most formats have.
func readSignature(step string, m cbor.Map) (webauthn.Algorithm, []byte, error) {
	alg, ok := m.Text("alg").Int()
	if !ok || int64(webauthn.Algorithm(alg)) != alg {
		return 0, nil, refuse(step+" alg", "", "a COSE algorithm")
	}
	signature, ok := m.Text("sig").Bytes()
	if !ok {
		return 0, nil, refuse(step+" sig", "", "a byte string")
	}
	return webauthn.Algorithm(alg), signature, nil
}

// packed follows §8.2.
func (c *ceremony) packed(s *webauthn.AttestationStatement, m cbor.Map) (proof, error) {
	const step = "8.2"
	alg, signature, err := readSignature(step, m)
	if err != nil {
		return proof{}, err
	}
	if m.Text("x5c") == nil {
		return packedSelf(s, alg, signature)
	}
	chain, err := readChain(step, m)
	if err != nil {
		return proof{}, err
	}
	leaf := chain[0]

	// The signature is by the attestation key, with the algorithm of alg.
	if alg == rs1 {
		return proof{}, refuse(step+" alg", "RS1", "an algorithm without SHA-1")
	}
	if err := verify(leaf.PublicKey, alg, signedData(s), signature); err != nil {
		return proof{}, refuseCause(step+" sig", err)
	}

	// The certificate meets the requirements of §8.2.1.
	if err := checkPackedCertificate(leaf); err != nil {
		return proof{}, err
	}
	if err := checkAAGUID("8.2.1", leaf, s.AAGUID); err != nil {
		return proof{}, err
	}
	return proof{TypeBasicOrAttCA, chain}, nil
}

// packedSelf is self attestation inside a compound statement; alone, package
// webauthn has verified it before.
func packedSelf(s *webauthn.AttestationStatement, alg webauthn.Algorithm, signature []byte) (proof, error) {
	if alg != s.Algorithm {
		return proof{}, refuse("8.2 alg", alg.String(), s.Algorithm.String())
	}
	if !s.SignedBySelf(signature) {
		return proof{}, refuse("8.2 sig", "", "a signature by the credential's key")
	}
	return proof{kind: webauthn.AttestationTypeSelf}, nil
}

// checkPackedCertificate follows §8.2.1.
func checkPackedCertificate(leaf *x509.Certificate) error {
	const step = "8.2.1"
	name := leaf.Subject
	switch {
	case leaf.Version != 3:
		return refuse(step+" version", "", "3")
	case !filled(name.Country):
		return refuse(step+" subject C", "", "a country")
	case !filled(name.Organization):
		return refuse(step+" subject O", "", "a vendor")
	case !slices.Equal(name.OrganizationalUnit, []string{"Authenticator Attestation"}):
		return refuse(step+" subject OU", name.String(), "Authenticator Attestation")
	case name.CommonName == "":
		return refuse(step+" subject CN", "", "a name")
	case !leaf.BasicConstraintsValid || leaf.IsCA:
		return refuse(step+" basic constraints", "", "CA false")
	}
	return nil
}

func filled(values []string) bool { return len(values) > 0 && values[0] != "" }

package webauthn

import (
	"crypto"
	"errors"

	"github.com/mapae/mapae/internal/cbor"
)

// Attestation types that this package tells (§6.5.4).
const (
	AttestationTypeNone = "None"
	AttestationTypeSelf = "Self"
)

// AttestationStatement is what an [AttestationVerifier] is given: a statement
// and all that it speaks about. The slices must not be changed.
type AttestationStatement struct {
	Format            string
	Type              string // "None" or "Self" where this package has verified the statement already, else empty
	Statement         []byte // attStmt, a CBOR map of the CTAP2 subset; of format "compound" an array
	AuthenticatorData []byte // what was attested
	ClientDataHash    [32]byte
	AAGUID            AAGUID
	RPIDHash          []byte
	CredentialID      []byte
	PublicKey         []byte           // COSE_Key in canonical form
	Key               crypto.PublicKey // the same as *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey; nil of a further algorithm
	Algorithm         Algorithm
	BackupEligible    bool

	key *publicKey
}

// SignedBySelf tells whether signature is one by the credential's own key over
// the authenticator data and the hash of the client data (§8.2, self
// attestation).
func (s *AttestationStatement) SignedBySelf(signature []byte) bool {
	return s.key.verify(s.AuthenticatorData, s.ClientDataHash[:], signature)
}

// AttestationVerifier verifies further statement formats and decides what to
// trust (§7.1 steps 21 to 24). VerifyAttestation returns the attestation type,
// or an error; an error that is an [*Error] is passed on as it is, any other is
// wrapped as [CheckAttestation].
type AttestationVerifier interface {
	VerifyAttestation(s *AttestationStatement) (attestationType string, err error)
}

// maxFormat is the longest identifier of a statement format (§8.1).
const maxFormat = 32

// verifyAttestation makes the steps 7.1.21 to 7.1.24.
func verifyAttestation(s *AttestationStatement, verifier AttestationVerifier) (string, error) {
	// 7.1.21: determine the format by an exact match.
	if len(s.Format) > maxFormat {
		return "", refuse("7.1.21", CheckAttestation, s.Format, "a format of at most 32 bytes")
	}

	// 7.1.22: verify the statement by the procedure of its format.
	var err error
	switch s.Format {
	case "none":
		s.Type, err = verifyNone(s)
	case "packed":
		s.Type, err = verifyPackedSelf(s)
	}
	if err != nil {
		return "", refuseCause("7.1.22", CheckAttestation, err)
	}
	if verifier == nil {
		if s.Type == "" {
			return "", refuse("7.1.21", CheckAttestation, s.Format, "none, or packed with self attestation")
		}
		return s.Type, nil
	}

	// 7.1.23, 7.1.24: trust anchors and policy are the verifier's.
	attestationType, err := verifier.VerifyAttestation(s)
	if err != nil {
		var ours *Error
		if errors.As(err, &ours) {
			return "", err
		}
		return "", refuseCause("7.1.22", CheckAttestation, err)
	}
	return attestationType, nil
}

// verifyNone follows §8.7: the statement is empty.
func verifyNone(s *AttestationStatement) (string, error) {
	if statement, ok := cbor.Item(s.Statement).Map(); !ok || len(statement) > 0 {
		return "", errors.New("statement of format none is not empty")
	}
	return AttestationTypeNone, nil
}

// verifyPackedSelf follows §8.2 for a statement without certificates; it leaves
// one with certificates to the verifier.
func verifyPackedSelf(s *AttestationStatement) (string, error) {
	statement, ok := cbor.Item(s.Statement).Map()
	if !ok {
		return "", errors.New("statement of format packed is not a map")
	}
	if statement.Text("x5c") != nil {
		return "", nil
	}
	alg, ok := statement.Text("alg").Int()
	if !ok || alg != int64(s.Algorithm) {
		return "", errors.New("packed self: alg is not that of the credential")
	}
	signature, ok := statement.Text("sig").Bytes()
	if !ok || !s.SignedBySelf(signature) {
		return "", errors.New("packed self: signature is missing or wrong")
	}
	return AttestationTypeSelf, nil
}

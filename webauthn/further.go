package webauthn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mapae/mapae/internal/cbor"
)

// AlgorithmVerifier verifies signatures of one further algorithm, whose public
// keys are byte strings: those of COSE key type AKP (RFC 9964 §3), for example
// ML-DSA. What this package verifies by itself can't be replaced.
type AlgorithmVerifier interface {
	// Algorithm returns the COSE identifier, which is no [Algorithm.Supported] one.
	Algorithm() Algorithm

	// JudgeKey refuses a public key that could not verify a signature, or that
	// would verify too many. It is asked at registration and at each assertion.
	JudgeKey(public []byte) error

	// Verify tells whether signature is one of message under a key that JudgeKey
	// took.
	Verify(public, message, signature []byte) bool
}

// COSE key type AKP and its labels (RFC 9964 §3).
const (
	ktyAKP = 7

	labelPublic  = -1
	labelPrivate = -2
)

// verifierOf returns the verifier of an algorithm that is not ours, or nil.
func verifierOf(a Algorithm, further []AlgorithmVerifier) AlgorithmVerifier {
	i := slices.IndexFunc(further, func(v AlgorithmVerifier) bool { return v.Algorithm() == a })
	if i < 0 || a.Supported() {
		return nil
	}
	return further[i]
}

// parseAKP reads a COSE_Key of type AKP.
func parseAKP(m cbor.Map, v AlgorithmVerifier) (*publicKey, error) {
	if kty, ok := m.Label(labelKty).Int(); !ok || kty != ktyAKP {
		return nil, fmt.Errorf("COSE key: kty is not the %d of %v", ktyAKP, v.Algorithm())
	}
	if m.Label(labelPrivate) != nil {
		return nil, errKeyPrivate
	}
	public, ok := m.Label(labelPublic).Bytes()
	if !ok {
		return nil, errors.New("COSE key: pub is not a byte string")
	}
	if err := v.JudgeKey(public); err != nil {
		return nil, fmt.Errorf("COSE key: %w", err)
	}
	return &publicKey{algorithm: v.Algorithm(), key: akp{public, v}}, nil
}

// An akp is a public key of a further algorithm.
type akp struct {
	public   []byte
	verifier AlgorithmVerifier
}

// Package mldsa owns ML-DSA (FIPS 204) as a passkey algorithm: RFC 9964 says how
// its keys are written in COSE. It never makes a key and never signs. A program
// that does not import it links no code of ML-DSA.
//
//	mapae.Passkey{
//		Algorithms: append([]webauthn.Algorithm{mldsa.MLDSA44}, webauthn.DefaultAlgorithms()...),
//		Verifiers:  mldsa.Verifiers(),
//	}
package mldsa

import (
	fips204 "filippo.io/mldsa"

	"github.com/mapae/mapae/webauthn"
)

// The algorithms of this package (RFC 9964 §2).
const (
	MLDSA44 webauthn.Algorithm = -48
	MLDSA65 webauthn.Algorithm = -49
	MLDSA87 webauthn.Algorithm = -50
)

// Verifiers returns a verifier of each algorithm of this package.
func Verifiers() []webauthn.AlgorithmVerifier {
	return []webauthn.AlgorithmVerifier{
		verifier{MLDSA44, fips204.MLDSA44()}, verifier{MLDSA65, fips204.MLDSA65()}, verifier{MLDSA87, fips204.MLDSA87()},
	}
}

type verifier struct {
	algorithm  webauthn.Algorithm
	parameters fips204.Parameters
}

func (v verifier) Algorithm() webauthn.Algorithm { return v.algorithm }

// JudgeKey refuses a key that is not of the parameter set's length; every string
// of that length is a key (FIPS 204 §7.2, algorithm 23).
func (v verifier) JudgeKey(public []byte) error {
	_, err := fips204.NewPublicKey(v.parameters, public)
	return err
}

// Verify checks a signature of the pure kind with an empty context (RFC 9964 §4).
func (v verifier) Verify(public, message, signature []byte) bool {
	key, err := fips204.NewPublicKey(v.parameters, public)
	return err == nil && fips204.Verify(key, message, signature, nil) == nil
}

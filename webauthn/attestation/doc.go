// Package attestation owns what an authenticator says about its own model:
// the statement formats of Level 3 §8 that package webauthn leaves to it, the
// trust anchors that their certificates must lead to, and the policy of which
// models are accepted.
//
//	verifier := &attestation.Verifier{
//		Anchors:  []attestation.Anchor{{Certificate: root}},
//		Metadata: service, // of package mds, or nil
//		Policy:   attestation.Policy{Deny: …, DeviceBound: true},
//	}
//	result, err := webauthn.VerifyRegistration(response, webauthn.RegistrationWant{…, Attestation: verifier})
//
// A [Verifier] has no anchor but those it is given: without any, every
// attestation is refused. Formats: packed, tpm, android-key, apple, fido-u2f and
// compound, with none and packed self attestation as package webauthn found
// them. android-safetynet is retired and refused.
//
// What is wrong with a statement is a [webauthn.Error] with CheckAttestation
// and the section that it breaks; what is right but not wanted is one with
// CheckTrust and a [Reason].
//
// The package never asks a network and never looks up whether a certificate was
// revoked (no CRL, no OCSP): what a maker withdraws is told by metadata.
package attestation

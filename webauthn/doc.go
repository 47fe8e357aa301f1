// Package webauthn owns the protocol of Web Authentication Level 3 as a
// relying party speaks it: options out, JSON in, a credential record to keep.
//
// A registration ceremony goes so:
//
//	options := webauthn.CreationOptions{RP: …, User: …, Challenge: challenge}
//	body, err := json.Marshal(options)                 // to PublicKeyCredential.parseCreationOptionsFromJSON
//	response, err := webauthn.ParseRegistration(body)  // what credential.toJSON() gave
//	challenge, err := response.Challenge()             // look the ceremony up by it
//	result, err := webauthn.VerifyRegistration(response, webauthn.RegistrationWant{…})
//	// keep result.Credential
//
// and an authentication ceremony:
//
//	options := webauthn.RequestOptions{RPID: …, Challenge: challenge}
//	response, err := webauthn.ParseAssertion(body)
//	challenge, err := response.Challenge()
//	credential := …                                     // found by response.ID
//	result, err := webauthn.VerifyAssertion(response, credential, webauthn.AssertionWant{…})
//	// keep result.SignCount and result.BackupState
//
// Reading comes in two strengths. What arrives as a body is read strictly and
// refused as a whole (Parse…); what the client and the authenticator signed is
// judged step by step, in the order and with the numbers of §7.1 and §7.2
// (Verify…). Every refusal is an [*Error] that names the step and the [Check].
//
// The package verifies the attestation formats "none" and "packed" with self
// attestation, and the algorithms that it names; others plug in through
// [AttestationVerifier] and [AlgorithmVerifier].
//
// It never does I/O, never reads a clock, holds no state, and never decides
// whether a challenge may still be used: the caller must see to it that each
// challenge is finished once.
package webauthn

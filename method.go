package mapae

import (
	"fmt"
	"slices"

	"github.com/mapae/mapae/webauthn"
)

// MethodName is a way to prove who one is, as sessions, events and JSON name
// it.
type MethodName string

const (
	MethodPasskey      MethodName = "passkey"
	MethodPassword     MethodName = "password"
	MethodTOTP         MethodName = "totp"
	MethodRecoveryCode MethodName = "recovery_code"
	MethodEmailCode    MethodName = "email_code"
	MethodFederated    MethodName = "federated"
	MethodLink         MethodName = "link"     // that the operator issued
	MethodExternal     MethodName = "external" // whatever the application that Mapae is part of has
)

// Method is a method with its settings, as Config.Methods lists them: a
// closed set, not a plug-in point.
type Method interface {
	Name() MethodName
	check() error
}

// Passkey offers passkeys and security keys.
type Passkey struct {
	// Algorithms offered, most wanted first. Empty: webauthn.DefaultAlgorithms.
	Algorithms []webauthn.Algorithm

	// Verifiers of further algorithms that Algorithms may name: see package
	// webauthn/mldsa. Keep one as long as credentials of its algorithm are stored.
	Verifiers []webauthn.AlgorithmVerifier

	// Attestation asks what model an authenticator is (Level 3 §5.4.7), preferably
	// in one of AttestationFormats, most wanted first. Empty: it is not asked, and
	// a new passkey that attests by a certificate all the same is refused.
	Attestation        webauthn.Conveyance
	AttestationFormats []string

	// AttestationVerifier verifies what was asked for and decides which models are
	// accepted: see package webauthn/attestation. Without one nothing may be asked.
	// It may be set where nothing is asked, for a policy on what is told anyway.
	AttestationVerifier webauthn.AttestationVerifier

	// Models names further models of authenticators, or names some in another way
	// than Mapae does: see ParseModels.
	Models map[webauthn.AAGUID]Model

	// UserVerification asked for by each purpose. Empty: required at sign-up,
	// preferred elsewhere. Without user verification a passkey counts as one
	// factor.
	SignUpVerification   webauthn.UserVerification
	AddVerification      webauthn.UserVerification
	SignInVerification   webauthn.UserVerification
	ReauthVerification   webauthn.UserVerification
	StrictBackupEligible bool // refuse a passkey whose backup eligibility changed; else it is recorded
}

// Name returns MethodPasskey.
func (Passkey) Name() MethodName { return MethodPasskey }

func (p Passkey) withDefaults() Passkey {
	if len(p.Algorithms) == 0 {
		p.Algorithms = webauthn.DefaultAlgorithms()
	}
	p.Attestation = or(p.Attestation, webauthn.ConveyanceNone)
	p.SignUpVerification = or(p.SignUpVerification, webauthn.UserVerificationRequired)
	p.AddVerification = or(p.AddVerification, webauthn.UserVerificationPreferred)
	p.SignInVerification = or(p.SignInVerification, webauthn.UserVerificationPreferred)
	p.ReauthVerification = or(p.ReauthVerification, webauthn.UserVerificationPreferred)
	return p
}

func (p Passkey) check() error {
	for id, m := range p.Models {
		if err := checkModel(m); err != nil {
			return fmt.Errorf("Models: %v: %w", id, err)
		}
	}
	if err := p.checkAttestation(); err != nil {
		return err
	}
	for _, uv := range []webauthn.UserVerification{p.SignUpVerification, p.AddVerification, p.SignInVerification, p.ReauthVerification} {
		switch uv {
		case "", webauthn.UserVerificationRequired, webauthn.UserVerificationPreferred, webauthn.UserVerificationDiscouraged:
		default:
			return fmt.Errorf("user verification %q: it is required, preferred or discouraged", uv)
		}
	}
	for _, alg := range p.Algorithms {
		isAlg := func(v webauthn.AlgorithmVerifier) bool { return v.Algorithm() == alg }
		if !alg.Supported() && !slices.ContainsFunc(p.Verifiers, isAlg) {
			return fmt.Errorf("algorithm %d is not one that can be verified", alg)
		}
	}
	return nil
}

func (p Passkey) checkAttestation() error {
	switch p.Attestation {
	case "", webauthn.ConveyanceNone:
		if len(p.AttestationFormats) > 0 {
			return fmt.Errorf("attestation formats %q are wanted, but no attestation", p.AttestationFormats)
		}
	case webauthn.ConveyanceIndirect, webauthn.ConveyanceDirect, webauthn.ConveyanceEnterprise:
		if p.AttestationVerifier == nil {
			return fmt.Errorf("attestation %q is asked for, and AttestationVerifier is missing: nobody would check it", p.Attestation)
		}
	default:
		return fmt.Errorf("attestation %q: it is none, indirect, direct or enterprise", p.Attestation)
	}
	return nil
}

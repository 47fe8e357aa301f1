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
	p.SignUpVerification = or(p.SignUpVerification, webauthn.UserVerificationRequired)
	p.AddVerification = or(p.AddVerification, webauthn.UserVerificationPreferred)
	p.SignInVerification = or(p.SignInVerification, webauthn.UserVerificationPreferred)
	p.ReauthVerification = or(p.ReauthVerification, webauthn.UserVerificationPreferred)
	return p
}

func (p Passkey) check() error {
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

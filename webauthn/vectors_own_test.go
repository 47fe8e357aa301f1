package webauthn_test

import (
	"encoding/json"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// ownVector is a registration and an assertion made by webauthntest, and what
// they must lead to.
type ownVector struct {
	Name         string          `json:"name"`
	Registration json.RawMessage `json:"registration"`
	Assertion    json.RawMessage `json:"assertion"`
	Record       webauthn.Credential
	Result       webauthn.Assertion
}

func ownVectors(t *testing.T) []ownVector {
	var all []ownVector
	add := func(name string, alg webauthn.Algorithm, setup func(a *webauthntest.Authenticator)) {
		a := newKey(name)
		setup(a)
		v := ownVector{Name: name, Registration: create(t, a, alg), Assertion: get(t, a)}
		result, err := finishRegistration(v.Registration, registrationWant())
		if err != nil {
			t.Fatal(name, err)
		}
		v.Record = result.Credential
		assertion, err := finishAssertion(v.Assertion, &v.Record, assertionWant())
		if err != nil {
			t.Fatal(name, err)
		}
		v.Result = *assertion
		all = append(all, v)
	}
	for _, alg := range every {
		add(alg.String(), alg, nothing)
		add(alg.String()+" packed self", alg, func(a *webauthntest.Authenticator) { a.Attestation = webauthntest.AttestationPackedSelf })
	}
	add("bound to the device, counting", webauthn.ES256, func(a *webauthntest.Authenticator) {
		a.BackupEligible, a.BackupState, a.Counter, a.CounterStep = false, false, 7, 3
	})
	add("counter that stands still, no UV", webauthn.ES256, func(a *webauthntest.Authenticator) { a.Counter, a.UserVerified = 7, false })
	add("extensions, reserved flags", webauthn.ES256, func(a *webauthntest.Authenticator) {
		a.Forge.Extensions = cborMap("credProtect", 2)
		a.Forge.Flags = func(b byte) byte { return b | 0x22 }
	})
	return all
}

// TestOwnVectors holds both packages against what they said before: the bodies
// are the same in every run, and the record and the result of each as well.
func TestOwnVectors(t *testing.T) {
	t.Parallel()
	b, err := json.MarshalIndent(ownVectors(t), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "vectors.json", append(b, '\n'))
}

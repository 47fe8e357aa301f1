package attestation_test

import (
	"errors"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation"
	"github.com/mapae/mapae/webauthntest"
)

// FuzzAttestation verifies statements of any format about an honest credential.
// It looks for panics, for errors that name no check, and for a statement of
// another text that is trusted.
func FuzzAttestation(f *testing.F) {
	formats := []string{"packed", "tpm", "android-key", "fido-u2f", "apple", "compound", "android-safetynet", "none"}
	honest := map[int]*webauthn.AttestationStatement{}
	v := newVerifier()
	for i, kind := range []webauthntest.Attestation{
		webauthntest.AttestationPacked, webauthntest.AttestationTPM, webauthntest.AttestationAndroidKey,
		webauthntest.AttestationFIDOU2F, webauthntest.AttestationApple, webauthntest.AttestationCompound,
	} {
		honest[i] = statement(f, newKey(kind))
		f.Add(uint8(i), honest[i].Statement)
	}
	f.Add(uint8(6), []byte("\xa0"))
	f.Add(uint8(7), []byte("\xa0"))
	f.Fuzz(func(t *testing.T, format uint8, data []byte) {
		i := int(format) % len(formats)
		about := honest[i%len(honest)]
		s := *about
		s.Format, s.Statement = formats[i], data
		result, err := v.Verify(&s)
		if err == nil {
			// What is attested to is the honest credential, so somebody of the CA said it.
			if len(result.Path) == 0 && len(result.Parts) == 0 {
				t.Errorf("%s is trusted without certificates: %x", s.Format, data)
			}
			return
		}
		var e *webauthn.Error
		if !errors.As(err, &e) || e.Step == "" || e.Check != webauthn.CheckAttestation && e.Check != webauthn.CheckTrust {
			t.Errorf("error without a check: %v", err)
		}
		var reason attestation.Reason
		if e != nil && (e.Check == webauthn.CheckTrust) != errors.As(err, &reason) {
			t.Errorf("trust and reason do not go together: %v", err)
		}
	})
}

package webauthn_test

import (
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// wantFlags is the rule table: what must come of a flag byte, for authenticator
// data that really holds the parts that natural says.
func wantFlags(flags, natural byte, uv webauthn.UserVerification) webauthn.Check {
	const parts = webauthntest.FlagAT | webauthntest.FlagED
	switch {
	case flags&parts != natural&parts:
		return webauthn.CheckEncoding
	case flags&webauthntest.FlagUP == 0:
		return webauthn.CheckUserPresent
	case uv == webauthn.UserVerificationRequired && flags&webauthntest.FlagUV == 0:
		return webauthn.CheckUserVerified
	case flags&webauthntest.FlagBE == 0 && flags&webauthntest.FlagBS != 0:
		return webauthn.CheckBackupFlags
	}
	return ""
}

func TestFlags(t *testing.T) {
	t.Parallel()
	settings := []webauthn.UserVerification{
		webauthn.UserVerificationRequired, webauthn.UserVerificationPreferred, webauthn.UserVerificationDiscouraged,
	}
	run := 0
	for flags := range 256 {
		flags := byte(flags)
		force := func(a *webauthntest.Authenticator) { a.Forge.Flags = func(byte) byte { return flags } }
		for _, uv := range settings {
			run += 2
			err := registering(force, func(w *webauthn.RegistrationWant) { w.UserVerification = uv })(t)
			if got, want := checkOf(t, err), wantFlags(flags, webauthntest.FlagAT, uv); got != want {
				t.Errorf("registration, flags %08b, UV %s: %q, want %q", flags, uv, got, want)
			}
			err = signingIn(force, func(w *webauthn.AssertionWant) { w.UserVerification = uv })(t)
			if got, want := checkOf(t, err), wantFlags(flags, 0, uv); got != want {
				t.Errorf("assertion, flags %08b, UV %s: %q, want %q", flags, uv, got, want)
			}
		}
	}
	if run != 1536 {
		t.Errorf("%d combinations, want 1,536", run)
	}
	t.Logf("proven: %d", run)
}

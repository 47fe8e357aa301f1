package mapae_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation"
	"github.com/mapae/mapae/webauthntest"
)

// attesting returns a world that asks for attestation by the test's CA, and an
// authenticator of that CA.
func attesting(t *testing.T, conveyance webauthn.Conveyance, policy attestation.Policy) (*world, *webauthntest.Authenticator) {
	t.Helper()
	ca := must(webauthntest.NewCA("mapae"))(t)
	verifier := &attestation.Verifier{Anchors: []attestation.Anchor{{Certificate: ca.Root}}, TPMVendors: []string{webauthntest.TPMManufacturer}, Policy: policy}
	w := newWorld(t, func(c *mapae.Config) {
		c.Methods = []mapae.Method{mapae.Passkey{Attestation: conveyance, AttestationFormats: []string{"tpm", "packed"}, AttestationVerifier: verifier}}
		if conveyance == "" {
			c.Methods = []mapae.Method{mapae.Passkey{AttestationVerifier: verifier}}
		}
		verifier.Clock = c.Clock
	})
	a := webauthntest.NewPlatformBound(origin)
	a.CA, a.Attestation = ca, webauthntest.AttestationTPM
	return w, a
}

func TestAttestationThatIsAskedForIsVerified(t *testing.T) {
	t.Parallel()
	for _, conveyance := range []webauthn.Conveyance{webauthn.ConveyanceIndirect, webauthn.ConveyanceDirect, webauthn.ConveyanceEnterprise} {
		w, a := attesting(t, conveyance, attestation.Policy{})
		c := browser(1)
		o := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim"}))(t).Options
		if o.Attestation != conveyance || !slices.Equal(o.AttestationFormats, []string{"tpm", "packed"}) {
			t.Errorf("sign-up asks for %q in %q", o.Attestation, o.AttestationFormats)
		}
		in := w.signUp(c, a, "kim@example.com")
		if in.Credential.AttestationFormat != "tpm" || in.Credential.AttestationObject == nil {
			t.Errorf("what attests is not kept: %+v", in.Credential)
		}
		o = must(w.BeginAddPasskey(w.ctx, c, w.current(in), false))(t)
		if o.Attestation != conveyance {
			t.Errorf("a further passkey is asked for %q", o.Attestation)
		}
		w.signIn(c, a)
	}
}

// TestAPolicyIsEnforcedOnTheAnswer is the row BI-323 of bad-inputs.tsv, and its
// likes: what the options asked for is checked when the answer comes. Each
// refusal spends the challenge and leaves an event with its reason.
func TestAPolicyIsEnforcedOnTheAnswer(t *testing.T) {
	t.Parallel()
	model := webauthn.AAGUID(webauthntest.NewPlatformBound(origin).AAGUID)
	for reason, c := range map[string]struct {
		policy attestation.Policy
		forge  func(a *webauthntest.Authenticator)
	}{
		"trust:unattested":       {attestation.Policy{}, func(a *webauthntest.Authenticator) { a.Attestation = webauthntest.AttestationNone }},
		"trust:chain":            {attestation.Policy{}, func(a *webauthntest.Authenticator) { a.CA = must(webauthntest.NewCA("another"))(t) }},
		"trust:aaguid_unlisted":  {attestation.Policy{Allow: []webauthn.AAGUID{{1}}}, nil},
		"trust:aaguid_denied":    {attestation.Policy{Deny: []webauthn.AAGUID{model}}, nil},
		"trust:synced":           {attestation.Policy{DeviceBound: true}, func(a *webauthntest.Authenticator) { a.BackupEligible = true }},
		"trust:format":           {attestation.Policy{Formats: []string{"packed"}}, nil},
		"trust:metadata_missing": {attestation.Policy{RequireMetadata: true}, nil},
		"attestation": {attestation.Policy{}, func(a *webauthntest.Authenticator) {
			a.Forge.CertInfo = func(b []byte) []byte { return b[1:] }
		}},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			w, a := attesting(t, webauthn.ConveyanceDirect, c.policy)
			if c.forge != nil {
				c.forge(a)
			}
			step := must(w.BeginSignUp(w.ctx, browser(1), mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim"}))(t)
			made := must(a.Create(options(t, step.Options)))(t)
			_, err := w.FinishSignUp(w.ctx, browser(1), step.Ticket, made)
			wantCode(t, err, mapae.CodeRegistrationRejected)
			if e := w.lastEvent(); e.Type != mapae.EventSignUpFailed || e.Reason != reason {
				t.Errorf("event %q with reason %q, want %q", e.Type, e.Reason, reason)
			}
			if n := len(w.events()); n != 1 {
				t.Errorf("%d events", n)
			}
			_, err = w.FinishSignUp(w.ctx, browser(1), step.Ticket, made)
			wantCode(t, err, mapae.CodeCeremonyInvalid)
			if _, err := w.store.UserByLogin(w.ctx, "kim@example.com"); err == nil {
				t.Error("there is an account")
			}
		})
	}
}

func TestAFurtherPasskeyIsHeldToThePolicyToo(t *testing.T) {
	t.Parallel()
	w, a := attesting(t, webauthn.ConveyanceDirect, attestation.Policy{DeviceBound: true})
	in := w.signUp(browser(1), a, "kim@example.com")
	phone := webauthntest.NewPhone(origin)
	phone.CA, phone.Attestation = a.CA, webauthntest.AttestationPacked
	o := must(w.BeginAddPasskey(w.ctx, browser(1), w.current(in), false))(t)
	_, err := w.FinishAddPasskey(w.ctx, browser(1), w.current(in), must(phone.Create(options(t, o)))(t), "")
	wantCode(t, err, mapae.CodeRegistrationRejected)
	if e := w.lastEvent(); e.Type != mapae.EventPasskeyAddFailed || e.Reason != "trust:synced" {
		t.Errorf("event %+v", e)
	}
}

func TestAPolicyHoldsWhereNothingIsAsked(t *testing.T) {
	t.Parallel()
	w, a := attesting(t, "", attestation.Policy{Unattested: true, Deny: []webauthn.AAGUID{{1}}})
	a.Attestation = webauthntest.AttestationNone
	step := must(w.BeginSignUp(w.ctx, browser(1), mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim"}))(t)
	var asked struct{ Attestation string }
	if err := json.Unmarshal(options(t, step.Options), &asked); err != nil || asked.Attestation != "none" {
		t.Errorf("asked for %q: %v", asked.Attestation, err)
	}
	w.signUp(browser(1), a, "kim@example.com")
	a.AAGUID = [16]byte{1}
	step = must(w.BeginSignUp(w.ctx, browser(1), mapae.SignUpRequest{Login: "lee@example.com", Name: "Lee"}))(t)
	_, err := w.FinishSignUp(w.ctx, browser(1), step.Ticket, must(a.Create(options(t, step.Options)))(t))
	wantCode(t, err, mapae.CodeRegistrationRejected)
}

func TestWithoutAVerifierCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := webauthntest.New(origin)
	a.CA, a.Attestation = must(webauthntest.NewCA("mapae"))(t), webauthntest.AttestationPacked
	step := must(w.BeginSignUp(w.ctx, browser(1), mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim"}))(t)
	_, err := w.FinishSignUp(w.ctx, browser(1), step.Ticket, must(a.Create(options(t, step.Options)))(t))
	wantCode(t, err, mapae.CodeRegistrationRejected)
	if e := w.lastEvent(); e.Reason != "attestation" {
		t.Errorf("event %+v", e)
	}
}

func TestAttestationSettingsThatNobodyWouldEnforceAreRefused(t *testing.T) {
	t.Parallel()
	for says, p := range map[string]mapae.Passkey{
		`"direct"`:     {Attestation: webauthn.ConveyanceDirect},
		`"enterprise"`: {Attestation: webauthn.ConveyanceEnterprise},
		`"indirect"`:   {Attestation: webauthn.ConveyanceIndirect},
		`"full"`:       {Attestation: "full", AttestationVerifier: &attestation.Verifier{}},
		`["packed"]`:   {AttestationFormats: []string{"packed"}},
		`["tpm"]`:      {Attestation: webauthn.ConveyanceNone, AttestationFormats: []string{"tpm"}, AttestationVerifier: &attestation.Verifier{}},
	} {
		_, err := mapae.New(mapae.Config{
			Store: memory.New(), Secrets: []mapae.RootKey{{Secret: [32]byte{1}}},
			RP: mapae.RelyingParty{ID: rpID, Origins: []string{origin}}, Methods: []mapae.Method{p},
		})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "attestation") {
			t.Errorf("%s: %v", says, err)
		}
	}
}

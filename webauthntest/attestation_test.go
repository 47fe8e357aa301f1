package webauthntest_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mapae/mapae/webauthntest"
)

func newCA(t *testing.T, seed string) *webauthntest.CA {
	t.Helper()
	ca, err := webauthntest.NewCA(seed)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func attesting(t *testing.T, kind webauthntest.Attestation) *webauthntest.Authenticator {
	t.Helper()
	a := webauthntest.NewPlatformBound(origin)
	a.Attestation, a.CA = kind, newCA(t, "seed")
	a.Rand = rand.NewChaCha8([32]byte{1})
	return a
}

func TestASeedMakesTheSameAttestations(t *testing.T) {
	t.Parallel()
	for _, kind := range webauthntest.AllAttestations() {
		one := create(t, attesting(t, kind), creation("ann", webauthntest.ES256)).Response.AttestationObject
		two := create(t, attesting(t, kind), creation("ann", webauthntest.ES256)).Response.AttestationObject
		if !bytes.Equal(one, two) {
			t.Errorf("%q: another statement from the same seed", kind)
		}
		format := strings.TrimSuffix(string(kind), "-self")
		if kind == webauthntest.AttestationNone {
			format = "none"
		}
		if !bytes.Contains(one, append([]byte{'f', 'm', 't', 0x60 | byte(len(format))}, format...)) {
			t.Errorf("%q: no format %q in %q", kind, format, one[:40])
		}
	}
	if newCA(t, "seed").Root.Equal(newCA(t, "another").Root) {
		t.Error("two seeds make one CA")
	}
}

func TestTheCertificatesOfACALeadToItsRoot(t *testing.T) {
	t.Parallel()
	for _, kind := range webauthntest.AllAttestations() {
		if kind == webauthntest.AttestationNone || kind == webauthntest.AttestationPackedSelf {
			continue
		}
		a := attesting(t, kind)
		seen := false
		a.Forge.Statement = func(m map[string]any) {
			chain, _ := m["x5c"].([][]byte)
			if chain == nil {
				return
			}
			seen = true
			leaf, err := x509.ParseCertificate(chain[0])
			if err != nil {
				t.Error(err)
				return
			}
			leaf.UnhandledCriticalExtensions = nil // what a TPM is called
			options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
			options.Roots.AddCert(a.CA.Root)
			options.Intermediates.AddCert(a.CA.Intermediate)
			if _, err := leaf.Verify(options); err != nil {
				t.Errorf("%q: %v", kind, err)
			}
		}
		create(t, a, creation("ann", webauthntest.ES256))
		if !seen {
			t.Errorf("%q: no certificates", kind)
		}
	}
}

func TestWhatAnAuthenticatorCanNotAttestIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind webauthntest.Attestation
		alg  webauthntest.Algorithm
	}{
		{webauthntest.AttestationTPM, webauthntest.EdDSA},
		{webauthntest.AttestationFIDOU2F, webauthntest.ES384},
		{"nonsense", webauthntest.ES256},
	} {
		_, err := attesting(t, c.kind).Create(creation("ann", c.alg))
		wantError(t, err, "NotSupportedError")
	}
	a := attesting(t, webauthntest.AttestationPacked)
	a.CA = nil
	_, err := a.Create(creation("ann", webauthntest.ES256))
	wantError(t, err, "NotSupportedError")
}

func TestDevicesAreWhatTheirNamesSay(t *testing.T) {
	t.Parallel()
	const up, uv, be, bs = webauthntest.FlagUP, webauthntest.FlagUV, webauthntest.FlagBE, webauthntest.FlagBS
	models := map[[16]byte]string{}
	for name, c := range map[string]struct {
		make       func(string) *webauthntest.Authenticator
		flags      byte
		attachment string
		transport  string
		resident   bool
	}{
		"platform":              {webauthntest.New, up | uv | be | bs, "platform", "hybrid", true},
		"platform, bound":       {webauthntest.NewPlatformBound, up | uv, "platform", "internal", true},
		"phone over hybrid":     {webauthntest.NewPhone, up | uv | be | bs, "cross-platform", "hybrid", true},
		"security key":          {webauthntest.NewSecurityKey, up, "cross-platform", "usb", false},
		"security key with PIN": {webauthntest.NewSecurityKeyWithPIN, up | uv, "cross-platform", "usb", true},
		"U2F key":               {webauthntest.NewU2FKey, up, "cross-platform", "usb", false},
		"flipping":              {webauthntest.NewFlipping, up | uv | be | bs, "platform", "hybrid", true},
	} {
		a := c.make(origin)
		r := create(t, a, creation("ann", webauthntest.ES256))
		if got := r.Response.AuthenticatorData[32] &^ webauthntest.FlagAT; got != c.flags {
			t.Errorf("%s: flags %#x, want %#x", name, got, c.flags)
		}
		if r.Attachment != c.attachment || r.Response.Transports[0] != c.transport || a.Credentials()[0].Discoverable != c.resident {
			t.Errorf("%s: attachment %q, transports %v, discoverable %v", name, r.Attachment, r.Response.Transports, a.Credentials()[0].Discoverable)
		}
		if was := models[a.AAGUID]; was != "" {
			t.Errorf("%s and %s are the same model", name, was)
		}
		models[a.AAGUID] = name
	}
}

func TestAFlippingAuthenticatorTellsAnotherBackupEligibilityEachTime(t *testing.T) {
	t.Parallel()
	a := webauthntest.NewFlipping(origin)
	create(t, a, creation("ann", webauthntest.ES256))
	const both = webauthntest.FlagBE | webauthntest.FlagBS
	for i, want := range []byte{0, both, 0, both} {
		if got := get(t, a, request()).Response.AuthenticatorData[32] & both; got != want {
			t.Errorf("sign-in %d: flags %#x, want %#x", i+1, got, want)
		}
	}
}

func TestAFullAuthenticatorRefusesOrMakesAnotherKind(t *testing.T) {
	t.Parallel()
	a := webauthntest.NewSecurityKeyWithPIN(origin)
	a.MaxResident = 2
	create(t, a, creation("ann", webauthntest.ES256))
	create(t, a, creation("ben", webauthntest.ES256))
	create(t, a, creation("ben", webauthntest.ES256)) // in the place of his other one
	if n := len(a.Credentials()); n != 2 {
		t.Fatalf("%d credentials, want 2", n)
	}
	for _, required := range []string{`{"residentKey":"required"}`, `{"requireResidentKey":true}`} {
		_, err := a.Create(selecting(t, creation("eve", webauthntest.ES256), required))
		wantError(t, err, "NotAllowedError")
	}
	create(t, a, selecting(t, creation("eve", webauthntest.ES256), `{"residentKey":"preferred"}`))
	if last := a.Credentials()[2]; last.Discoverable {
		t.Error("there was room for a third discoverable credential")
	}
}

// selecting adds authenticatorSelection to options.
func selecting(t *testing.T, options []byte, selection string) []byte {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(options, &members); err != nil {
		t.Fatal(err)
	}
	members["authenticatorSelection"] = json.RawMessage(selection)
	b, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

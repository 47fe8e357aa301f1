package mapae_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// kept is a registration that another system has verified and kept.
func kept(t *testing.T, a *webauthntest.Authenticator) (*webauthn.RegistrationResponse, *webauthntest.Credential) {
	t.Helper()
	body, err := a.Create([]byte(`{"rp":{"id":"example.com"},"user":{"id":"AAAA","name":"a"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA",
		"pubKeyCredParams":[{"type":"public-key","alg":-7}],"extensions":{"credProps":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := webauthn.ParseRegistration(body)
	if err != nil {
		t.Fatal(err)
	}
	return r, a.Credentials()[0]
}

func TestAKeptRegistrationIsReadWithoutItsChallenge(t *testing.T) {
	t.Parallel()
	a := webauthntest.New("https://example.com")
	a.Counter = 9
	r, c := kept(t, a)
	r.ClientDataJSON = nil // not every system kept it
	made, err := newWorld(t).VerifyKeptRegistration(r)
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.COSEKey()
	if err != nil {
		t.Fatal(err)
	}
	got := made.Credential
	if !bytes.Equal(got.ID, c.ID) || !bytes.Equal(got.PublicKey, key) || got.Algorithm != webauthn.ES256 || got.SignCount != 9 || !got.UVInitialized || !got.BackupEligible ||
		got.AAGUID != a.AAGUID || got.AttestationFormat != "none" || !made.UserPresent || !made.UserVerified || made.Discoverable == nil || !*made.Discoverable {
		t.Errorf("%+v", made)
	}
}

func TestAKeptRegistrationThatCouldNotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		check  webauthn.Check
		change func(*webauthntest.Authenticator)
		after  func(*webauthn.RegistrationResponse)
	}{
		"made for another RP ID": {webauthn.CheckRPIDHash, func(a *webauthntest.Authenticator) { a.Forge.RPID = "example.org" }, nil},
		"a U2F key's AppID":      {webauthn.CheckRPIDHash, func(a *webauthntest.Authenticator) { a.Forge.RPID = "https://example.com" }, nil},
		"a key that is none": {webauthn.CheckKey, func(a *webauthntest.Authenticator) {
			a.Forge.PublicKey = func(key []byte) []byte { key[len(key)-1] ^= 1; return key }
		}, nil},
		"an algorithm that is not accepted": {webauthn.CheckAlgorithm, func(a *webauthntest.Authenticator) {
			a.Forge.PublicKey = func(key []byte) []byte { key[4] = 0x39; return append(key[:5:5], append([]byte{1, 0}, key[5:]...)...) }
		}, nil},
		"another credential's ID": {webauthn.CheckCredentialID, nil, func(r *webauthn.RegistrationResponse) { r.ID = []byte("x") }},
		"cut off":                 {webauthn.CheckEncoding, nil, func(r *webauthn.RegistrationResponse) { r.AttestationObject = r.AttestationObject[:60] }},
		"nothing":                 {webauthn.CheckEncoding, nil, func(r *webauthn.RegistrationResponse) { r.AttestationObject = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := webauthntest.New("https://example.com")
			if c.change != nil {
				c.change(a)
			}
			r, _ := kept(t, a)
			if c.after != nil {
				c.after(r)
			}
			w := newWorld(t, func(cfg *mapae.Config) {
				cfg.Methods = []mapae.Method{mapae.Passkey{Algorithms: []webauthn.Algorithm{webauthn.ES256}}}
			})
			made, err := w.VerifyKeptRegistration(r)
			var refused *webauthn.Error
			if !errors.As(err, &refused) || refused.Check != c.check {
				t.Errorf("%+v, %v; want %s", made, err, c.check)
			}
		})
	}
}

func TestAKeptKeyIsReadByTheRulesOfANewOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, c := kept(t, webauthntest.New("https://example.com"))
	key, err := c.COSEKey()
	if err != nil {
		t.Fatal(err)
	}
	loose := append([]byte{0xa6, 0x18, 99, 1}, key[1:]...) // a label that nobody knows
	for name, k := range map[string][]byte{"canonical": key, "with a label of somebody's": loose} {
		if got, alg, err := w.VerifyKeptKey(c.ID, k); err != nil || alg != webauthn.ES256 || !bytes.Equal(got, key) {
			t.Errorf("%s: %x, %v, %v", name, got, alg, err)
		}
	}
	for name, c := range map[string]struct {
		key   []byte
		check webauthn.Check
	}{
		"nothing":            {nil, webauthn.CheckKey},
		"a point of X9.62":   {append([]byte{4}, make([]byte, 64)...), webauthn.CheckKey},
		"something behind":   {append(bytes.Clone(key), 0), webauthn.CheckKey},
		"too long":           {append([]byte{0xa6, 0x18, 99, 0x59, 0x20, 0}, append(make([]byte, 8192), key[1:]...)...), webauthn.CheckKey},
		"longer than any":    {make([]byte, 1<<16), webauthn.CheckKey},
		"unknown algorithms": {[]byte{0xa2, 1, 2, 3, 0x38, 0x63}, webauthn.CheckAlgorithm},
	} {
		_, _, err := w.VerifyKeptKey([]byte("an ID"), c.key)
		var refused *webauthn.Error
		if !errors.As(err, &refused) || refused.Check != c.check {
			t.Errorf("%s: %v, want %s", name, err, c.check)
		}
	}
}

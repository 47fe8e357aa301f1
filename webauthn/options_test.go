package webauthn_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/extension"
)

var update = flag.Bool("update", false, "write the golden files of testdata instead of comparing with them")

// golden compares got with a file of testdata, byte for byte.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (run with -update to rewrite):\n got: %s\nwant: %s", path, got, want)
	}
}

func TestOptionsMarshalAsTheDictionaries(t *testing.T) {
	t.Parallel()
	id := []byte("credential-id-of-a-passkey")
	for name, options := range map[string]any{
		"creation-least": webauthn.CreationOptions{
			RP:        webauthn.RPEntity{ID: rpID, Name: "Example"},
			User:      webauthn.UserEntity{ID: userHandle, Name: "ann@example.com"},
			Challenge: challenge,
		},
		"creation-full": webauthn.CreationOptions{
			RP:                 webauthn.RPEntity{ID: rpID, Name: "Example <\"&\"> 마패"},
			User:               webauthn.UserEntity{ID: userHandle, Name: "ann@example.com", DisplayName: "Ann"},
			Challenge:          challenge,
			Algorithms:         every,
			Timeout:            5 * time.Minute,
			Exclude:            []webauthn.Descriptor{{ID: id, Transports: []string{"internal", "hybrid"}}, {ID: []byte{0xff, 0xfe}}},
			Attachment:         webauthn.AttachmentPlatform,
			ResidentKey:        webauthn.ResidentKeyRequired,
			UserVerification:   webauthn.UserVerificationRequired,
			Hints:              []webauthn.Hint{webauthn.HintClientDevice, webauthn.HintHybrid},
			Attestation:        webauthn.ConveyanceDirect,
			AttestationFormats: []string{"packed", "tpm"},
			Extensions:         extension.Inputs{CredProps: true, MinPinLength: true, PRF: &extension.PRF{}, CredProtect: extension.ProtectionRequired}.Map(),
		},
		"request-least": webauthn.RequestOptions{Challenge: challenge},
		"request-full": webauthn.RequestOptions{
			RPID:             rpID,
			Challenge:        challenge,
			Timeout:          300 * time.Second,
			Allow:            []webauthn.Descriptor{{ID: id, Transports: []string{"usb"}}},
			UserVerification: webauthn.UserVerificationDiscouraged,
			Hints:            []webauthn.Hint{webauthn.HintSecurityKey},
			Extensions:       extension.Inputs{AppID: appID, LargeBlob: extension.LargeBlob{Read: true}}.Map(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".json", append(marshal(t, options), '\n'))
		})
	}
}

func TestOptionsThatNoCeremonyCouldUseDoNotMarshal(t *testing.T) {
	t.Parallel()
	good := webauthn.CreationOptions{User: webauthn.UserEntity{ID: userHandle}, Challenge: challenge}
	with := func(change func(o *webauthn.CreationOptions)) webauthn.CreationOptions {
		o := good
		change(&o)
		return o
	}
	marshal(t, good)
	for name, options := range map[string]any{
		"creation, short challenge":      with(func(o *webauthn.CreationOptions) { o.Challenge = make([]byte, 15) }),
		"creation, no user handle":       with(func(o *webauthn.CreationOptions) { o.User.ID = nil }),
		"creation, user handle too long": with(func(o *webauthn.CreationOptions) { o.User.ID = make([]byte, 65) }),
		"creation, unknown algorithm":    with(func(o *webauthn.CreationOptions) { o.Algorithms = []webauthn.Algorithm{-999} }),
		"request, short challenge":       webauthn.RequestOptions{Challenge: make([]byte, 15)},
	} {
		if b, err := json.Marshal(options); err == nil {
			t.Errorf("%s: marshals as %s", name, b)
		}
	}
}

func TestDefaultAlgorithmsAreThoseThatPeopleComeFrom(t *testing.T) {
	t.Parallel()
	want := []webauthn.Algorithm{-8, -7, -257}
	got := webauthn.DefaultAlgorithms()
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("algorithms = %v, want %v", got, want)
	}
	// Without a list the same three are accepted, and no other.
	w := registrationWant()
	w.Algorithms = nil
	for _, alg := range every {
		_, err := finishRegistration(create(t, newKey("defaults"), alg), w)
		check := webauthn.CheckAlgorithm
		if alg == webauthn.ES256 || alg == webauthn.EdDSA || alg == webauthn.RS256 {
			check = ""
		}
		wantCheck(t, err, check)
	}
}

func TestNamesAndNumbers(t *testing.T) {
	t.Parallel()
	id := webauthn.AAGUID{0xea, 0x9b, 0x8d, 0x66, 0x4d, 0x01, 0x1d, 0x21, 0x3c, 0xe4, 0xb6, 0xb4, 0x8c, 0xb5, 0x75, 0xd4}
	if got, want := id.String(), "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"; got != want {
		t.Errorf("AAGUID = %s, want %s", got, want)
	}
	if got := webauthn.Algorithm(-999).String(); got != "-999" {
		t.Errorf("unknown algorithm = %s", got)
	}
	if webauthn.Algorithm(-999).Supported() || !webauthn.ES512.Supported() {
		t.Error("wrong idea of what is supported")
	}
}

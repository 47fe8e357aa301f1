package webauthn

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/internal/strictjson"
)

// The fuzz targets look for panics, and for what must hold of any input.

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","attestationObject":"oA","transports":["usb"]}}`,
		`{"a":[1,-2.5e3,true,false,null,"\ud83d\ude00\n"],"b":{}}`, `{"\u0061":"\ud800"}`, `[`, `{"a":1e400}`, "\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := strictjson.New(data)
		s.Raw()
		if s.End() == nil && (!json.Valid(data) || !utf8.Valid(data)) {
			t.Errorf("read what is not JSON: %q", data)
		}
		r, err := ParseRegistration(data)
		if err == nil && (len(r.ID) == 0 || len(r.ClientDataJSON) == 0) {
			t.Errorf("registration without its parts: %q", data)
		}
		a, err := ParseAssertion(data)
		if err == nil && (len(a.ID) == 0 || len(a.ClientDataJSON) == 0 || len(a.AuthenticatorData) == 0 || len(a.Signature) == 0) {
			t.Errorf("assertion without its parts: %q", data)
		}
	})
}

func FuzzClientData(f *testing.F) {
	for _, s := range []string{
		`{"type":"webauthn.get","challenge":"AAAA","origin":"https://example.com","crossOrigin":false}`,
		"\xef\xbb\xbf{}", `{"topOrigin":1,"topOrigin":"x"}`, `{"challenge":"AA=="}`,
	} {
		f.Add([]byte(s))
	}
	party := &RelyingParty{Origins: []string{"https://example.com"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		challenge, err := challengeOf(data, "7.2.11")
		if err != nil {
			challenge = []byte{0}
		}
		c, err := authentication.verifyClientData(data, party, challenge)
		if err == nil && (string(c.origin.value) != party.Origins[0] || string(c.kind.value) != "webauthn.get" || c.crossOrigin || c.topOrigin.is) {
			t.Errorf("accepted %q", data)
		}
	})
}

func FuzzAuthenticatorData(f *testing.F) {
	f.Add(make([]byte, 37))
	f.Add(append(append(make([]byte, 32), 0xc1, 0, 0, 0, 1), append(make([]byte, 16), 0, 1, 9, 0xa1, 1, 2, 0xa0)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := readAuthData(data)
		if err != nil {
			return
		}
		if size := authDataHeader + len(d.extensions); !d.has(flagAttestedData) && size != len(data) {
			t.Errorf("%d bytes read of %d", size, len(data))
		}
		if size := authDataHeader + 18 + len(d.credentialID) + len(d.publicKey) + len(d.extensions); d.has(flagAttestedData) && size != len(data) {
			t.Errorf("%d bytes read of %d", size, len(data))
		}
	})
}

func FuzzCOSE(f *testing.F) {
	f.Add([]byte("\xa5\x01\x02\x03\x26\x20\x01\x21\x41\x00\x22\x41\x00"))
	f.Add([]byte("\xa4\x01\x01\x03\x27\x20\x06\x21\x41\x00"))
	f.Add([]byte("\xa4\x01\x03\x03\x39\x01\x00\x20\x41\x00\x21\x43\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := cbor.Whole(data)
		if err != nil {
			return
		}
		key, err := parseKey(m, nil)
		if err != nil {
			return
		}
		// A key that is taken has one canonical form, which reads as the same key.
		canonical := key.encode()
		again, err := cbor.Whole(canonical)
		if err != nil {
			t.Fatal(err)
		}
		second, err := parseKey(again, nil)
		if err != nil || !bytes.Equal(second.encode(), canonical) {
			t.Errorf("%x → %x, %v", data, canonical, err)
		}
		key.verify(data, data, data)
	})
}

// FuzzAttestation registers with any attestation object. What is taken without
// a verifier is of format none or self attestation, and signs in later.
func FuzzAttestation(f *testing.F) {
	for _, object := range ownAttestationObjects(f) {
		f.Add(object)
	}
	challenge := []byte("0123456789abcdef0123456789abcdef")
	client := []byte(`{"type":"webauthn.create","challenge":"` + encode64(challenge) + `","origin":"https://example.com"}`)
	want := RegistrationWant{
		RelyingParty: RelyingParty{ID: "example.com", Origins: []string{"https://example.com"}}, Challenge: challenge,
		Algorithms: []Algorithm{ES256, EdDSA, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512},
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		r := &RegistrationResponse{ClientDataJSON: client, AttestationObject: object}
		if o, err := readAttestationObject(object); err == nil {
			r.ID = o.auth.credentialID
		}
		made, err := VerifyRegistration(r, want)
		if err != nil {
			if refused := (*Error)(nil); !errors.As(err, &refused) || refused.Step == "" || refused.Check == "" {
				t.Errorf("error %v names no step or check", err)
			}
			return
		}
		format := made.Credential.AttestationFormat
		if !(format == "none" && made.AttestationType == AttestationTypeNone || format == "packed" && made.AttestationType == AttestationTypeSelf) {
			t.Errorf("format %q was taken as %q", format, made.AttestationType)
		}
		m, err := cbor.Whole(made.Credential.PublicKey)
		if err != nil {
			t.Fatalf("the record's key %x: %v", made.Credential.PublicKey, err)
		}
		if _, err := parseKey(m, nil); err != nil {
			t.Errorf("a key was registered that can't sign in: %v", err)
		}
	})
}

// ownAttestationObjects are those of testdata/vectors.json.
func ownAttestationObjects(f *testing.F) (all [][]byte) {
	data, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		f.Fatal(err)
	}
	var vectors []struct {
		Registration json.RawMessage `json:"registration"`
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		f.Fatal(err)
	}
	for _, v := range vectors {
		r, err := ParseRegistration(v.Registration)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, r.AttestationObject)
	}
	return all
}

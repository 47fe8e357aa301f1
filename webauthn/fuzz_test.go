package webauthn

import (
	"bytes"
	"encoding/json"
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

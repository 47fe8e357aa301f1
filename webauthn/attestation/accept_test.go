package attestation_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation"
	"github.com/mapae/mapae/webauthntest"
)

// TestWhatIsUnusualButRightIsAccepted shows for each setting and tolerance that
// it is there; what it tolerates is refused without it in TestBadInputs.
func TestWhatIsUnusualButRightIsAccepted(t *testing.T) {
	t.Parallel()
	const packed, tpm, android, u2f, none = webauthntest.AttestationPacked, webauthntest.AttestationTPM, webauthntest.AttestationAndroidKey, webauthntest.AttestationFIDOU2F, webauthntest.AttestationNone
	policy := func(p attestation.Policy) func(*attestation.Verifier) {
		return func(v *attestation.Verifier) { v.Policy = p }
	}
	model := webauthn.AAGUID(newKey(packed).AAGUID)
	scheme := func(b []byte) []byte { // ECDSA with SHA-256 in the place of no scheme
		return append(append(bytes.Clone(b[:offsetScheme]), 0, 0x18, 0, 0x0b), b[offsetScheme+2:]...)
	}
	for _, c := range []badInput{
		{"", "the certificate itself is an anchor", packed, "", "", nil, anchorOf(packed, nil)},
		{"", "the anchor is in x5c too", packed, "", "", chain(func(l [][]byte) [][]byte { return append(l, theCA().Root.Raw) }), nil},
		{"", "the intermediate is the anchor", packed, "", "", nil, func(v *attestation.Verifier) {
			v.Anchors = []attestation.Anchor{{Certificate: theCA().Intermediate}}
		}},
		{"", "further certificates in any order", packed, "", "", chain(func(l [][]byte) [][]byte { return [][]byte{l[0], otherCA().Root.Raw, l[1]} }), nil},
		{"", "an anchor for this format and model", packed, "", "", nil, func(v *attestation.Verifier) {
			v.Anchors[0].Formats, v.Anchors[0].AAGUIDs = []string{"packed"}, []webauthn.AAGUID{model}
		}},
		{"", "no AAGUID in the certificate", packed, "", "", extra(webauthntest.OIDExtensionAAGUID, false, nil), nil},
		{"", "the serial number of the device", packed, "", "", extra(webauthntest.OIDExtensionSerial, false, []byte{4, 2, 1, 2}), nil},
		{"", "members nobody knows", packed, "", "", set("more", "text"), nil},
		{"", "a signing scheme in pubArea", tpm, "", "", pubArea(scheme), nil},
		{"", "U2F with an AAGUID, by setting", u2f, "", "", func(a *webauthntest.Authenticator) { a.AAGUID = [16]byte{1} }, func(v *attestation.Verifier) { v.InsecureU2FAAGUID = true }},
		{"", "Android software, by setting", android, "", "", androidLists(androidGood, webauthntest.AndroidList()), func(v *attestation.Verifier) { v.AndroidSoftware = true }},
		{"", "Android untold, by setting", android, "", "", androidLists(webauthntest.AndroidList(), webauthntest.AndroidList()), func(v *attestation.Verifier) { v.InsecureAndroidUntold = true }},
		{"", "in the allow list", packed, "", "", nil, policy(attestation.Policy{Allow: []webauthn.AAGUID{{1}, model}})},
		{"", "without AAGUID, in the allow list", none, "", "", nil, policy(attestation.Policy{Unattested: true, Allow: []webauthn.AAGUID{{}}})},
		{"", "none, by policy", none, "", "", nil, policy(attestation.Policy{Unattested: true})},
		{"", "bound to its device", packed, "", "", nil, policy(attestation.Policy{DeviceBound: true})},
		{"", "of a wanted format", packed, "", "", nil, policy(attestation.Policy{Formats: []string{"tpm", "packed"}})},
		{"", "compound of wanted formats", webauthntest.AttestationCompound, "", "", nil, policy(attestation.Policy{Unattested: true, Formats: []string{"compound", "packed"}})},
		{"", "compound with none", webauthntest.AttestationCompound, "", "", parts(func(l []any) []any { return append(l, part("none")) }), policy(attestation.Policy{Unattested: true})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, v := newKey(c.kind), newVerifier()
			if c.forge != nil {
				c.forge(a)
			}
			if c.policy != nil {
				c.policy(v)
			}
			_, err := register(t, a, v)
			wantRefusal(t, err, "", "")
		})
	}
}

func TestACompoundStatementAttestsWhereEveryPartDoes(t *testing.T) {
	t.Parallel()
	a := newKey(webauthntest.AttestationCompound)
	a.Forge.Compound = func(l []any) []any { return []any{l[0], l[0]} }
	r, err := newVerifier().Verify(statement(t, a))
	if err != nil {
		t.Fatal(err)
	}
	if r.Type != "Basic or AttCA, Basic or AttCA" || len(r.Parts) != 2 || r.Parts[1].Format != "packed" || len(r.Parts[1].Path) != 3 {
		t.Errorf("result is %+v", r)
	}
	// Its parts vouch for the model, so that an allow list can name it.
	v := newVerifier()
	v.Policy.Allow = []webauthn.AAGUID{webauthn.AAGUID(a.AAGUID)}
	if _, err := v.Verify(statement(t, a)); err != nil {
		t.Error(err)
	}
}

func TestTheSerialNumberOfADeviceIsTold(t *testing.T) {
	t.Parallel()
	a := newKey(webauthntest.AttestationPacked)
	extra(webauthntest.OIDExtensionSerial, false, []byte{4, 2, 0xca, 0xfe})(a)
	r, err := newVerifier().Verify(statement(t, a))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Serial, []byte{0xca, 0xfe}) {
		t.Errorf("serial is %x", r.Serial)
	}
}

func TestU2FDoesNotProveAModel(t *testing.T) {
	t.Parallel()
	a, v := newKey(webauthntest.AttestationFIDOU2F), newVerifier()
	a.AAGUID = [16]byte{1}
	v.InsecureU2FAAGUID = true
	v.Policy.Allow = []webauthn.AAGUID{{1}}
	_, err := register(t, a, v)
	wantRefusal(t, err, noTrust, "aaguid_unlisted")
	v.Policy.Allow = []webauthn.AAGUID{{}}
	_, err = register(t, a, v)
	wantRefusal(t, err, "", "")
}

func TestWithoutAClockItIsNow(t *testing.T) {
	t.Parallel()
	v := newVerifier()
	v.Clock = nil
	_, err := register(t, newKey(webauthntest.AttestationPacked), v)
	wantRefusal(t, err, "", "")
}

// TestEveryPrefixOfTPMStructuresIsRefused signs each, so that nothing else is wrong.
func TestEveryPrefixOfTPMStructuresIsRefused(t *testing.T) {
	t.Parallel()
	proven := 0
	for _, alg := range []webauthn.Algorithm{webauthn.ES256, webauthn.RS256} {
		lengths := map[string]int{}
		cut := func(name string, n int) func([]byte) []byte {
			return func(b []byte) []byte {
				lengths[name] = len(b)
				return b[:min(n, len(b))]
			}
		}
		whole := newKey(webauthntest.AttestationTPM)
		if alg == webauthn.RS256 {
			whole.Reuse = rsaKey()
		}
		whole.Forge.CertInfo, whole.Forge.PubArea = cut("certInfo", 1000), cut("pubArea", 1000)
		if _, err := register(t, whole, newVerifier(), alg); err != nil {
			t.Fatal(err)
		}
		credentials := whole.Credentials()
		for name, length := range lengths {
			for n := range length {
				a := newKey(webauthntest.AttestationTPM)
				if name == "certInfo" {
					a.Forge.CertInfo = cut(name, n)
				} else {
					a.Forge.PubArea = cut(name, n)
				}
				a.Reuse = credentials[0].Key
				_, err := register(t, a, newVerifier(), alg)
				wantRefusal(t, err, bad, "8.3 "+name)
				proven++
			}
		}
	}
	t.Logf("proven: %d prefixes", proven)
	if proven < 600 {
		t.Errorf("%d prefixes", proven)
	}
}

func TestAnRSAKeyInPubAreaIsThatOfTheCredential(t *testing.T) {
	t.Parallel()
	const offsetBits, offsetExponent = 14, 16
	for name, c := range map[string]struct {
		change func([]byte) []byte
		check  webauthn.Check
	}{
		"as it is":         {at(0), ""},
		"exponent told":    {at(offsetExponent, 0, 1, 0, 1), ""},
		"another exponent": {at(offsetExponent, 0, 0, 0, 3), bad},
		"other bits told":  {at(offsetBits, 4, 0), bad},
		"another modulus":  {at(offsetExponent+4+2, 0xff), bad},
		"a curve's key":    {at(0, 0, 0x23), bad},
	} {
		a := newKey(webauthntest.AttestationTPM)
		a.Reuse, a.Forge.PubArea = rsaKey(), c.change
		_, err := register(t, a, newVerifier(), webauthn.RS256)
		if c.check == "" {
			wantRefusal(t, err, "", "")
		} else {
			wantRefusal(t, err, c.check, "8.3 pubArea")
		}
		if t.Failed() {
			t.Log(name)
		}
	}
}

func TestRSAKeysInCertificatesAreBounded(t *testing.T) {
	t.Parallel()
	a := newKey(webauthntest.AttestationPacked)
	a.Forge.Statement = func(m map[string]any) {
		m["x5c"] = append(m["x5c"].([][]byte), hugeCertificate(8192), hugeCertificate(8200))
	}
	_, err := register(t, a, newVerifier())
	wantRefusal(t, err, bad, "8.2 x5c")
	a.Forge.Statement = func(m map[string]any) { m["x5c"] = append(m["x5c"].([][]byte), hugeCertificate(8192)) }
	_, err = register(t, a, newVerifier())
	wantRefusal(t, err, "", "")
}

func TestAReasonIsFoundInTheError(t *testing.T) {
	t.Parallel()
	_, err := register(t, newKey(webauthntest.AttestationNone), newVerifier())
	if !errors.Is(err, attestation.ReasonUnattested) || errors.Is(err, attestation.ReasonChain) {
		t.Errorf("error is %v", err)
	}
	if !strings.HasSuffix(err.Error(), "trust: got \"None\", want an attestation, unattested") {
		t.Errorf("error reads %q", err)
	}
	var told interface{ Reason() string }
	if !errors.As(err, &told) || told.Reason() != "unattested" {
		t.Errorf("reason is %v", told)
	}
}

func TestTheListOfTPMVendorsIsWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, id := range attestation.DefaultTPMVendors() {
		if len(id) != 11 || id[:3] != "id:" || bytes.ToUpper([]byte(id[3:]))[0] != id[3] || seen[id] {
			t.Errorf("%q is malformed, or there twice", id)
		}
		seen[id] = true
	}
	if len(seen) < 25 {
		t.Errorf("%d vendors", len(seen))
	}
}

func TestU2FHasKeysOnP256Only(t *testing.T) {
	t.Parallel()
	s := *statement(t, newKey(webauthntest.AttestationFIDOU2F))
	s.Key = p384Key().Public()
	_, err := newVerifier().Verify(&s)
	wantRefusal(t, err, bad, "8.6 public key")
	s.Key = nil
	_, err = newVerifier().Verify(&s)
	wantRefusal(t, err, bad, "8.6 public key")
}

package attestation_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation"
	"github.com/mapae/mapae/webauthntest"
)

// A badInput is an input of a row of bad-inputs.tsv: a format, what makes it
// wrong, and where it must be refused. The rows of MDS are in package mds.
type badInput struct {
	row, name string
	kind      webauthntest.Attestation
	check     webauthn.Check
	at        string // step, or reason for check trust
	forge     func(a *webauthntest.Authenticator)
	policy    func(v *attestation.Verifier)
}

const (
	bad     = webauthn.CheckAttestation
	noTrust = webauthn.CheckTrust
)

func badInputs() []badInput {
	var all []badInput
	for _, group := range [][]badInput{badFormats(), badPacked(), badTrust(), badPackedCertificates(), badTPM(), badOthers(), badPolicies()} {
		all = append(all, group...)
	}
	return all
}

func TestBadInputs(t *testing.T) {
	t.Parallel()
	for _, c := range badInputs() {
		t.Run(c.row+" "+c.name, func(t *testing.T) {
			t.Parallel()
			a, v := newKey(c.kind), newVerifier()
			if c.forge != nil {
				c.forge(a)
			}
			if c.policy != nil {
				c.policy(v)
			}
			_, err := register(t, a, v)
			wantRefusal(t, err, c.check, c.at)
		})
	}
}

// TestBadInputsCoverTheTable holds the cases against the table: no row of group
// T without a case, none with another check than the row's.
func TestBadInputsCoverTheTable(t *testing.T) {
	t.Parallel()
	checks := map[string]webauthn.Check{"ErrAttestation": bad, "ErrTrust": noTrust, "refused unless enabled": bad}
	cases := map[string][]badInput{}
	for _, c := range badInputs() {
		cases[c.row] = append(cases[c.row], c)
	}
	rows := 0
	for line := range strings.Lines(string(dataFile(t, "bad-inputs.tsv"))) {
		row := strings.Split(line, "\t")
		if len(row) < 8 || row[1] != "T" {
			continue
		}
		rows++
		want, known := checks[row[7]]
		if !known { // t-mds-sig and t-mds-rollback: a BLOB is refused, see package mds
			if !strings.HasPrefix(row[3], "t-mds-") {
				t.Errorf("%s %s: verdict %q", row[0], row[3], row[7])
			}
			continue
		}
		if len(cases[row[0]]) == 0 {
			t.Errorf("%s %s: no case", row[0], row[3])
		}
		for _, c := range cases[row[0]] {
			if c.check != want {
				t.Errorf("%s %s: refused by %q, and the row says %q", row[0], c.name, c.check, want)
			}
		}
	}
	if rows != 27 {
		t.Errorf("%d rows, want 27", rows)
	}
}

// dataFile returns a file of the data that is not committed: below $MAPAE_DATA,
// by default beside the repository. Without it the test is skipped, but fails
// where CI is set.
func dataFile(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("MAPAE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err == nil {
		return b
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%v: set MAPAE_DATA to the directory that holds it", err)
	}
	t.Skipf("%v: set MAPAE_DATA to the directory that holds it", err)
	return nil
}

// set puts a member of attStmt in the place of what is there; nil removes it.
func set(key string, value any) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) {
		a.Forge.Statement = func(m map[string]any) {
			if m[key] = value; value == nil {
				delete(m, key)
			}
		}
	}
}

// flip turns the last bit of a member round.
func flip(key string) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) {
		a.Forge.Statement = func(m map[string]any) { m[key].([]byte)[len(m[key].([]byte))-1] ^= 1 }
	}
}

// chain changes x5c.
func chain(f func(list [][]byte) [][]byte) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) {
		a.Forge.Statement = func(m map[string]any) { m["x5c"] = f(m["x5c"].([][]byte)) }
	}
}

// certificate changes the attestation certificate.
func certificate(f func(*x509.Certificate)) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) { a.Forge.Certificate = f }
}

// extra adds an extension, or puts it in the place of the one that is there.
func extra(id asn1.ObjectIdentifier, critical bool, value []byte) func(*webauthntest.Authenticator) {
	return certificate(func(c *x509.Certificate) {
		var kept []pkix.Extension
		for _, e := range c.ExtraExtensions {
			if !e.Id.Equal(id) {
				kept = append(kept, e)
			}
		}
		if value != nil {
			kept = append(kept, pkix.Extension{Id: id, Critical: critical, Value: value})
		}
		c.ExtraExtensions = kept
	})
}

// object replaces a text in the attestation object, such as the format.
func object(old, replacement string) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) {
		a.Forge.AttestationObject = func(b []byte) []byte {
			return []byte(strings.Replace(string(b), old, replacement, 1))
		}
	}
}

func badFormats() []badInput {
	none, packed := webauthntest.AttestationNone, webauthntest.AttestationPacked
	return []badInput{
		{"BI-287", "none with a statement", none, bad, "7.1.22", set("a", 1), nil},
		{"BI-289", "format of 33 bytes", none, bad, "7.1.21", object("dnone", "x\x21"+strings.Repeat("a", 33)), nil},
		{"BI-289", "format nobody knows", none, bad, "7.1.21", object("dnone", "dnope"), nil},
		{"BI-290", "packed with an empty statement", none, bad, "7.1.22", object("dnone", "fpacked"), nil},
		{"BI-320", "SafetyNet", none, bad, "8.5", object("dnone", "qandroid-safetynet"), nil},
		{"BI-292", "sig missing", packed, bad, "8.2 sig", set("sig", nil), nil},
		{"BI-292", "sig a text", packed, bad, "8.2 sig", set("sig", "text"), nil},
		{"BI-292", "sig empty", packed, bad, "8.2 sig", set("sig", []byte{}), nil},
		{"BI-292", "alg missing", packed, bad, "8.2 alg", set("alg", nil), nil},
		{"BI-292", "alg beyond 32 bits", packed, bad, "8.2 alg", set("alg", int64(1)<<32-7), nil},
	}
}

func badPacked() []badInput {
	packed := webauthntest.AttestationPacked
	return []badInput{
		{"BI-293", "sig wrong", packed, bad, "8.2 sig", flip("sig"), nil},
		{"BI-293", "self attestation, sig wrong", webauthntest.AttestationPackedSelf, bad, "7.1.22", flip("sig"), nil},
		{"BI-293", "self attestation, alg of another key", webauthntest.AttestationPackedSelf, bad, "7.1.22", set("alg", -8), nil},
		{"BI-293", "alg of another kind of key", packed, bad, "8.2 sig", set("alg", -257), nil},
		{"BI-293", "alg of another curve", packed, bad, "8.2 sig", set("alg", -35), nil},
		{"BI-293", "alg that nobody knows", packed, bad, "8.2 sig", set("alg", -999), nil},
		{"BI-293", "alg with SHA-1", packed, bad, "8.2 alg", set("alg", -65535), nil},
		{"BI-295", "x5c a text", packed, bad, "8.2 x5c", set("x5c", "text"), nil},
		{"BI-295", "x5c empty", packed, bad, "8.2 x5c", set("x5c", [][]byte{}), nil},
		{"BI-295", "x5c of nine", packed, bad, "8.2 x5c", chain(func(l [][]byte) [][]byte { return append(l, l[1], l[1], l[1], l[1], l[1], l[1], l[1]) }), nil},
		{"BI-295", "entry not bytes", packed, bad, "8.2 x5c", set("x5c", []any{1}), nil},
		{"BI-295", "second entry not bytes", packed, bad, "8.2 x5c", func(a *webauthntest.Authenticator) {
			a.Forge.Statement = func(m map[string]any) { m["x5c"] = []any{m["x5c"].([][]byte)[0], "text"} }
		}, nil},
		{"BI-296", "certificate not DER", packed, bad, "8.2 x5c", set("x5c", [][]byte{[]byte("garbage")}), nil},
		{"BI-296", "certificate with bytes behind it", packed, bad, "8.2 x5c", chain(func(l [][]byte) [][]byte { return [][]byte{append(l[0], 0), l[1]} }), nil},
		{"BI-298", "certificate of another batch", packed, bad, "8.2 sig", chain(func(l [][]byte) [][]byte { return [][]byte{theCA().Intermediate.Raw} }), nil},
		{"BI-298", "certificate of another maker's batch", packed, bad, "8.2 sig", func(a *webauthntest.Authenticator) {
			other := newKey(packed)
			other.CA = otherCA()
			var theirs any
			other.Forge.Statement = func(m map[string]any) { theirs = m["x5c"] }
			a.Forge.Statement = func(m map[string]any) {
				if _, err := other.Create([]byte(`{"rp":{"id":"example.com"},"user":{"id":"AA","name":"a"},"challenge":"AA","pubKeyCredParams":[{"type":"public-key","alg":-7}]}`)); err != nil {
					panic(err)
				}
				m["x5c"] = theirs
			}
		}, nil},
	}
}

func badTrust() []badInput {
	packed := webauthntest.AttestationPacked
	at := func(at time.Time) func(*attestation.Verifier) {
		return func(v *attestation.Verifier) { v.Clock = func() time.Time { return at } }
	}
	strange := func(a *webauthntest.Authenticator) { a.CA = otherCA() }
	return []badInput{
		{"BI-299", "leaf expired", packed, noTrust, "expired", certificate(func(c *x509.Certificate) { c.NotAfter = today.Add(-time.Hour) }), nil},
		{"BI-299", "leaf not valid yet", packed, noTrust, "expired", certificate(func(c *x509.Certificate) { c.NotBefore = today.Add(time.Hour) }), nil},
		{"BI-299", "intermediate expired", packed, noTrust, "expired", certificate(func(c *x509.Certificate) { c.NotAfter = c.NotAfter.AddDate(50, 0, 0) }), at(today.AddDate(95, 0, 0))},
		{"BI-299", "anchor itself expired", packed, noTrust, "expired", certificate(func(c *x509.Certificate) { c.NotAfter = today.Add(-time.Hour) }), anchorOf(packed, func(c *x509.Certificate) { c.NotAfter = today.Add(-time.Hour) })},
		{"BI-299", "anchor itself not valid yet", packed, noTrust, "expired", certificate(func(c *x509.Certificate) { c.NotBefore = today.Add(time.Hour) }), anchorOf(packed, func(c *x509.Certificate) { c.NotBefore = today.Add(time.Hour) })},
		{"BI-301", "another maker", packed, noTrust, "chain", strange, nil},
		{"BI-301", "intermediate missing", packed, noTrust, "chain", chain(func(l [][]byte) [][]byte { return l[:1] }), nil},
		{"BI-301", "intermediate not readable", packed, noTrust, "chain", chain(func(l [][]byte) [][]byte { return [][]byte{l[0], l[1][1:]} }), nil},
		{"BI-301", "no anchor at all", packed, noTrust, "chain", nil, func(v *attestation.Verifier) { v.Anchors = nil }},
		{"BI-301", "anchor of another format", packed, noTrust, "chain", nil, func(v *attestation.Verifier) { v.Anchors[0].Formats = []string{"tpm", "apple"} }},
		{"BI-301", "anchor of another model", packed, noTrust, "chain", nil, func(v *attestation.Verifier) { v.Anchors[0].AAGUIDs = []webauthn.AAGUID{{1}} }},
		{"BI-301", "another maker's TPM", webauthntest.AttestationTPM, noTrust, "chain", strange, nil},
		{"BI-301", "another maker's Android", webauthntest.AttestationAndroidKey, noTrust, "chain", strange, nil},
		{"BI-301", "another Apple", webauthntest.AttestationApple, noTrust, "chain", strange, nil},
		{"BI-301", "another maker's U2F", webauthntest.AttestationFIDOU2F, noTrust, "chain", strange, nil},
		{"BI-301", "another maker in a compound", webauthntest.AttestationCompound, noTrust, "chain", strange, func(v *attestation.Verifier) { v.Policy.Unattested = true }},
		{"BI-301", "critical extension nobody knows", packed, noTrust, "chain", extra(asn1.ObjectIdentifier{1, 2, 3, 4}, true, []byte{5, 0}), nil},
		{"BI-302", "own root in x5c", packed, noTrust, "chain", func(a *webauthntest.Authenticator) {
			strange(a)
			a.Forge.Statement = func(m map[string]any) { m["x5c"] = append(m["x5c"].([][]byte), otherCA().Root.Raw) }
		}, nil},
		{"BI-302", "own root as certificate", packed, noTrust, "chain", func(a *webauthntest.Authenticator) {
			strange(a)
			a.Forge.Statement = func(m map[string]any) { m["x5c"] = [][]byte{m["x5c"].([][]byte)[0], theCA().Root.Raw} }
		}, nil},
	}
}

// anchorOf trusts nothing but the attestation certificate of a format, as it is
// after change.
func anchorOf(kind webauthntest.Attestation, change func(*x509.Certificate)) func(*attestation.Verifier) {
	return func(v *attestation.Verifier) {
		a := newKey(kind)
		a.Forge.Certificate = change
		a.Forge.Statement = func(m map[string]any) {
			leaf, err := x509.ParseCertificate(m["x5c"].([][]byte)[0])
			if err != nil {
				panic(err)
			}
			v.Anchors = []attestation.Anchor{{Certificate: leaf}}
		}
		if _, err := a.Create([]byte(`{"rp":{"id":"example.com"},"user":{"id":"AA","name":"a"},"challenge":"AA","pubKeyCredParams":[{"type":"public-key","alg":-7}]}`)); err != nil {
			panic(err)
		}
	}
}

func badPackedCertificates() []badInput {
	packed := webauthntest.AttestationPacked
	subject := func(f func(*pkix.Name)) func(*webauthntest.Authenticator) {
		return certificate(func(c *x509.Certificate) { f(&c.Subject) })
	}
	aaguid := webauthntest.OIDExtensionAAGUID
	return []badInput{
		{"BI-304", "OU another", packed, bad, "8.2.1 subject OU", subject(func(n *pkix.Name) { n.OrganizationalUnit = []string{"authenticator attestation"} }), nil},
		{"BI-304", "OU missing", packed, bad, "8.2.1 subject OU", subject(func(n *pkix.Name) { n.OrganizationalUnit = nil }), nil},
		{"BI-304", "C missing", packed, bad, "8.2.1 subject C", subject(func(n *pkix.Name) { n.Country = nil }), nil},
		{"BI-304", "O missing", packed, bad, "8.2.1 subject O", subject(func(n *pkix.Name) { n.Organization = nil }), nil},
		{"BI-304", "CN missing", packed, bad, "8.2.1 subject CN", subject(func(n *pkix.Name) { n.CommonName = "" }), nil},
		{"BI-304", "an authority", packed, bad, "8.2.1 basic constraints", certificate(func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }), nil},
		{"BI-304", "no basic constraints", packed, bad, "8.2.1 basic constraints", certificate(func(c *x509.Certificate) { c.BasicConstraintsValid = false }), nil},
		{"BI-304", "version 1", packed, bad, "8.2.1 version", versionOne, nil},
		{"BI-305", "AAGUID differs", packed, bad, "8.2.1 id-fido-gen-ce-aaguid", extra(aaguid, false, append([]byte{4, 16}, make([]byte, 16)...)), nil},
		{"BI-305", "AAGUID critical", packed, bad, "8.2.1 id-fido-gen-ce-aaguid", func(a *webauthntest.Authenticator) {
			extra(aaguid, true, append([]byte{4, 16}, a.AAGUID[:]...))(a)
		}, nil},
		{"BI-305", "AAGUID wrapped once", packed, bad, "8.2.1 id-fido-gen-ce-aaguid", func(a *webauthntest.Authenticator) { extra(aaguid, false, a.AAGUID[:])(a) }, nil},
		{"BI-305", "AAGUID with bytes behind it", packed, bad, "8.2.1 id-fido-gen-ce-aaguid", func(a *webauthntest.Authenticator) {
			extra(aaguid, false, append(append([]byte{4, 16}, a.AAGUID[:]...), 0))(a)
		}, nil},
		{"BI-305", "serial number critical", packed, bad, "8.2.2 id-fido-gen-ce-sernum", extra(webauthntest.OIDExtensionSerial, true, []byte{4, 1, 7}), nil},
		{"BI-305", "serial number wrapped once", packed, bad, "8.2.2 id-fido-gen-ce-sernum", extra(webauthntest.OIDExtensionSerial, false, []byte{7}), nil},
	}
}

func badPolicies() []badInput {
	packed := webauthntest.AttestationPacked
	policy := func(p attestation.Policy) func(*attestation.Verifier) {
		return func(v *attestation.Verifier) { v.Policy = p }
	}
	model := webauthn.AAGUID(newKey(packed).AAGUID)
	synced := func(a *webauthntest.Authenticator) { a.BackupEligible = true }
	return []badInput{
		{"BI-322", "not in the allow list", packed, noTrust, "aaguid_unlisted", nil, policy(attestation.Policy{Allow: []webauthn.AAGUID{{1}, {2}}})},
		{"BI-322", "the allow list is empty", packed, noTrust, "aaguid_unlisted", nil, policy(attestation.Policy{Allow: []webauthn.AAGUID{}})},
		{"BI-322", "in the allow list, but only told", webauthntest.AttestationNone, noTrust, "aaguid_unlisted", nil, policy(attestation.Policy{Unattested: true, Allow: []webauthn.AAGUID{model}})},
		{"BI-322", "in the allow list, but only told by the credential itself", webauthntest.AttestationPackedSelf, noTrust, "aaguid_unlisted", nil, policy(attestation.Policy{Unattested: true, Allow: []webauthn.AAGUID{model}})},
		{"BI-322", "in the deny list", packed, noTrust, "aaguid_denied", nil, policy(attestation.Policy{Deny: []webauthn.AAGUID{{1}, model}})},
		{"BI-322", "in the deny list, only told", webauthntest.AttestationNone, noTrust, "aaguid_denied", nil, policy(attestation.Policy{Unattested: true, Deny: []webauthn.AAGUID{model}})},
		{"BI-322", "in both lists", packed, noTrust, "aaguid_denied", nil, policy(attestation.Policy{Allow: []webauthn.AAGUID{model}, Deny: []webauthn.AAGUID{model}})},
		{"BI-322", "synced", packed, noTrust, "synced", synced, policy(attestation.Policy{DeviceBound: true})},
		{"BI-322", "format not wanted", packed, noTrust, "format", nil, policy(attestation.Policy{Formats: []string{"tpm"}})},
		{"BI-322", "format of a part not wanted", webauthntest.AttestationCompound, noTrust, "format", nil, policy(attestation.Policy{Unattested: true, Formats: []string{"compound"}})},
		{"BI-322", "metadata required, and there is none", packed, noTrust, "metadata_missing", nil, policy(attestation.Policy{RequireMetadata: true})},
		{"BI-322", "status required, and there is no metadata", packed, noTrust, "status_missing", nil, policy(attestation.Policy{RequiredStatus: certified})},
		{"BI-323", "asked for and not given: none", webauthntest.AttestationNone, noTrust, "unattested", nil, nil},
		{"BI-323", "asked for and not given: self attestation", webauthntest.AttestationPackedSelf, noTrust, "unattested", nil, nil},
		{"BI-323", "a part gives nothing", webauthntest.AttestationCompound, noTrust, "unattested", nil, nil},
	}
}

package mds_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation/mds"
	"github.com/mapae/mapae/webauthntest"
)

var (
	today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	model = webauthn.AAGUID{1, 2, 3}
)

func newCA(t testing.TB, seed string) *webauthntest.CA {
	t.Helper()
	ca, err := webauthntest.NewCA(seed)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func trust(ca *webauthntest.CA) mds.Trust { return mds.Trust{Roots: []*x509.Certificate{ca.Root}} }

// payload is a MetadataBLOBPayload with one model.
func payload(no int, nextUpdate string, change ...func(entry map[string]any)) map[string]any {
	entry := map[string]any{
		"aaguid": model.String(),
		"metadataStatement": map[string]any{
			"description": "Test Key", "protocolFamily": "fido2", "attestationTypes": []string{"basic_full"},
		},
		"statusReports": []any{map[string]any{"status": "FIDO_CERTIFIED_L1", "effectiveDate": "2024-01-01"}},
	}
	for _, f := range change {
		f(entry)
	}
	return map[string]any{"legalHeader": "for tests", "no": no, "nextUpdate": nextUpdate, "entries": []any{entry}}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sign(t testing.TB, ca *webauthntest.CA, payload any) []byte {
	t.Helper()
	token, err := ca.SignMetadata(marshal(t, payload))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func read(t testing.TB, ca *webauthntest.CA, payload any) (*mds.Blob, error) {
	t.Helper()
	by := trust(ca)
	return by.Read(sign(t, ca, payload), today)
}

func TestABlobIsRead(t *testing.T) {
	t.Parallel()
	ca := newCA(t, "mds")
	root := base64.StdEncoding.EncodeToString(ca.Root.Raw)
	b, err := read(t, ca, payload(7, "2026-12-01", func(e map[string]any) {
		e["metadataStatement"].(map[string]any)["attestationRootCertificates"] = []string{" " + root[:70] + "\n" + root[70:], "nonsense"}
		e["statusReports"] = []any{
			map[string]any{"status": "REVOKED", "effectiveDate": "2026-11-22", "url": "https://example.com"},
			map[string]any{"status": "ATTESTATION_KEY_COMPROMISE", "certificate": root},
			map[string]any{"status": "SOMETHING_NEW", "effectiveDate": "some day", "batchCertificate": "nonsense"},
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if b.Number != 7 || b.LegalHeader != "for tests" || b.NextUpdate.Format(time.DateOnly) != "2026-12-01" || len(b.Entries) != 1 {
		t.Errorf("BLOB is %+v", b)
	}
	e := b.ByAAGUID(model)
	if e == nil || e.AAGUID != model || e.Description != "Test Key" || e.Protocol != "fido2" || e.Unreadable != 1 {
		t.Fatalf("entry is %+v", e)
	}
	if len(e.Roots()) != 1 || !e.Roots()[0].Equal(ca.Root) || !e.Tells() || !e.Attests("basic_full") || e.Attests("attca") {
		t.Errorf("entry is %+v", e)
	}
	later, compromise, unknown := e.Reports[0], e.Reports[1], e.Reports[2]
	if later.InEffect(today) || !later.InEffect(today.AddDate(0, 0, 1)) || later.URL != "https://example.com" {
		t.Errorf("report of tomorrow: %+v", later)
	}
	if !compromise.InEffect(today) || compromise.Concerns([]*x509.Certificate{ca.Intermediate}) || !compromise.Concerns([]*x509.Certificate{ca.Intermediate, ca.Root}) {
		t.Errorf("report about one certificate: %+v", compromise)
	}
	if !unknown.InEffect(today) || !unknown.Concerns(nil) || unknown.Status != "SOMETHING_NEW" {
		t.Errorf("report that can't be read in full: %+v", unknown)
	}
	if b.ByAAGUID(webauthn.AAGUID{9}) != nil || b.ByAAGUID(webauthn.AAGUID{}) != nil || (*mds.Blob)(nil).ByAAGUID(model) != nil || (*mds.Blob)(nil).ByCertificate(ca.Root) != nil {
		t.Error("an entry that is not there")
	}
}

func TestAnOldModelIsFoundByTheKeyOfItsCertificate(t *testing.T) {
	t.Parallel()
	ca := newCA(t, "mds")
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(ca.Root.RawSubjectPublicKeyInfo, &info); err != nil {
		t.Fatal(err)
	}
	hash := crypto.SHA1.New()
	hash.Write(info.Key.Bytes)
	b, err := read(t, ca, payload(1, "2026-12-01", func(e map[string]any) {
		delete(e, "aaguid")
		e["attestationCertificateKeyIdentifiers"] = []string{hexText(hash.Sum(nil)), strings.Repeat("00", 20)}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if b.ByAAGUID(webauthn.AAGUID{}) != nil {
		t.Error("the model is found by the AAGUID that it does not have")
	}
	if b.ByCertificate(ca.Root) == nil || b.ByCertificate(ca.Intermediate) != nil {
		t.Error("the model is found by another certificate than its own")
	}
}

func hexText(b []byte) string {
	const digits = "0123456789abcdef"
	var out []byte
	for _, v := range b {
		out = append(out, digits[v>>4], digits[v&15])
	}
	return string(out)
}

func TestWhatIsSaidTwiceOfAModelAddsUp(t *testing.T) {
	t.Parallel()
	ca := newCA(t, "mds")
	p := payload(1, "2026-12-01")
	p["entries"] = append(p["entries"].([]any), map[string]any{"aaguid": model.String(), "statusReports": []any{map[string]any{"status": "REVOKED"}}})
	b, err := read(t, ca, p)
	if err != nil {
		t.Fatal(err)
	}
	if e := b.ByAAGUID(model); len(e.Reports) != 2 || e.Description != "Test Key" {
		t.Errorf("entry is %+v", e)
	}
}

func TestPayloadsThatCanNotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	ca := newCA(t, "mds")
	for name, p := range map[string]any{
		"not JSON's object":        []int{1},
		"no number":                map[string]any{"nextUpdate": "2026-12-01", "entries": []any{}},
		"no next update":           map[string]any{"no": 1, "entries": []any{}},
		"next update not a day":    payload(1, "soon"),
		"AAGUID too short":         payload(1, "2026-12-01", func(e map[string]any) { e["aaguid"] = "0102" }),
		"AAGUID not hex":           payload(1, "2026-12-01", func(e map[string]any) { e["aaguid"] = strings.Repeat("x", 32) }),
		"key identifier too short": payload(1, "2026-12-01", func(e map[string]any) { e["attestationCertificateKeyIdentifiers"] = []string{"01"} }),
		"key identifier not hex":   payload(1, "2026-12-01", func(e map[string]any) { e["attestationCertificateKeyIdentifiers"] = []string{strings.Repeat("x", 40)} }),
	} {
		if b, err := read(t, ca, p); !errors.Is(err, mds.ErrFormat) || b != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// signer makes tokens that are wrong in one thing.
type signer struct {
	key    crypto.Signer
	alg    string
	hash   crypto.Hash
	chain  [][]byte
	header map[string]any
	pss    bool
}

// newSigner returns one whose tokens are right.
func newSigner(t *testing.T, ca *webauthntest.CA, key crypto.Signer, alg string, hash crypto.Hash, change ...func(*x509.Certificate)) *signer {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(77), NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(1, 0, 0),
		Subject: pkix.Name{CommonName: "signer"}, DNSNames: []string{mds.DefaultSigner},
	}
	for _, f := range change {
		f(template)
	}
	leaf, err := ca.Issue(template, key.Public(), true)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{key: key, alg: alg, hash: hash, chain: [][]byte{leaf.Raw, ca.Intermediate.Raw}, header: map[string]any{"typ": "JWT"}}
}

func (s *signer) token(t *testing.T, p any) []byte {
	t.Helper()
	header := map[string]any{"alg": s.alg, "x5c": s.chain}
	for k, v := range s.header {
		header[k] = v
	}
	text := base64.RawURLEncoding.EncodeToString
	signed := []byte(text(marshal(t, header)) + "." + text(marshal(t, p)))
	h := s.hash.New()
	h.Write(signed)
	var options crypto.SignerOpts = s.hash
	if s.pss {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
	}
	signature, err := s.key.Sign(rand.Reader, h.Sum(nil), options)
	if err != nil {
		t.Fatal(err)
	}
	if key, ok := s.key.(*ecdsa.PrivateKey); ok {
		var pair struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &pair); err != nil {
			t.Fatal(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		signature = append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...)
	}
	return append(append(signed, '.'), text(signature)...)
}

func newECDSA(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestEveryJWSAlgorithmIsVerified(t *testing.T) {
	t.Parallel()
	ca := newCA(t, "mds")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		alg  string
		key  crypto.Signer
		hash crypto.Hash
	}{
		{"ES256", newECDSA(t, elliptic.P256()), crypto.SHA256}, {"ES384", newECDSA(t, elliptic.P384()), crypto.SHA384},
		{"ES512", newECDSA(t, elliptic.P521()), crypto.SHA512},
		{"RS256", rsaKey, crypto.SHA256}, {"RS384", rsaKey, crypto.SHA384}, {"RS512", rsaKey, crypto.SHA512},
		{"PS256", rsaKey, crypto.SHA256}, {"PS384", rsaKey, crypto.SHA384}, {"PS512", rsaKey, crypto.SHA512},
	} {
		s := newSigner(t, ca, c.key, c.alg, c.hash)
		s.pss = c.alg[0] == 'P'
		token := s.token(t, payload(1, "2026-12-01"))
		by := trust(ca)
		if _, err := by.Read(append(token, '\n'), today); err != nil {
			t.Errorf("%s: %v", c.alg, err)
		}
		for _, other := range []string{"none", "HS256", "", "ES256", "ES384", "RS256", "PS256", "EdDSA"} {
			if other == c.alg {
				continue
			}
			s.header["alg"] = other
			if _, err := by.Read(s.token(t, payload(1, "2026-12-01")), today); !errors.Is(err, mds.ErrSignature) {
				t.Errorf("%s told as %q: %v", c.alg, other, err)
			}
		}
	}
}

// TestAnAlgorithmHasItsOwnCurveAndLength holds what RFC 7518 §3.4 says.
func TestAnAlgorithmHasItsOwnCurveAndLength(t *testing.T) {
	t.Parallel()
	ca := newCA(t, "mds")
	by := trust(ca)
	s := newSigner(t, ca, newECDSA(t, elliptic.P256()), "ES384", crypto.SHA384)
	if _, err := by.Read(s.token(t, payload(1, "2026-12-01")), today); !errors.Is(err, mds.ErrSignature) {
		t.Errorf("ES384 on P-256: %v", err)
	}
	parts := bytes.Split(sign(t, ca, payload(1, "2026-12-01")), []byte("."))
	signature, err := base64.RawURLEncoding.DecodeString(string(parts[2]))
	if err != nil {
		t.Fatal(err)
	}
	longer := append(append(bytes.Clone(signature[:32]), 0), signature[32:]...)
	parts[2] = []byte(base64.RawURLEncoding.EncodeToString(longer))
	if _, err := by.Read(bytes.Join(parts, []byte(".")), today); !errors.Is(err, mds.ErrSignature) {
		t.Errorf("a signature with a zero in it: %v", err)
	}
}

// TestBadBlobs are the cases of the row BI-325 of bad-inputs.tsv: signature,
// chain, revoked certificates; and what is like them.
func TestBadBlobs(t *testing.T) {
	t.Parallel()
	ca, other := newCA(t, "mds"), newCA(t, "other")
	good := newSigner(t, ca, newECDSA(t, elliptic.P256()), "ES256", crypto.SHA256)
	huge := new(big.Int).SetBit(new(big.Int).Lsh(big.NewInt(1), 8200), 0, 1)
	hugeLeaf, err := ca.Issue(&x509.Certificate{SerialNumber: big.NewInt(5)}, &rsa.PublicKey{N: huge, E: 65537}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		want error
		make func(t *testing.T) []byte
	}{
		{"nothing", mds.ErrFormat, func(*testing.T) []byte { return nil }},
		{"two parts", mds.ErrFormat, func(t *testing.T) []byte { return bytes.Replace(good.token(t, 1), []byte("."), nil, 1) }},
		{"four parts", mds.ErrFormat, func(t *testing.T) []byte { return append(good.token(t, 1), ".AA"...) }},
		{"padding", mds.ErrFormat, func(t *testing.T) []byte { return append(good.token(t, 1), '=') }},
		{"line break inside", mds.ErrFormat, func(t *testing.T) []byte { return bytes.Replace(good.token(t, 1), []byte("."), []byte("\n."), 1) }},
		{"header not JSON", mds.ErrFormat, func(t *testing.T) []byte { return append([]byte("AAAA"), good.token(t, 1)...) }},
		{"header of 65 KiB", mds.ErrFormat, func(t *testing.T) []byte {
			s := *good
			s.header = map[string]any{"more": strings.Repeat("a", 65<<10)}
			return s.token(t, payload(1, "2026-12-01"))
		}},
		{"no certificates", mds.ErrFormat, changed(good, func(s *signer) { s.chain = nil })},
		{"nine certificates", mds.ErrFormat, changed(good, func(s *signer) { s.chain = append(s.chain, bytesOf(ca.Root.Raw, 7)...) })},
		{"certificate not DER", mds.ErrFormat, changed(good, func(s *signer) { s.chain = [][]byte{{1}} })},
		{"a key of 8,201 bits", mds.ErrFormat, changed(good, func(s *signer) { s.chain = [][]byte{s.chain[0], s.chain[1], hugeLeaf.Raw} })},
		{"crit", mds.ErrFormat, changed(good, func(s *signer) { s.header = map[string]any{"crit": []string{"x"}} })},
		{"signature of another", mds.ErrSignature, changed(good, func(s *signer) { s.key = newECDSA(t, elliptic.P256()) })},
		{"signature cut", mds.ErrSignature, func(t *testing.T) []byte { b := good.token(t, payload(1, "2026-12-01")); return b[:len(b)-2] }},
		{"payload changed", mds.ErrSignature, func(t *testing.T) []byte {
			one, two := bytes.Split(good.token(t, payload(1, "2026-12-01")), []byte(".")), bytes.Split(good.token(t, payload(2, "2026-12-01")), []byte("."))
			return bytes.Join([][]byte{one[0], two[1], one[2]}, []byte("."))
		}},
		{"intermediate missing", mds.ErrChain, changed(good, func(s *signer) { s.chain = s.chain[:1] })},
		{"another root", mds.ErrChain, func(t *testing.T) []byte { return sign(t, other, payload(1, "2026-12-01")) }},
		{"another root, which it brings", mds.ErrChain, func(t *testing.T) []byte {
			s := newSigner(t, other, newECDSA(t, elliptic.P256()), "ES256", crypto.SHA256)
			s.chain = append(s.chain, other.Root.Raw)
			return s.token(t, payload(1, "2026-12-01"))
		}},
		{"certificate expired", mds.ErrChain, func(t *testing.T) []byte {
			return newSigner(t, ca, newECDSA(t, elliptic.P256()), "ES256", crypto.SHA256, func(c *x509.Certificate) { c.NotAfter = today.Add(-time.Hour) }).token(t, payload(1, "2026-12-01"))
		}},
		{"certificate of another name", mds.ErrSigner, func(t *testing.T) []byte {
			return newSigner(t, ca, newECDSA(t, elliptic.P256()), "ES256", crypto.SHA256, func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} }).token(t, payload(1, "2026-12-01"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			by := trust(ca)
			if b, err := by.Read(c.make(t), today); !errors.Is(err, c.want) || b != nil {
				t.Errorf("error is %v, want %v", err, c.want)
			}
		})
	}
}

func changed(s *signer, f func(*signer)) func(*testing.T) []byte {
	return func(t *testing.T) []byte {
		other := *s
		other.chain = append([][]byte{}, s.chain...)
		f(&other)
		return other.token(t, payload(1, "2026-12-01"))
	}
}

func bytesOf(b []byte, n int) (out [][]byte) {
	for range n {
		out = append(out, b)
	}
	return out
}

// TestARevokedCertificateIsRefused is the row BI-325 where the caller has a list.
func TestARevokedCertificateIsRefused(t *testing.T) {
	t.Parallel()
	authority := newECDSA(t, elliptic.P256())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(1, 0, 0), Subject: pkix.Name{CommonName: "CA"},
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1},
	}
	root := certificate(t, template, template, authority.Public(), authority)
	key := newECDSA(t, elliptic.P256())
	leaf := certificate(t, &x509.Certificate{
		SerialNumber: big.NewInt(0xabc), NotBefore: template.NotBefore, NotAfter: template.NotAfter, DNSNames: []string{"mds.example.com"},
	}, root, key.Public(), authority)
	token := (&signer{key: key, alg: "ES256", hash: crypto.SHA256, chain: [][]byte{leaf.Raw}}).token(t, payload(1, "2026-12-01"))

	list := func(by crypto.Signer, serial int64) *x509.RevocationList {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: today, NextUpdate: today.AddDate(0, 1, 0),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(serial), RevocationTime: today}},
		}, root, by)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	by := mds.Trust{Roots: []*x509.Certificate{root}, Signer: "mds.example.com"}
	if _, err := by.Read(token, today); err != nil {
		t.Fatal(err)
	}
	by.CRLs = []*x509.RevocationList{list(authority, 0xabd)}
	if _, err := by.Read(token, today); err != nil {
		t.Errorf("another serial number is revoked: %v", err)
	}
	forged := list(authority, 0xabc)
	forged.Signature[10] ^= 1
	by.CRLs = []*x509.RevocationList{forged}
	if _, err := by.Read(token, today); err != nil {
		t.Errorf("a list by nobody counts: %v", err)
	}
	by.CRLs = []*x509.RevocationList{list(authority, 0xabd), list(authority, 0xabc)}
	if _, err := by.Read(token, today); !errors.Is(err, mds.ErrRevoked) {
		t.Errorf("error is %v, want %v", err, mds.ErrRevoked)
	}
}

func certificate(t *testing.T, template, parent *x509.Certificate, key crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// FuzzBlob looks for panics, and for a BLOB that is read although its
// signature does not fit.
func FuzzBlob(f *testing.F) {
	ca := newCA(f, "mds")
	by := trust(ca)
	token := sign(f, ca, payload(1, "2026-12-01"))
	f.Add(token)
	f.Add(bytes.Replace(token, []byte("."), []byte(".."), 1))
	f.Add([]byte("e30.e30.AA"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := by.Read(data, today)
		if (b == nil) == (err == nil) {
			t.Errorf("BLOB %v with error %v", b, err)
		}
		// The signature is over header and payload; one that fits may be written in two ways.
		if err == nil && sha256.Sum256(data[:bytes.LastIndexByte(data, '.')]) != sha256.Sum256(token[:bytes.LastIndexByte(token, '.')]) {
			t.Errorf("read a BLOB that nobody signed: %q", data)
		}
	})
}

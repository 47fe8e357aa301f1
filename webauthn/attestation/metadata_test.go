package attestation_test

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation"
	"github.com/mapae/mapae/webauthn/attestation/mds"
	"github.com/mapae/mapae/webauthntest"
)

// metadata returns a service whose BLOB has these entries.
func metadata(t *testing.T, entries ...map[string]any) *mds.Service {
	t.Helper()
	ca := theCA()
	payload, err := json.Marshal(map[string]any{"no": 1, "nextUpdate": "2027-01-01", "entries": entries})
	if err != nil {
		t.Fatal(err)
	}
	token, err := ca.SignMetadata(payload)
	if err != nil {
		t.Fatal(err)
	}
	s := &mds.Service{Trust: mds.Trust{Roots: []*x509.Certificate{ca.Root}}, File: filepath.Join(t.TempDir(), "blob.jwt"), Clock: clock}
	if err := os.WriteFile(s.File, token, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// entry is one of the model that newKey makes, with reports by status.
func entry(anchor *x509.Certificate, types []string, reports ...map[string]any) map[string]any {
	about := map[string]any{"description": "Test", "attestationTypes": types}
	if anchor != nil {
		about["attestationRootCertificates"] = []string{base64.StdEncoding.EncodeToString(anchor.Raw)}
	}
	return map[string]any{
		"aaguid":            webauthn.AAGUID(newKey(webauthntest.AttestationPacked).AAGUID).String(),
		"metadataStatement": about, "statusReports": reports,
	}
}

func report(status mds.Status) map[string]any { return map[string]any{"status": status} }

func TestMetadataDecides(t *testing.T) {
	t.Parallel()
	const packed, self, u2f = webauthntest.AttestationPacked, webauthntest.AttestationPackedSelf, webauthntest.AttestationFIDOU2F
	ours, theirs := theCA().Root, otherCA().Root
	full := []string{"basic_full"}
	with := func(r map[string]any, key string, value any) map[string]any {
		r[key] = value
		return r
	}
	for _, c := range []struct {
		name   string
		kind   webauthntest.Attestation
		at     string // the reason; empty: accepted
		entry  map[string]any
		policy attestation.Policy
	}{
		{"its anchor is enough", packed, "", entry(ours, full), attestation.Policy{RequireMetadata: true}},
		{"its anchor is another", packed, "chain", entry(theirs, full), attestation.Policy{}},
		{"no anchor in it", packed, "chain", entry(nil, full), attestation.Policy{}},
		{"revoked", packed, "status_refused", entry(ours, full, report(mds.FIDOCertifiedL1), report(mds.Revoked)), attestation.Policy{}},
		{"keys compromised", packed, "status_refused", entry(ours, full, report(mds.UserKeyRemoteCompromise)), attestation.Policy{}},
		{"keys compromised by those who hold it", packed, "status_refused", entry(ours, full, report(mds.UserKeyPhysicalCompromise)), attestation.Policy{}},
		{"user verification bypassed", packed, "status_refused", entry(ours, full, report(mds.UserVerificationBypass)), attestation.Policy{}},
		{"attestation key compromised", packed, "status_refused", entry(ours, full, report(mds.AttestationKeyCompromise)), attestation.Policy{}},
		{"attestation key of this authority compromised", packed, "status_refused", entry(ours, full, with(report(mds.AttestationKeyCompromise), "certificate", base64.StdEncoding.EncodeToString(theCA().Intermediate.Raw))), attestation.Policy{}},
		{"attestation key of another compromised", packed, "", entry(ours, full, with(report(mds.AttestationKeyCompromise), "certificate", base64.StdEncoding.EncodeToString(otherCA().Intermediate.Raw))), attestation.Policy{}},
		{"revoked from tomorrow on", packed, "", entry(ours, full, with(report(mds.Revoked), "effectiveDate", "2026-11-22")), attestation.Policy{}},
		{"update available", packed, "", entry(ours, full, report(mds.UpdateAvailable)), attestation.Policy{}},
		{"update available, which the policy refuses", packed, "status_refused", entry(ours, full, report(mds.UpdateAvailable)), attestation.Policy{RefusedStatus: []mds.Status{mds.UpdateAvailable}}},
		{"revoked, which the policy does not refuse", packed, "", entry(ours, full, report(mds.Revoked)), attestation.Policy{RefusedStatus: []mds.Status{}}},
		{"certified as required", packed, "", entry(ours, full, report(mds.FIDOCertifiedL1)), attestation.Policy{RequiredStatus: certified}},
		{"certified otherwise than required", packed, "status_missing", entry(ours, full, report(mds.FIDOCertified)), attestation.Policy{RequiredStatus: certified}},
		{"certified from tomorrow on", packed, "status_missing", entry(ours, full, with(report(mds.FIDOCertifiedL1), "effectiveDate", "2026-11-22")), attestation.Policy{RequiredStatus: certified}},
		{"self attestation of a model that attests by its batch", self, "attestation_type", entry(ours, full), attestation.Policy{Unattested: true}},
		{"self attestation of a model that does so", self, "", entry(nil, []string{"basic_surrogate"}), attestation.Policy{Unattested: true}},
		{"self attestation of a model that is not described", self, "", entry(nil, nil), attestation.Policy{Unattested: true}},
		{"self attestation of a revoked model", self, "status_refused", entry(nil, nil, report(mds.Revoked)), attestation.Policy{Unattested: true}},
		{"part of a compound is of a revoked model", webauthntest.AttestationCompound, "status_refused", entry(ours, []string{"basic_full", "basic_surrogate"}, report(mds.Revoked)), attestation.Policy{Unattested: true}},
		{"U2F is not found by an AAGUID", u2f, "metadata_missing", entry(ours, full), attestation.Policy{RequireMetadata: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := &attestation.Verifier{Metadata: metadata(t, c.entry), Policy: c.policy, Clock: clock}
			if c.kind == u2f {
				v.Anchors = []attestation.Anchor{{Certificate: ours}}
			}
			_, err := register(t, newKey(c.kind), v)
			check := noTrust
			if c.at == "" {
				check = ""
			}
			wantRefusal(t, err, check, c.at)
		})
	}
}

func TestMetadataOfTheVeryModelPassesOverGeneralAnchors(t *testing.T) {
	t.Parallel()
	v := newVerifier()
	v.Metadata = metadata(t, entry(otherCA().Root, nil))
	_, err := register(t, newKey(webauthntest.AttestationPacked), v)
	wantRefusal(t, err, noTrust, "chain")
	// An anchor that names the model is as good.
	v.Anchors[0].AAGUIDs = []webauthn.AAGUID{newKey(webauthntest.AttestationPacked).AAGUID}
	_, err = register(t, newKey(webauthntest.AttestationPacked), v)
	wantRefusal(t, err, "", "")
}

func TestMetadataTellsTheAttestationType(t *testing.T) {
	t.Parallel()
	for want, types := range map[string][]string{
		attestation.TypeBasic: {"basic_full"}, attestation.TypeAttCA: {"attca"},
		attestation.TypeBasicOrAttCA: {"attca", "basic_full"},
	} {
		v := &attestation.Verifier{Metadata: metadata(t, entry(theCA().Root, types)), Clock: clock}
		r, err := v.Verify(statement(t, newKey(webauthntest.AttestationPacked)))
		if err != nil {
			t.Fatal(err)
		}
		if r.Type != want || r.Entry == nil || r.Entry.Description != "Test" {
			t.Errorf("%v: result is %+v", types, r)
		}
	}
}

func TestU2FIsFoundByTheKeyOfItsCertificate(t *testing.T) {
	t.Parallel()
	s := statement(t, newKey(webauthntest.AttestationFIDOU2F))
	leaf, err := x509.ParseCertificate(certificatesIn(s)[0])
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKIXPublicKey(leaf.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	id := sha1.Sum(key[len(key)-65:]) // the point is the last part of a key on P-256
	about := entry(theCA().Root, []string{"basic_full"})
	delete(about, "aaguid")
	about["attestationCertificateKeyIdentifiers"] = []string{hex.EncodeToString(id[:])}
	v := &attestation.Verifier{Metadata: metadata(t, about), Policy: attestation.Policy{RequireMetadata: true}, Clock: clock}
	r, err := v.Verify(s)
	if err != nil {
		t.Fatal(err)
	}
	if r.Type != attestation.TypeBasic {
		t.Errorf("type is %q", r.Type)
	}
}

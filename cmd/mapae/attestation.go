package main

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation"
	"github.com/mapae/mapae/webauthn/attestation/mds"
)

// attestationSettings say which authenticators are accepted, and what they are
// called.
type attestationSettings struct {
	Attestation       string        `group:"attestation" placeholder:"none|indirect|direct|enterprise" enum:"none,indirect,direct,enterprise" default:"none" help:"What new passkeys are asked for, to prove what model their authenticator is. With direct and enterprise one that proves nothing is refused."`
	AttestationFormat []string      `group:"attestation" placeholder:"NAME" help:"Statement format that is accepted: packed, tpm, android-key, apple, fido-u2f, compound; most wanted first. Default: all."`
	AttestationRoots  string        `group:"attestation" placeholder:"DIR" help:"Folder of certificates in PEM that attestations may lead to: *.pem, *.crt, *.cer."`
	Metadata          string        `group:"attestation" placeholder:"FILE|URL" help:"FIDO metadata (a BLOB), which brings certificates and tells of models that can't be relied on. By https it is fetched when its next update is due, and kept in the data directory. It is read every hour."`
	MetadataRoot      []string      `group:"attestation" sep:"none" placeholder:"FILE" help:"Certificates in PEM of which one must stand behind the metadata. Repeat it for further files."`
	MetadataSigner    string        `group:"attestation" placeholder:"NAME" default:"mds.fidoalliance.org" help:"The name that the certificate which signs the metadata must have."`
	MetadataGrace     time.Duration `group:"attestation" placeholder:"DURATION" default:"720h" help:"How long after its next update metadata may still be put into use."`
	AllowModel        []string      `group:"attestation" placeholder:"AAGUID" help:"Model that is accepted, where it is proven. Repeat it for several. Default: all."`
	DenyModel         []string      `group:"attestation" placeholder:"AAGUID" help:"Model that is refused, proven or only told."`
	RequireStatus     []string      `group:"attestation" placeholder:"STATUS" help:"Status of which the metadata must tell one, such as FIDO_CERTIFIED_L2."`
	RefuseStatus      []string      `group:"attestation" placeholder:"STATUS" help:"Status with which a model is refused. Default: those that tell of a model that can't be relied on."`
	SyncedPasskeys    bool          `group:"attestation" negatable:"" default:"true" help:"Accept passkeys of which a copy may be kept outside the device."`
	Models            string        `group:"attestation" placeholder:"FILE" help:"Further names of models: in each line AAGUID, kind and name, with tabs between them."`
}

// statuses are those that a setting may name: a mistyped one would refuse
// nothing.
var statuses = []mds.Status{
	mds.NotFIDOCertified, mds.SelfAssertionSubmitted, mds.FIDOCertified, mds.FIDOCertifiedL1, mds.FIDOCertifiedL1Plus, mds.FIDOCertifiedL2,
	mds.FIDOCertifiedL2Plus, mds.FIDOCertifiedL3, mds.FIDOCertifiedL3Plus, mds.UpdateAvailable, mds.Revoked, mds.UserVerificationBypass,
	mds.AttestationKeyCompromise, mds.UserKeyRemoteCompromise, mds.UserKeyPhysicalCompromise,
}

var statementFormats = []string{"packed", "tpm", "android-key", "apple", "fido-u2f", "compound"}

// policy is what the settings say of models, and every mistake in them.
func (s *attestationSettings) policy() (p attestation.Policy, err error) {
	var wrong []error
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	asked := s.Attestation == "direct" || s.Attestation == "enterprise"
	p = attestation.Policy{Unattested: !asked, DeviceBound: !s.SyncedPasskeys}
	for _, f := range s.AttestationFormat {
		if !slices.Contains(statementFormats, f) {
			bad("attestation-format %q: it is one of %s", f, strings.Join(statementFormats, ", "))
		}
		p.Formats = append(p.Formats, f)
	}
	if p.Formats != nil && p.Unattested {
		p.Formats = append(p.Formats, "none")
	}
	for _, list := range []struct {
		name string
		from []string
		to   *[]webauthn.AAGUID
	}{{"allow-model", s.AllowModel, &p.Allow}, {"deny-model", s.DenyModel, &p.Deny}} {
		for _, text := range list.from {
			id, ok := parseAAGUID(text)
			if !ok {
				bad("%s %q is no AAGUID such as 01020304-0506-0708-090a-0b0c0d0e0f10", list.name, text)
			}
			*list.to = append(*list.to, id)
		}
	}
	for _, list := range []struct {
		name string
		from []string
		to   *[]mds.Status
	}{{"require-status", s.RequireStatus, &p.RequiredStatus}, {"refuse-status", s.RefuseStatus, &p.RefusedStatus}} {
		for _, text := range list.from {
			if !slices.Contains(statuses, mds.Status(text)) {
				bad("%s %q: it is one of %v", list.name, text, statuses)
			}
			*list.to = append(*list.to, mds.Status(text))
		}
	}
	return p, errors.Join(append(wrong, s.contradictions(asked)...)...)
}

// contradictions are settings of which one makes no sense without, or with,
// another.
func (s *attestationSettings) contradictions(asked bool) (wrong []error) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if asked && s.AttestationRoots == "" && s.Metadata == "" {
		bad("attestation is %s, and there is no certificate that one could lead to: give attestation-roots or metadata", s.Attestation)
	}
	if len(s.AllowModel) > 0 && !asked {
		bad("allow-model needs attestation direct or enterprise: what is only told can be told by anybody")
	}
	if len(s.AttestationFormat) > 0 && s.Attestation == "none" {
		bad("attestation-format is given, but attestation is none")
	}
	if s.Metadata == "" && len(s.MetadataRoot)+len(s.RequireStatus)+len(s.RefuseStatus) > 0 {
		bad("metadata-root, require-status and refuse-status need metadata")
	}
	if s.Metadata != "" && len(s.MetadataRoot) == 0 {
		bad("metadata needs metadata-root: nobody stands behind it else")
	}
	if u, err := url.Parse(s.Metadata); strings.Contains(s.Metadata, "://") && (err != nil || u.Scheme != "https" || u.Host == "") {
		bad("metadata %q: it is a file, or a URL that starts with https://", s.Metadata)
	}
	if s.MetadataGrace < 0 {
		bad("metadata-grace is %v: it may not be negative", s.MetadataGrace)
	}
	return wrong
}

// check names every mistake in the settings, and passkeys that nobody makes.
func (s *attestationSettings) check(methods []string) error {
	_, err := s.policy()
	if s.used() && !slices.Contains(methods, "passkey") {
		err = errors.Join(err, errors.New("models of authenticators are judged, but methods has no passkey"))
	}
	return mistaken(err)
}

// used reports whether anything is set that a verifier is needed for.
func (s *attestationSettings) used() bool {
	return s.Attestation != "none" || len(s.DenyModel) > 0 || !s.SyncedPasskeys || s.Metadata != ""
}

// passkey is the method with what the settings say, and the service that keeps
// its metadata up to date; nil: there is none. Every error is a mistake.
func (s *attestationSettings) passkey(data string) (mapae.Passkey, *mds.Service, error) {
	policy, err := s.policy()
	if err != nil {
		return mapae.Passkey{}, nil, mistake{err}
	}
	p := mapae.Passkey{Attestation: webauthn.Conveyance(s.Attestation), AttestationFormats: s.AttestationFormat}
	var wrong error
	if s.Models != "" {
		p.Models, wrong = readModels(s.Models)
	}
	if !s.used() {
		return p, nil, mistaken(wrong)
	}
	verifier := &attestation.Verifier{Policy: policy}
	anchors, err := readFolder(s.AttestationRoots)
	wrong = errors.Join(wrong, err)
	for _, c := range anchors {
		verifier.Anchors = append(verifier.Anchors, attestation.Anchor{Certificate: c})
	}
	if s.Metadata != "" {
		verifier.Metadata, err = s.service(data)
		wrong = errors.Join(wrong, err)
	}
	p.AttestationVerifier = verifier
	return p, verifier.Metadata, mistaken(wrong)
}

func mistaken(err error) error {
	if err == nil {
		return nil
	}
	return mistake{err}
}

// service is what reads the metadata, and keeps in the data directory what it
// fetched.
func (s *attestationSettings) service(data string) (*mds.Service, error) {
	service := &mds.Service{Trust: mds.Trust{Signer: s.MetadataSigner}, File: s.Metadata, Grace: s.MetadataGrace}
	for _, path := range s.MetadataRoot {
		roots, err := readCertificates(path)
		if err != nil {
			return nil, fmt.Errorf("metadata-root: %w", err)
		}
		service.Trust.Roots = append(service.Trust.Roots, roots...)
	}
	if strings.Contains(s.Metadata, "://") {
		service.URL, service.File = s.Metadata, filepath.Join(data, "metadata.jwt")
		service.Client = &http.Client{Timeout: time.Minute, CheckRedirect: onlyHTTPS}
	}
	return service, nil
}

// onlyHTTPS follows few redirects, and none to where anybody on the way could
// read.
func onlyHTTPS(r *http.Request, before []*http.Request) error {
	if r.URL.Scheme != "https" || len(before) >= 5 {
		return fmt.Errorf("redirected to %s, or too often", r.URL.Redacted())
	}
	return nil
}

func readModels(path string) (map[webauthn.AAGUID]mapae.Model, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	models, err := mapae.ParseModels(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return models, nil
}

// readFolder reads all certificates of a folder, of which there must be at
// least one; no folder has none.
func readFolder(dir string) (all []*x509.Certificate, err error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("attestation-roots: %w", err)
	}
	for _, e := range entries {
		if !slices.Contains([]string{".pem", ".crt", ".cer"}, filepath.Ext(e.Name())) {
			continue
		}
		found, err := readCertificates(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("attestation-roots: %w", err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("attestation-roots: %s has no certificate: *.pem, *.crt or *.cer", dir)
	}
	return all, nil
}

// parseAAGUID reads an AAGUID in the form of a UUID.
func parseAAGUID(text string) (id webauthn.AAGUID, ok bool) {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != len(id) {
		return id, false
	}
	id = webauthn.AAGUID(raw)
	return id, id.String() == strings.ToLower(text)
}

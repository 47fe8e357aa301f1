package mds

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// Status is an AuthenticatorStatus (MDS3 §3.1.4).
type Status string

// The values of Status that policies are made of; others are kept as they are.
const (
	NotFIDOCertified          Status = "NOT_FIDO_CERTIFIED"
	SelfAssertionSubmitted    Status = "SELF_ASSERTION_SUBMITTED"
	FIDOCertified             Status = "FIDO_CERTIFIED"
	FIDOCertifiedL1           Status = "FIDO_CERTIFIED_L1"
	FIDOCertifiedL1Plus       Status = "FIDO_CERTIFIED_L1plus"
	FIDOCertifiedL2           Status = "FIDO_CERTIFIED_L2"
	FIDOCertifiedL2Plus       Status = "FIDO_CERTIFIED_L2plus"
	FIDOCertifiedL3           Status = "FIDO_CERTIFIED_L3"
	FIDOCertifiedL3Plus       Status = "FIDO_CERTIFIED_L3plus"
	UpdateAvailable           Status = "UPDATE_AVAILABLE"
	Revoked                   Status = "REVOKED"
	UserVerificationBypass    Status = "USER_VERIFICATION_BYPASS"
	AttestationKeyCompromise  Status = "ATTESTATION_KEY_COMPROMISE"
	UserKeyRemoteCompromise   Status = "USER_KEY_REMOTE_COMPROMISE"
	UserKeyPhysicalCompromise Status = "USER_KEY_PHYSICAL_COMPROMISE"
)

// Compromised returns the statuses that tell of a model that can't be relied on.
func Compromised() []Status {
	return []Status{Revoked, UserVerificationBypass, AttestationKeyCompromise, UserKeyRemoteCompromise, UserKeyPhysicalCompromise}
}

// Entry is what a BLOB says of one model (MetadataBLOBPayloadEntry).
type Entry struct {
	AAGUID         webauthn.AAGUID // zeros where the model has none
	KeyIdentifiers [][]byte        // of attestation certificates, for models without an AAGUID
	Description    string
	Protocol       string   // "fido2", "u2f" or "uaf"
	Types          []string // attestationTypes, such as "basic_full"
	Anchors        []*x509.Certificate
	Unreadable     int // how many of its certificates can't be read
	Reports        []Report
}

// Report is a StatusReport.
type Report struct {
	Status      Status
	Effective   time.Time // zero where not told: since ever
	Certificate []byte    // DER of the one that is concerned; nil: all
	URL         string
}

// InEffect tells whether the report is in effect at a time.
func (r *Report) InEffect(at time.Time) bool { return !at.Before(r.Effective) }

// Concerns tells whether the report is about an authenticator with a
// certificate of path. A report that names no certificate is about all.
func (r *Report) Concerns(path []*x509.Certificate) bool {
	return r.Certificate == nil || slices.ContainsFunc(path, func(c *x509.Certificate) bool { return bytes.Equal(c.Raw, r.Certificate) })
}

// Roots returns a copy of the anchors; none for no entry.
func (e *Entry) Roots() []*x509.Certificate {
	if e == nil {
		return nil
	}
	return slices.Clone(e.Anchors)
}

// Tells tells whether the entry says how the model attests.
func (e *Entry) Tells() bool { return e != nil && len(e.Types) > 0 }

// Attests tells whether the entry says that the model attests in this way, for
// example "basic_full", "attca" or "basic_surrogate".
func (e *Entry) Attests(kind string) bool { return e != nil && slices.Contains(e.Types, kind) }

// and returns what two entries say of one model together.
func (e *Entry) and(other *Entry) *Entry {
	if e == nil {
		return other
	}
	both := *e
	both.Types = slices.Concat(e.Types, other.Types)
	both.Anchors = slices.Concat(e.Anchors, other.Anchors)
	both.Reports = slices.Concat(e.Reports, other.Reports)
	return &both
}

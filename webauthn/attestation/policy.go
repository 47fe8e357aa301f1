package attestation

import (
	"slices"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation/mds"
)

// Policy says which authenticators are accepted among those whose statement
// verifies. The zero value accepts every attested one that metadata does not
// report as compromised.
type Policy struct {
	// Formats accepted, such as "packed"; of a compound statement "compound" and
	// each part. Nil: all.
	Formats []string

	// Unattested accepts statements that prove nothing about the model: none and
	// self attestation. Conveyance "indirect" needs it.
	Unattested bool

	// Allow lists the models that are accepted; nil: every. A model counts only
	// where the statement proves it, so none, self attestation and fido-u2f count
	// as the AAGUID of zeros.
	Allow []webauthn.AAGUID

	// Deny lists models that are refused, proven or only told.
	Deny []webauthn.AAGUID

	// DeviceBound refuses credentials that are backup eligible.
	DeviceBound bool

	// RequireMetadata refuses models that Verifier.Metadata says nothing of.
	RequireMetadata bool

	// RequiredStatus demands that metadata reports the model as one of these, for
	// example mds.FIDOCertifiedL1. Nil: no demand.
	RequiredStatus []mds.Status

	// RefusedStatus refuses models that metadata has reported as one of these. Nil:
	// mds.Compromised. Empty, but not nil: none.
	RefusedStatus []mds.Status
}

// judge makes step 7.1.24 for what verified.
func (c *ceremony) judge(s *webauthn.AttestationStatement, r *Result) error {
	p := &c.Policy
	for _, part := range append([]*Result{r}, r.Parts...) {
		if p.Formats != nil && !slices.Contains(p.Formats, part.Format) {
			return distrust(ReasonFormat, part.Format, "a format of the policy")
		}
	}
	if !p.Unattested && !r.attests() {
		return distrust(ReasonUnattested, r.Type, "an attestation")
	}
	model := webauthn.AAGUID{}
	if r.vouches() {
		model = s.AAGUID
	}
	switch {
	case slices.Contains(p.Deny, s.AAGUID):
		return distrust(ReasonDenied, s.AAGUID.String(), "another model")
	case p.Allow != nil && !slices.Contains(p.Allow, model):
		return distrust(ReasonNotAllowed, model.String(), "a model of the allow list")
	case p.DeviceBound && s.BackupEligible:
		return distrust(ReasonSynced, "BE", "a passkey that stays on its device")
	}
	return c.judgeEntry(r)
}

// judgeEntry asks metadata about the model.
func (c *ceremony) judgeEntry(r *Result) error {
	p := &c.Policy
	if r.Entry == nil {
		switch {
		case p.RequireMetadata:
			return distrust(ReasonUnknown, "", "a model in the metadata")
		case p.RequiredStatus != nil:
			return distrust(ReasonStatusMissing, "no metadata", "a status of the policy")
		}
		return nil
	}
	if r.Type == webauthn.AttestationTypeSelf && r.Entry.Tells() && !r.Entry.Attests("basic_surrogate") {
		return distrust(ReasonAttestationType, r.Type, "how the model attests")
	}
	refused := p.RefusedStatus
	if refused == nil {
		refused = mds.Compromised()
	}
	certified := false
	for _, report := range r.Entry.Reports {
		if !report.InEffect(c.now) {
			continue
		}
		if slices.Contains(refused, report.Status) && report.Concerns(r.path()) {
			return distrust(ReasonStatus, string(report.Status), "no such report")
		}
		certified = certified || slices.Contains(p.RequiredStatus, report.Status)
	}
	if p.RequiredStatus != nil && !certified {
		return distrust(ReasonStatusMissing, "", "a status of the policy")
	}
	return nil
}

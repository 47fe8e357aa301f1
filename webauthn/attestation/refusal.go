package attestation

import "github.com/mapae/mapae/webauthn"

// Reason says why a good statement is not trusted. It is the cause of a
// [webauthn.Error] with CheckTrust, for errors.Is and errors.As, and fit for
// logs and metric labels.
type Reason string

// The reasons.
const (
	ReasonChain           Reason = "chain"            // the certificates lead to no anchor
	ReasonExpired         Reason = "expired"          // they would, at another time
	ReasonFormat          Reason = "format"           // not one of Policy.Formats
	ReasonUnattested      Reason = "unattested"       // none, or self attestation
	ReasonDenied          Reason = "aaguid_denied"    // in Policy.Deny
	ReasonNotAllowed      Reason = "aaguid_unlisted"  // not in Policy.Allow, or nobody vouches for it
	ReasonSynced          Reason = "synced"           // backup eligible
	ReasonUnknown         Reason = "metadata_missing" // metadata says nothing of the model
	ReasonAttestationType Reason = "attestation_type" // metadata says that the model attests otherwise
	ReasonStatus          Reason = "status_refused"   // reported as one of Policy.RefusedStatus
	ReasonStatusMissing   Reason = "status_missing"   // reported as none of Policy.RequiredStatus
)

// Error returns the reason.
func (r Reason) Error() string { return string(r) }

// Reason returns the reason, for those who know of it by this method only.
func (r Reason) Reason() string { return string(r) }

// maxShown bounds how much of a foreign text an error carries.
const maxShown = 100

func cut(s string) string { return s[:min(len(s), maxShown)] }

// refuse says what is wrong with a statement; step is a section of Level 3 and
// the member at fault.
func refuse(step, got, want string) error {
	return &webauthn.Error{Step: step, Check: webauthn.CheckAttestation, Got: cut(got), Want: want}
}

func refuseCause(step string, cause error) error {
	return &webauthn.Error{Step: step, Check: webauthn.CheckAttestation, Err: cause}
}

// distrust says why a statement that verified is not trusted (7.1.24).
func distrust(reason Reason, got, want string) error {
	return &webauthn.Error{Step: "7.1.24", Check: webauthn.CheckTrust, Got: cut(got), Want: want, Err: reason}
}

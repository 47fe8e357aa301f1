package webauthn

import "encoding/hex"

// AAGUID names a model of authenticator; all zero where it is not told (§6.5.1).
type AAGUID [16]byte

// String returns the canonical form of a UUID: 8-4-4-4-12 lower-case hex.
func (a AAGUID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], a[0:4])
	hex.Encode(b[9:13], a[4:6])
	hex.Encode(b[14:18], a[6:8])
	hex.Encode(b[19:23], a[8:10])
	hex.Encode(b[24:36], a[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// Credential is the credential record of Level 3 §4, as [VerifyRegistration]
// makes it and [VerifyAssertion] needs it. Keep all of it.
type Credential struct {
	ID        []byte // 1 to 1,023 bytes, unique over all users
	PublicKey []byte // COSE_Key in CTAP2 canonical form, with known labels only
	Algorithm Algorithm
	SignCount uint32 // as last accepted; 0 where the authenticator does not count

	UVInitialized  bool // the user was verified when the credential was registered
	BackupEligible bool
	BackupState    bool     // as last reported
	Transports     []string // as the client told, unchecked; hand them back in a Descriptor

	AAGUID            AAGUID
	AttestationFormat string // "none", "packed", …

	// AttestationObject and AttestationClientDataJSON allow the statement to be
	// verified again later; nil where the format is "none".
	AttestationObject         []byte
	AttestationClientDataJSON []byte
}

package webauthntest

import "crypto/x509"

// Forge makes responses wrong. Strings that are empty and functions that are
// nil change nothing. Functions get what would be used and return what is used
// instead; they may be called by several goroutines at once.
type Forge struct {
	Type       string          // of client data, instead of "webauthn.create" or "webauthn.get"
	Challenge  string          // of client data, as text, instead of the one in the options
	Origin     string          // of client data, instead of the authenticator's; the client's own checks still see that one
	RPID       string          // hashed into authenticator data, instead of the one in the options
	Members    string          // further members of client data as JSON text, such as `"a":1,"b":[]`
	Flags      func(byte) byte // of authenticator data
	Extensions []byte          // authenticator extension outputs, a CBOR map; sets the flag ED

	CredentialID      []byte              // instead of a random one
	PublicKey         func([]byte) []byte // COSE_Key, before it goes into authenticator data
	ClientData        func([]byte) []byte // JSON, before it is hashed
	AuthData          func([]byte) []byte // before it is signed
	Signature         func([]byte) []byte // of an assertion, or of a self attestation
	AttestationObject func([]byte) []byte // CBOR

	// Of attestation. Statement gets the members of attStmt before they are
	// encoded: int64, string, []byte, [][]byte, or []any of those. Certificate gets
	// the attestation certificate before it is signed, PubArea and CertInfo those
	// of a TPM before they are, and Compound the encoded statements in a compound one.
	Statement   func(members map[string]any)
	Certificate func(template *x509.Certificate)
	PubArea     func([]byte) []byte
	CertInfo    func([]byte) []byte
	Compound    func(list []any) []any

	// Sign replaces the signature over authenticator data ‖ client data hash.
	Sign func(c *Credential, authData, clientDataHash []byte) ([]byte, error)

	// Response changes the members of the answer; those of "response" are in the
	// map of that name.
	Response func(members map[string]any)
}

func edit(f func([]byte) []byte, b []byte) []byte {
	if f == nil {
		return b
	}
	return f(b)
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

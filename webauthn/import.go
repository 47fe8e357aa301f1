package webauthn

import (
	"bytes"
	"crypto/sha256"

	"github.com/mapae/mapae/internal/cbor"
)

// ReadKey reads a COSE_Key that another system has stored, by the rules of step
// 7.1.20: of one of algorithms, and fit to verify with. It returns the key in
// CTAP2 canonical form, with known labels only, as [Credential] has it. It
// fails with [CheckKey] or [CheckAlgorithm].
func ReadKey(key []byte, algorithms []Algorithm, further ...AlgorithmVerifier) ([]byte, Algorithm, error) {
	m, err := cbor.Whole(key)
	if err != nil {
		return nil, 0, refuseCause("7.1.20", CheckKey, err)
	}
	read, err := verifyKey(&authData{publicKey: key, key: m}, algorithms, further)
	if err != nil {
		return nil, 0, err
	}
	return read.encode(), read.algorithm, nil
}

// InsecureReadRegistration makes the credential record of a registration that
// another system has verified and kept. It is insecure where nobody has: client
// data (challenge and origin), user presence and the attestation statement are
// not looked at. What would never work is refused: another RP ID than rpID
// ([CheckRPIDHash]), a key ([CheckKey], [CheckAlgorithm]), a credential ID that
// is not that of the response ([CheckCredentialID]), and what can't be read
// ([CheckEncoding]). The statement is not kept: the record's format is "none".
func InsecureReadRegistration(r *RegistrationResponse, rpID string, algorithms []Algorithm, further ...AlgorithmVerifier) (*Registration, error) {
	o, err := readAttestationObject(r.AttestationObject)
	if err != nil {
		return nil, refuseCause("7.1.13", CheckEncoding, err)
	}
	if want := sha256.Sum256([]byte(rpID)); !bytes.Equal(o.auth.rpIDHash, want[:]) {
		return nil, refuse("7.1.14", CheckRPIDHash, encode64(o.auth.rpIDHash), "SHA-256 of "+rpID)
	}
	key, err := verifyKey(o.auth, algorithms, further)
	if err != nil {
		return nil, err
	}
	if err := verifyCredentialID(o.auth.credentialID, r.ID); err != nil {
		return nil, err
	}
	c := o.credential(r, key.algorithm, key.encode())
	c.AttestationFormat, c.AttestationObject, c.AttestationClientDataJSON = "none", nil, nil
	return &Registration{Credential: c, UserPresent: o.auth.has(flagUserPresent), UserVerified: c.UVInitialized, Discoverable: r.discoverable, Attachment: r.Attachment}, nil
}

package mapae

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
)

// Flags of made-up authenticator data (Level 3 §6.1): user present and verified,
// attested credential data.
const keptKeyFlags = 0x01 | 0x04 | 0x40

// verifyKeptKey judges a COSE_Key that another system has stored by the rules
// of a new one: by a registration that is made up around it. It returns the key
// in CTAP2 canonical form, with known labels only. Errors are the verifier's.
func (a *Auth) verifyKeptKey(id, key []byte) ([]byte, webauthn.Algorithm, error) {
	if _, err := cbor.Whole(key); err != nil {
		return nil, 0, &webauthn.Error{Step: "7.1.20", Check: webauthn.CheckKey, Err: err}
	}
	rp := sha256.Sum256([]byte(a.rp.ID))
	auth := append(rp[:], keptKeyFlags)
	auth = append(auth, make([]byte, 4+16)...) // counter and AAGUID
	auth = append(binary.BigEndian.AppendUint16(auth, uint16(len(id))), id...)
	made, err := a.verifyKept(&webauthn.RegistrationResponse{ID: id}, append(auth, key...))
	if err != nil {
		return nil, 0, err
	}
	return made.Credential.PublicKey, made.Credential.Algorithm, nil
}

// verifyKeptRegistration makes the credential record of a registration that
// another system has verified and kept. Client data and attestation statement
// are not looked at: others stand in their place, and none is kept. What would
// never work here is refused by the verifier, for its reason.
func (a *Auth) verifyKeptRegistration(r *webauthn.RegistrationResponse) (*webauthn.Registration, error) {
	object, err := cbor.Whole(r.AttestationObject)
	if err != nil {
		return nil, &webauthn.Error{Step: "7.1.13", Check: webauthn.CheckEncoding, Err: err}
	}
	auth, ok := object.Text("authData").Bytes()
	if !ok {
		return nil, &webauthn.Error{Step: "7.1.13", Check: webauthn.CheckEncoding, Err: errors.New("no authenticator data")}
	}
	return a.verifyKept(r, auth)
}

// verifyKept verifies authenticator data of 37 bytes and more under attestation
// "none" and client data of our own.
func (a *Auth) verifyKept(r *webauthn.RegistrationResponse, auth []byte) (*webauthn.Registration, error) {
	if len(auth) > math.MaxUint16 {
		return nil, &webauthn.Error{Step: "7.1.13", Check: webauthn.CheckEncoding, Err: errors.New("authenticator data is too long")}
	}
	challenge := make([]byte, 32)
	a.random(challenge)
	origin := a.rp.Origins[0]
	made := *r
	made.ClientDataJSON = []byte(`{"type":"webauthn.create","challenge":"` + encode64(challenge) + `","origin":"` + origin + `","crossOrigin":false}`)
	made.AttestationObject = []byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59")
	if len(auth) <= math.MaxUint8 {
		made.AttestationObject[len(made.AttestationObject)-1] = 0x58
		made.AttestationObject = append(made.AttestationObject, byte(len(auth)))
	} else {
		made.AttestationObject = binary.BigEndian.AppendUint16(made.AttestationObject, uint16(len(auth)))
	}
	made.AttestationObject = append(made.AttestationObject, auth...)
	return webauthn.VerifyRegistration(&made, webauthn.RegistrationWant{RelyingParty: a.rp, Challenge: challenge,
		UserVerification: webauthn.UserVerificationDiscouraged, Conditional: true, Algorithms: a.passkey.Algorithms, Verifiers: a.passkey.Verifiers})
}

package webauthn

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/mapae/mapae/internal/cbor"
)

// RegistrationWant is what the options of a registration ceremony asked for,
// as the server remembers it.
type RegistrationWant struct {
	RelyingParty     RelyingParty
	Challenge        []byte
	UserVerification UserVerification // empty: preferred

	// Conditional tells that the options were issued for mediation
	// "conditional": the user may then be neither present nor verified.
	Conditional bool

	Algorithms  []Algorithm         // as offered; nil: DefaultAlgorithms
	Verifiers   []AlgorithmVerifier // of those that this package does not verify by itself
	Attestation AttestationVerifier // nil: none and packed self attestation are accepted
}

// Registration is what a verified registration tells.
type Registration struct {
	Credential      Credential
	UserPresent     bool
	UserVerified    bool
	Discoverable    *bool      // credProps.rk; nil where the client did not tell
	Attachment      Attachment // how the authenticator was reached
	AttestationType string     // "None", "Self", or what the verifier told

	Origin      string
	CrossOrigin bool
	TopOrigin   string // empty where not told

	ClientExtensions        []byte // unverified JSON object, or nil
	AuthenticatorExtensions []byte // signed CBOR map, or nil
}

// VerifyRegistration verifies a response as §7.1 says, from step 5 on, and
// returns the credential record to keep. That the challenge is finished once
// and that the credential ID is new to all users (step 26) is the caller's part.
// Every refusal is an [*Error].
func VerifyRegistration(r *RegistrationResponse, want RegistrationWant) (*Registration, error) {
	// 7.1.5 to 7.1.11: client data.
	client, err := registration.verifyClientData(r.ClientDataJSON, &want.RelyingParty, want.Challenge)
	if err != nil {
		return nil, err
	}

	// 7.1.12: let hash be the SHA-256 of client data.
	hash := sha256.Sum256(r.ClientDataJSON)

	// 7.1.13: decode the attestation object.
	o, err := readAttestationObject(r.AttestationObject)
	if err != nil {
		return nil, refuseCause("7.1.13", CheckEncoding, err)
	}

	// 7.1.14 to 7.1.17: RP ID and flags.
	if err := registration.verifyAuthData(o.auth, want.RelyingParty.ID, want.UserVerification, want.Conditional); err != nil {
		return nil, err
	}

	// 7.1.18, 7.1.19: BE and BS are reported for the caller's policy.

	// 7.1.20: the algorithm was offered; the key is one that can sign in later.
	key, err := verifyKey(o.auth, orDefault(want.Algorithms), want.Verifiers)
	if err != nil {
		return nil, err
	}

	// 7.1.21 to 7.1.24: the attestation statement.
	canonical := key.encode()
	attestationType, err := verifyAttestation(o.about(hash, key, canonical), want.Attestation)
	if err != nil {
		return nil, err
	}

	// 7.1.25: the credential ID has at most 1,023 bytes, and is the one that was told.
	if err := verifyCredentialID(o.auth.credentialID, r.ID); err != nil {
		return nil, err
	}

	// 7.1.26: whether the ID is known is asked where it is stored.
	// 7.1.27: make the credential record.
	// 7.1.28: extension outputs, asked for or not, are passed on.
	return &Registration{
		Credential:              o.credential(r, key.algorithm, canonical),
		UserPresent:             o.auth.has(flagUserPresent),
		UserVerified:            o.auth.has(flagUserVerified),
		Discoverable:            r.discoverable,
		Attachment:              r.Attachment,
		AttestationType:         attestationType,
		Origin:                  string(client.origin.value),
		CrossOrigin:             client.crossOrigin,
		TopOrigin:               string(client.topOrigin.value),
		ClientExtensions:        r.ClientExtensions,
		AuthenticatorExtensions: o.auth.extensions,
	}, nil
}

// attestationObject is the CBOR map of §6.5.4.
type attestationObject struct {
	format    string
	statement cbor.Item // a map, or an array of statements (§8.9)
	authData  []byte
	auth      *authData
}

func readAttestationObject(raw []byte) (*attestationObject, error) {
	m, err := cbor.Whole(raw)
	if err != nil {
		return nil, err
	}
	o := &attestationObject{statement: m.Text("attStmt")}
	var okFormat, okData bool
	o.format, okFormat = m.Text("fmt").Text()
	o.authData, okData = m.Text("authData").Bytes()
	_, isMap := o.statement.Map()
	_, isArray := o.statement.Array()
	if !okFormat || !okData || !isMap && !isArray {
		return nil, errors.New("attestation object: fmt, attStmt or authData is missing or of another type")
	}
	if o.auth, err = readAuthData(o.authData); err != nil {
		return nil, err
	}
	if !o.auth.has(flagAttestedData) {
		return nil, errors.New("authenticator data of a registration holds no credential")
	}
	return o, nil
}

func verifyKey(d *authData, offered []Algorithm, further []AlgorithmVerifier) (*publicKey, error) {
	const step = "7.1.20"
	if len(d.publicKey) > maxKey {
		return nil, refuse(step, CheckKey, fmt.Sprint(len(d.publicKey), " bytes"), "a COSE key of at most 4096 bytes")
	}
	alg, err := readAlgorithm(d.key, further)
	if err != nil {
		return nil, refuseKey(step, err)
	}
	if !slices.Contains(offered, alg) {
		return nil, refuse(step, CheckAlgorithm, alg.String(), fmt.Sprint("one of ", offered))
	}
	key, err := parseKey(d.key, further)
	if err == nil && alg == EdDSA {
		err = judgeCurve25519(key.key.(ed25519.PublicKey))
	}
	if err != nil {
		return nil, refuseKey(step, err)
	}
	return key, nil
}

func verifyCredentialID(id, told []byte) error {
	const step = "7.1.25"
	if len(id) == 0 || len(id) > maxCredentialID {
		return refuse(step, CheckCredentialID, fmt.Sprint(len(id), " bytes"), "1 to 1023 bytes")
	}
	if !bytes.Equal(id, told) {
		return refuse(step, CheckCredentialID, encode64(told), encode64(id))
	}
	return nil
}

func (o *attestationObject) about(hash [32]byte, key *publicKey, canonical []byte) *AttestationStatement {
	s := &AttestationStatement{
		Format:            o.format,
		Statement:         o.statement,
		AuthenticatorData: o.authData,
		ClientDataHash:    hash,
		AAGUID:            o.auth.aaguid,
		RPIDHash:          o.auth.rpIDHash,
		CredentialID:      o.auth.credentialID,
		PublicKey:         canonical,
		Algorithm:         key.algorithm,
		BackupEligible:    o.auth.has(flagBackupEligible),
		key:               key,
	}
	if _, further := key.key.(akp); !further {
		s.Key = key.key
	}
	return s
}

// credential makes the record of §4. It shares no memory with the response.
func (o *attestationObject) credential(r *RegistrationResponse, alg Algorithm, canonical []byte) Credential {
	c := Credential{
		ID:                bytes.Clone(r.ID),
		PublicKey:         canonical,
		Algorithm:         alg,
		SignCount:         o.auth.signCount,
		UVInitialized:     o.auth.has(flagUserVerified),
		BackupEligible:    o.auth.has(flagBackupEligible),
		BackupState:       o.auth.has(flagBackupState),
		Transports:        slices.Clone(r.Transports),
		AAGUID:            o.auth.aaguid,
		AttestationFormat: o.format,
	}
	if o.format != "none" {
		c.AttestationObject = bytes.Clone(r.AttestationObject)
		c.AttestationClientDataJSON = bytes.Clone(r.ClientDataJSON)
	}
	return c
}

package webauthn

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"

	"github.com/mapae/mapae/internal/cbor"
)

// AssertionWant is what the options of an authentication ceremony asked for,
// and whose credential answers.
type AssertionWant struct {
	RelyingParty     RelyingParty
	Challenge        []byte
	UserVerification UserVerification // empty: preferred

	Allow  [][]byte // allowCredentials as sent; empty: any
	UserID []byte   // user handle of the account that owns the credential

	// Identified tells that the account was known before the ceremony began.
	// The response may then lack a user handle; otherwise it must have one.
	Identified bool

	// AppID is that of the extension appid, where the options had it (§10.1.1): a
	// credential of U2F may then answer under it instead of the RP ID.
	AppID string

	// Verifiers verify further algorithms than those of this package.
	Verifiers []AlgorithmVerifier

	// StrictBackup refuses a credential whose backup eligibility is not what it
	// was at registration. Otherwise that is reported: iCloud Keychain and
	// KeePassXC do it.
	StrictBackup bool
}

// Assertion is what a verified assertion tells.
type Assertion struct {
	UserVerified bool // the UV flag

	// UserVerificationReliable tells that UV is set and was not made possible
	// only later (on a stolen key a PIN can be set): the credential was
	// registered with UV, or is recorded as backup eligible.
	UserVerificationReliable bool

	SignCount        uint32 // to be stored
	CounterRegressed bool   // the count did not grow although it should have (step 22); compare again when storing

	BackupEligible        bool
	BackupState           bool // to be stored
	BackupEligibleChanged bool // against the record

	Attachment  Attachment // how the authenticator was reached
	Origin      string
	CrossOrigin bool
	TopOrigin   string // empty where not told

	ClientExtensions        []byte // unverified JSON object, or nil
	AuthenticatorExtensions []byte // signed CBOR map, or nil
}

// VerifyAssertion verifies a response against the credential record c as §7.2
// says, from step 5 on. It changes nothing: what step 24 updates is in the
// result. That the challenge is finished once is the caller's part. Every
// refusal is an [*Error].
func VerifyAssertion(a *AssertionResponse, c *Credential, want AssertionWant) (*Assertion, error) {
	// 7.2.5, 7.2.6: the credential is one of allowCredentials, and of the account.
	if err := verifyOwner(a, c, &want); err != nil {
		return nil, err
	}

	// 7.2.7: let cData, authData and sig be those of the response.
	d, err := readAuthData(a.AuthenticatorData)
	if err == nil && d.has(flagAttestedData) {
		err = errors.New("authenticator data of an assertion holds a credential")
	}
	if err != nil {
		return nil, refuseCause(authentication.authData, CheckEncoding, err)
	}

	// 7.2.8 to 7.2.14: client data.
	client, err := authentication.verifyClientData(a.ClientDataJSON, &want.RelyingParty, want.Challenge)
	if err != nil {
		return nil, err
	}

	// 7.2.15 to 7.2.18: RP ID and flags.
	rpID := want.RelyingParty.ID
	if want.AppID != "" && string(memberOf(a.ClientExtensions, "appid")) == "true" {
		rpID = want.AppID
	}
	if err := authentication.verifyAuthData(d, rpID, want.UserVerification, false); err != nil {
		return nil, err
	}

	// 7.2.19: BE is what the record says.
	changed := d.has(flagBackupEligible) != c.BackupEligible
	if changed && want.StrictBackup {
		return nil, authentication.refuseFlags("7.2.19", CheckBackupFlags, d, "BE as at registration")
	}

	// 7.2.20, 7.2.21: the signature is over authData and the hash of cData.
	hash := sha256.Sum256(a.ClientDataJSON)
	if err := c.verifySignature(a.AuthenticatorData, hash[:], a.Signature, want.Verifiers); err != nil {
		return nil, err
	}

	// 7.2.22, 7.2.23: the count grows, unless it is not used; extensions are passed on.
	// 7.2.24: what the record is updated with.
	uv := d.has(flagUserVerified)
	return &Assertion{
		UserVerified:             uv,
		UserVerificationReliable: uv && (c.UVInitialized || c.BackupEligible),
		SignCount:                d.signCount,
		CounterRegressed:         (d.signCount != 0 || c.SignCount != 0) && d.signCount <= c.SignCount,
		BackupEligible:           d.has(flagBackupEligible),
		BackupState:              d.has(flagBackupState),
		BackupEligibleChanged:    changed,
		Attachment:               a.Attachment,
		Origin:                   string(client.origin.value),
		CrossOrigin:              client.crossOrigin,
		TopOrigin:                string(client.topOrigin.value),
		ClientExtensions:         a.ClientExtensions,
		AuthenticatorExtensions:  d.extensions,
	}, nil
}

func verifyOwner(a *AssertionResponse, c *Credential, want *AssertionWant) error {
	isThis := func(id []byte) bool { return bytes.Equal(id, a.ID) }
	if len(want.Allow) > 0 && !slices.ContainsFunc(want.Allow, isThis) {
		return refuse("7.2.5", CheckAllowList, encode64(a.ID), "a credential of allowCredentials")
	}
	if !isThis(c.ID) {
		return refuse("7.2.6", CheckCredentialID, encode64(a.ID), encode64(c.ID))
	}
	if a.UserHandle == nil && want.Identified {
		return nil
	}
	if a.UserHandle == nil || subtle.ConstantTimeCompare(a.UserHandle, want.UserID) != 1 {
		return refuse("7.2.6", CheckUserHandle, encode64(a.UserHandle), encode64(want.UserID))
	}
	return nil
}

// VerifySignature tells whether signature is one of message by the credential's
// key, as step 7.2.21 asks. further verifies what this package does not. Every
// refusal is an [*Error].
func (c *Credential) VerifySignature(message, signature []byte, further ...AlgorithmVerifier) error {
	return c.verifySignature(message, nil, signature, further)
}

func (c *Credential) verifySignature(first, second, signature []byte, further []AlgorithmVerifier) error {
	const step = "7.2.21"
	pairs, err := cbor.Whole(c.PublicKey)
	if err != nil {
		return refuseCause(step, CheckKey, err)
	}
	key, err := parseKey(pairs, further)
	if err != nil {
		return refuseKey(step, err)
	}
	if key.algorithm != c.Algorithm {
		return refuse(step, CheckAlgorithm, key.algorithm.String(), c.Algorithm.String())
	}
	if !key.verify(first, second, signature) {
		return refuse(step, CheckSignature, "", "a signature by the credential's key")
	}
	return nil
}

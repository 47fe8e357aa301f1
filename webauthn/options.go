package webauthn

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// UserVerification says how much a relying party wants a PIN or a biometric
// (§5.8.6). Empty means preferred.
type UserVerification string

// The values of UserVerification.
const (
	UserVerificationRequired    UserVerification = "required"
	UserVerificationPreferred   UserVerification = "preferred"
	UserVerificationDiscouraged UserVerification = "discouraged"
)

// ResidentKey says how much a relying party wants a discoverable credential (§5.4.6).
type ResidentKey string

// The values of ResidentKey.
const (
	ResidentKeyRequired    ResidentKey = "required"
	ResidentKeyPreferred   ResidentKey = "preferred"
	ResidentKeyDiscouraged ResidentKey = "discouraged"
)

// Attachment says whether an authenticator is part of the client's device (§5.4.5).
type Attachment string

// The values of Attachment. Empty means any, or not told.
const (
	AttachmentPlatform      Attachment = "platform"
	AttachmentCrossPlatform Attachment = "cross-platform"
)

// Hint helps the browser to choose what to show first (§5.8.7).
type Hint string

// The values of Hint.
const (
	HintSecurityKey  Hint = "security-key"
	HintClientDevice Hint = "client-device"
	HintHybrid       Hint = "hybrid"
)

// Conveyance says how much a relying party wants to know about the model of
// authenticator (§5.4.7). Empty means none.
type Conveyance string

// The values of Conveyance.
const (
	ConveyanceNone       Conveyance = "none"
	ConveyanceIndirect   Conveyance = "indirect"
	ConveyanceDirect     Conveyance = "direct"
	ConveyanceEnterprise Conveyance = "enterprise"
)

// RPEntity is the relying party as the person is shown it (§5.4.2).
type RPEntity struct {
	ID   string // the RP ID, a domain
	Name string
}

// UserEntity is the account that a credential is made for (§5.4.3).
type UserEntity struct {
	ID          []byte // the user handle: 1 to 64 bytes that tell nothing about the person
	Name        string // what tells accounts apart, for example an e-mail address
	DisplayName string // may be empty
}

// Descriptor names a credential to the client (§5.8.3).
type Descriptor struct {
	ID         []byte
	Transports []string // as in the credential record; may be empty
}

// MarshalJSON writes a PublicKeyCredentialDescriptorJSON.
func (d Descriptor) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type       string   `json:"type"`
		ID         string   `json:"id"`
		Transports []string `json:"transports,omitempty"`
	}{publicKeyType, encode64(d.ID), d.Transports})
}

// publicKeyType is the only PublicKeyCredentialType there is (§5.8.2).
const publicKeyType = "public-key"

// CreationOptions starts a registration ceremony. It marshals as
// PublicKeyCredentialCreationOptionsJSON (§5.1.8), which the browser reads with
// PublicKeyCredential.parseCreationOptionsFromJSON.
type CreationOptions struct {
	RP                 RPEntity
	User               UserEntity
	Challenge          []byte              // 16 bytes or more, unguessable, used once
	Algorithms         []Algorithm         // most wanted first; nil: DefaultAlgorithms
	Verifiers          []AlgorithmVerifier // of those that this package does not verify by itself
	Timeout            time.Duration
	Exclude            []Descriptor // credentials that the account has already
	Attachment         Attachment
	ResidentKey        ResidentKey // empty: discouraged, as the specification has it
	UserVerification   UserVerification
	Hints              []Hint
	Attestation        Conveyance
	AttestationFormats []string       // wanted statement formats, most wanted first
	Extensions         map[string]any // client extension inputs by identifier, for example {"credProps": true}
}

type rpJSON struct {
	Name string `json:"name"`
	ID   string `json:"id,omitempty"`
}

type userJSON struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
}

type parameterJSON struct {
	Type string    `json:"type"`
	Alg  Algorithm `json:"alg"`
}

type selectionJSON struct {
	Attachment         Attachment       `json:"authenticatorAttachment,omitempty"`
	ResidentKey        ResidentKey      `json:"residentKey,omitempty"`
	RequireResidentKey bool             `json:"requireResidentKey"`
	UserVerification   UserVerification `json:"userVerification"`
}

type creationJSON struct {
	RP                 rpJSON          `json:"rp"`
	User               userJSON        `json:"user"`
	Challenge          string          `json:"challenge"`
	Parameters         []parameterJSON `json:"pubKeyCredParams"`
	Timeout            int64           `json:"timeout,omitempty"`
	Exclude            []Descriptor    `json:"excludeCredentials"`
	Selection          selectionJSON   `json:"authenticatorSelection"`
	Hints              []Hint          `json:"hints,omitempty"`
	Attestation        Conveyance      `json:"attestation"`
	AttestationFormats []string        `json:"attestationFormats,omitempty"`
	Extensions         map[string]any  `json:"extensions,omitempty"`
}

// MarshalJSON writes a PublicKeyCredentialCreationOptionsJSON, its members in
// the order of the dictionary. It fails where the challenge has fewer than 16
// bytes, the user handle is not of 1 to 64 bytes, or an algorithm is one that
// neither this package nor one of Verifiers verifies.
func (o CreationOptions) MarshalJSON() ([]byte, error) {
	if err := checkChallengeLength(o.Challenge); err != nil {
		return nil, err
	}
	if len(o.User.ID) == 0 || len(o.User.ID) > maxUserHandle {
		return nil, fmt.Errorf("webauthn: creation options: user handle of %d bytes, want 1 to %d", len(o.User.ID), maxUserHandle)
	}
	algorithms := orDefault(o.Algorithms)
	parameters := make([]parameterJSON, 0, len(algorithms))
	for _, a := range algorithms {
		if !a.Supported() && verifierOf(a, o.Verifiers) == nil {
			return nil, fmt.Errorf("webauthn: creation options: algorithm %d can't be verified", a)
		}
		parameters = append(parameters, parameterJSON{publicKeyType, a})
	}
	return json.Marshal(creationJSON{
		RP:         rpJSON{o.RP.Name, o.RP.ID},
		User:       userJSON{encode64(o.User.ID), o.User.Name, o.User.DisplayName},
		Challenge:  encode64(o.Challenge),
		Parameters: parameters,
		Timeout:    o.Timeout.Milliseconds(),
		Exclude:    orEmpty(o.Exclude),
		Selection: selectionJSON{
			Attachment:         o.Attachment,
			ResidentKey:        o.ResidentKey,
			RequireResidentKey: o.ResidentKey == ResidentKeyRequired,
			UserVerification:   orPreferred(o.UserVerification),
		},
		Hints:              o.Hints,
		Attestation:        orNone(o.Attestation),
		AttestationFormats: o.AttestationFormats,
		Extensions:         o.Extensions,
	})
}

// RequestOptions starts an authentication ceremony. It marshals as
// PublicKeyCredentialRequestOptionsJSON (§5.1.9), which the browser reads with
// PublicKeyCredential.parseRequestOptionsFromJSON.
type RequestOptions struct {
	RPID             string
	Challenge        []byte // 16 bytes or more, unguessable, used once
	Timeout          time.Duration
	Allow            []Descriptor // empty: any discoverable credential
	UserVerification UserVerification
	Hints            []Hint
	Extensions       map[string]any // client extension inputs by identifier
}

type requestJSON struct {
	Challenge        string           `json:"challenge"`
	Timeout          int64            `json:"timeout,omitempty"`
	RPID             string           `json:"rpId,omitempty"`
	Allow            []Descriptor     `json:"allowCredentials"`
	UserVerification UserVerification `json:"userVerification"`
	Hints            []Hint           `json:"hints,omitempty"`
	Extensions       map[string]any   `json:"extensions,omitempty"`
}

// MarshalJSON writes a PublicKeyCredentialRequestOptionsJSON, its members in
// the order of the dictionary. It fails where the challenge has fewer than 16
// bytes.
func (o RequestOptions) MarshalJSON() ([]byte, error) {
	if err := checkChallengeLength(o.Challenge); err != nil {
		return nil, err
	}
	return json.Marshal(requestJSON{
		Challenge:        encode64(o.Challenge),
		Timeout:          o.Timeout.Milliseconds(),
		RPID:             o.RPID,
		Allow:            orEmpty(o.Allow),
		UserVerification: orPreferred(o.UserVerification),
		Hints:            o.Hints,
		Extensions:       o.Extensions,
	})
}

// minChallenge is the least length that §13.4.3 recommends.
const minChallenge = 16

func checkChallengeLength(challenge []byte) error {
	if len(challenge) < minChallenge {
		return fmt.Errorf("webauthn: options: challenge of %d bytes, want at least %d", len(challenge), minChallenge)
	}
	return nil
}

// encode64 is b as base64url without padding; what is short takes no memory but
// its text.
func encode64(b []byte) string {
	return string(base64.RawURLEncoding.AppendEncode(make([]byte, 0, 256), b))
}

func orDefault(a []Algorithm) []Algorithm {
	if len(a) == 0 {
		return DefaultAlgorithms()
	}
	return a
}

func orPreferred(u UserVerification) UserVerification {
	if u == "" {
		return UserVerificationPreferred
	}
	return u
}

func orNone(c Conveyance) Conveyance {
	if c == "" {
		return ConveyanceNone
	}
	return c
}

// orEmpty makes a missing list "[]" and not "null".
func orEmpty(d []Descriptor) []Descriptor {
	if d == nil {
		return []Descriptor{}
	}
	return d
}

package webauthn

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/mapae/mapae/internal/strictjson"
)

// Bounds of what a client may send, in bytes.
const (
	maxBody         = 64 << 10
	maxClientData   = 8 << 10
	maxCredentialID = 1023 // §7.1 step 25
	maxUserHandle   = 64   // §5.4.3
	maxTransports   = 16
	maxTransport    = 32
)

// RegistrationResponse is a RegistrationResponseJSON (§5.1) that could be
// read; nothing in it is verified yet.
type RegistrationResponse struct {
	ID                []byte     // the raw credential ID
	Attachment        Attachment // empty where not told or unknown
	Transports        []string   // as the client told
	ClientDataJSON    []byte     // the very bytes that were hashed
	AttestationObject []byte     // CBOR
	ClientExtensions  []byte     // clientExtensionResults, the text of a JSON object; nil where absent

	discoverable *bool // credProps.rk
}

// AssertionResponse is an AuthenticationResponseJSON (§5.1) that could be
// read; nothing in it is verified yet.
type AssertionResponse struct {
	ID                []byte     // the raw credential ID
	UserHandle        []byte     // nil where absent or null
	Attachment        Attachment // empty where not told or unknown
	ClientDataJSON    []byte     // the very bytes that were hashed
	AuthenticatorData []byte
	Signature         []byte
	ClientExtensions  []byte // clientExtensionResults, the text of a JSON object; nil where absent
}

// ParseRegistration reads a RegistrationResponseJSON of up to 64 KiB, as
// PublicKeyCredential.toJSON writes it. Unknown members are passed over. It
// fails with [CheckEncoding] where anything can't be read strictly, and with
// [CheckExtension] where clientExtensionResults is not an object. It does not
// look into client data or the attestation object.
func ParseRegistration(body []byte) (*RegistrationResponse, error) {
	p, err := parseCredential(body, "7.1.3")
	if err != nil {
		return nil, err
	}
	// An empty attestation object is left to step 7.1.13.
	if p.attestationObject == nil {
		return nil, refuse("7.1.3", CheckEncoding, "", "response.attestationObject")
	}
	return &RegistrationResponse{
		ID: p.credentialID, Attachment: p.attachment, Transports: p.transports,
		ClientDataJSON: p.clientDataJSON, AttestationObject: p.attestationObject,
		ClientExtensions: p.extensions, discoverable: readDiscoverable(p.extensions),
	}, nil
}

// ParseAssertion reads an AuthenticationResponseJSON of up to 64 KiB, as
// PublicKeyCredential.toJSON writes it. Unknown members are passed over. It
// fails with [CheckEncoding] where anything can't be read strictly, and with
// [CheckExtension] where clientExtensionResults is not an object. It does not
// look into client data or authenticator data.
func ParseAssertion(body []byte) (*AssertionResponse, error) {
	const step = "7.2.3"
	p, err := parseCredential(body, step)
	if err != nil {
		return nil, err
	}
	switch {
	case len(p.authenticatorData) == 0:
		return nil, refuse(step, CheckEncoding, "", "response.authenticatorData")
	case len(p.signature) == 0:
		return nil, refuse(step, CheckEncoding, "", "response.signature")
	case len(p.credentialID) > maxCredentialID:
		return nil, refuse(step, CheckEncoding, fmt.Sprint(len(p.credentialID), " bytes"), "a credential ID of 1 to 1023 bytes")
	case len(p.userHandle) > maxUserHandle:
		return nil, refuse(step, CheckEncoding, fmt.Sprint(len(p.userHandle), " bytes"), "a user handle of 1 to 64 bytes")
	}
	return &AssertionResponse{
		ID: p.credentialID, UserHandle: p.userHandle, Attachment: p.attachment,
		ClientDataJSON: p.clientDataJSON, AuthenticatorData: p.authenticatorData, Signature: p.signature,
		ClientExtensions: p.extensions,
	}, nil
}

// Challenge returns the decoded challenge found in client data, whatever the
// other members of client data are like: those are judged by
// [VerifyRegistration]. It fails with [CheckChallenge] where client data is not
// a JSON object, or the challenge is missing, not a string, empty, there twice
// or not strict base64url.
func (r *RegistrationResponse) Challenge() ([]byte, error) {
	return challengeOf(r.ClientDataJSON, registration.challenge)
}

// Challenge does for an assertion what [RegistrationResponse.Challenge] does
// for a registration.
func (a *AssertionResponse) Challenge() ([]byte, error) {
	return challengeOf(a.ClientDataJSON, authentication.challenge)
}

// parsed holds the members of both kinds of response; nil where absent.
type parsed struct {
	id, rawID, kind []byte // as text
	credentialID    []byte
	attachment      Attachment
	extensions      []byte
	extensionFault  error

	responded                         bool
	clientDataJSON, attestationObject []byte
	authenticatorData, signature      []byte
	userHandle                        []byte
	transports                        []string
}

func parseCredential(body []byte, step string) (*parsed, error) {
	if len(body) > maxBody {
		return nil, refuse(step, CheckEncoding, fmt.Sprint(len(body), " bytes"), "at most 65536 bytes")
	}
	p := &parsed{}
	s := strictjson.New(body)
	p.readCredential(s)
	if err := s.End(); err != nil {
		return nil, refuseCause(step, CheckEncoding, err)
	}
	switch {
	case len(p.id) == 0 || !bytes.Equal(p.id, p.rawID): // strict base64url has one text for each value
		return nil, refuse(step, CheckEncoding, string(p.id), "id the same as rawId "+string(p.rawID))
	case string(p.kind) != publicKeyType:
		return nil, refuse(step, CheckEncoding, "type "+string(p.kind), publicKeyType)
	case !p.responded:
		return nil, refuse(step, CheckEncoding, "", "response")
	case len(p.clientDataJSON) == 0:
		return nil, refuse(step, CheckEncoding, "", "response.clientDataJSON")
	case len(p.clientDataJSON) > maxClientData:
		return nil, refuse(step, CheckEncoding, fmt.Sprint(len(p.clientDataJSON), " bytes"), "client data of at most 8192 bytes")
	case p.extensionFault != nil:
		return nil, refuseCause(step, CheckExtension, p.extensionFault)
	}
	var err error
	if p.credentialID, err = strictjson.DecodeBase64(p.rawID); err != nil {
		return nil, refuseCause(step, CheckEncoding, err)
	}
	return p, nil
}

func (p *parsed) readCredential(s *strictjson.Scanner) {
	m := s.Object()
	for m.Next() {
		switch string(m.Name) {
		case "id":
			p.id = s.Text()
		case "rawId":
			p.rawID = s.Text()
		case "type":
			p.kind = s.Text()
		case "authenticatorAttachment":
			p.readAttachment(s)
		case "clientExtensionResults":
			p.readExtensions(s)
		case "response":
			p.responded = true
			p.readResponse(s)
		default:
			s.Raw()
		}
	}
}

func (p *parsed) readResponse(s *strictjson.Scanner) {
	m := s.Object()
	for m.Next() {
		switch string(m.Name) {
		case "clientDataJSON":
			p.clientDataJSON = s.Base64()
		case "attestationObject":
			p.attestationObject = s.Base64()
		case "authenticatorData":
			p.authenticatorData = s.Base64()
		case "signature":
			p.signature = s.Base64()
		case "userHandle":
			if !s.Null() {
				p.userHandle = s.Base64()
			}
		case "transports":
			p.readTransports(s)
		default:
			s.Raw()
		}
	}
}

// readAttachment takes an unknown value as none (§5.4.5).
func (p *parsed) readAttachment(s *strictjson.Scanner) {
	if s.Null() {
		return
	}
	switch a := Attachment(s.Text()); a {
	case AttachmentPlatform, AttachmentCrossPlatform:
		p.attachment = a
	}
}

func (p *parsed) readTransports(s *strictjson.Scanner) {
	s.Array(func() {
		t := s.Text()
		if len(t) > maxTransport || len(p.transports) == maxTransports {
			s.Fail("too many transports, or too long a one")
			return
		}
		p.transports = append(p.transports, string(t))
	})
}

var errNotAnObject = errors.New("clientExtensionResults is not an object")

// readExtensions keeps the text of the extension outputs, whatever they are
// (§7.1 step 28).
func (p *parsed) readExtensions(s *strictjson.Scanner) {
	if s.Peek() != '{' {
		p.extensionFault = errNotAnObject
	}
	p.extensions = s.Raw()
}

// readDiscoverable picks credProps.rk from extension outputs that were read
// before; an output of the wrong type counts as not there.
func readDiscoverable(outputs []byte) *bool {
	switch rk := string(memberOf(memberOf(outputs, "credProps"), "rk")); rk {
	case "true", "false":
		is := rk == "true"
		return &is
	}
	return nil
}

// memberOf returns the text of a member of a JSON object that was read before;
// nil where there is no such member, or object.
func memberOf(object []byte, name string) (value []byte) {
	s := strictjson.New(object)
	for m := s.Object(); m.Next(); {
		if v := s.Raw(); string(m.Name) == name {
			value = v
		}
	}
	return value
}

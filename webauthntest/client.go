package webauthntest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
)

type descriptor struct {
	ID string `json:"id"`
}

type creationOptions struct {
	RP struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"user"`
	Challenge  string `json:"challenge"`
	Parameters []struct {
		Type string    `json:"type"`
		Alg  Algorithm `json:"alg"`
	} `json:"pubKeyCredParams"`
	Exclude   []descriptor `json:"excludeCredentials"`
	Selection struct {
		ResidentKey        string `json:"residentKey"`
		RequireResidentKey bool   `json:"requireResidentKey"`
	} `json:"authenticatorSelection"`
	Extensions struct {
		CredProps bool `json:"credProps"`
	} `json:"extensions"`
}

type requestOptions struct {
	RPID      string       `json:"rpId"`
	Challenge string       `json:"challenge"`
	Allow     []descriptor `json:"allowCredentials"`
}

// Create is navigator.credentials.create: it takes a
// PublicKeyCredentialCreationOptionsJSON, makes a credential with the first
// algorithm that it knows, and returns a RegistrationResponseJSON. It fails
// with an [*Error]: InvalidStateError where it holds a credential of
// excludeCredentials, SecurityError where the RP ID does not fit the origin,
// NotSupportedError where it knows no algorithm that is offered or has no CA to
// attest with, NotAllowedError where it is full, and TypeError where the
// options can't be read.
func (a *Authenticator) Create(options []byte) ([]byte, error) {
	var o creationOptions
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, domError("TypeError", "creation options: %v", err)
	}
	rpID, err := a.rpID(o.RP.ID)
	if err != nil {
		return nil, err
	}
	excluded, err := decodeIDs(o.Exclude)
	if err != nil {
		return nil, err
	}
	if len(excluded) > 0 && a.find(rpID, excluded) != nil {
		return nil, domError("InvalidStateError", "holds a credential of excludeCredentials")
	}
	alg, err := a.choose(o)
	if err != nil {
		return nil, err
	}
	handle, err := decode64(o.User.ID)
	if err != nil || len(handle) == 0 || len(handle) > 64 {
		return nil, domError("TypeError", "user.id is not base64url of 1 to 64 bytes")
	}
	c := &Credential{ID: a.Forge.CredentialID, RPID: rpID, UserHandle: handle, UserName: o.User.Name, Algorithm: alg, Discoverable: a.Discoverable}
	if c.Discoverable && a.full(rpID, handle) {
		if o.Selection.ResidentKey == "required" || o.Selection.RequireResidentKey {
			return nil, domError("NotAllowedError", "no room for a further discoverable credential")
		}
		c.Discoverable = false
	}
	if c.ID == nil {
		c.ID = make([]byte, 16)
		if err := a.random(c.ID); err != nil {
			return nil, err
		}
	}
	if c.Key = a.Reuse; c.Key == nil {
		if c.Key, err = a.newKey(alg); err != nil {
			return nil, err
		}
	}
	response, err := a.register(c, o)
	if err != nil {
		return nil, err
	}
	a.add(c)
	return response, nil
}

func (a *Authenticator) choose(o creationOptions) (Algorithm, error) {
	known := a.Algorithms
	if known == nil {
		known = AllAlgorithms()
	}
	for _, p := range o.Parameters {
		if p.Type == "public-key" && slices.Contains(known, p.Alg) && a.Attestation.knows(p.Alg) {
			return p.Alg, nil
		}
	}
	return 0, domError("NotSupportedError", "none of pubKeyCredParams is known, or can be attested")
}

// register answers for a new credential.
func (a *Authenticator) register(c *Credential, o creationOptions) ([]byte, error) {
	key, err := c.COSEKey()
	if err != nil {
		return nil, err
	}
	key = edit(a.Forge.PublicKey, key)
	attested := append(a.AAGUID[:len(a.AAGUID):len(a.AAGUID)], byte(len(c.ID)>>8), byte(len(c.ID)))
	attested = append(append(attested, c.ID...), key...)
	clientData := a.clientData("webauthn.create", o.Challenge)
	authData := a.authData(c.RPID, FlagAT, attested)

	format, statement, err := a.attest(a.Attestation, subject{c, authData, clientData})
	if err != nil {
		return nil, err
	}
	object := encodeMap("fmt", format, "attStmt", statement, "authData", authData)
	response := map[string]any{
		"clientDataJSON":    encode64(clientData),
		"attestationObject": encode64(edit(a.Forge.AttestationObject, object)),
		"authenticatorData": encode64(authData),
		"transports":        a.Transports,
	}
	if a.Transports == nil {
		response["transports"] = []string{}
	}
	results := map[string]any{}
	if o.Extensions.CredProps {
		results["credProps"] = map[string]any{"rk": c.Discoverable}
	}
	return a.answer(c, response, results)
}

// Get is navigator.credentials.get: it takes a
// PublicKeyCredentialRequestOptionsJSON and returns an
// AuthenticationResponseJSON by the newest credential that fits. It fails with
// an [*Error]: NotAllowedError where it has none, SecurityError where the RP ID
// does not fit the origin, and TypeError where the options can't be read.
func (a *Authenticator) Get(options []byte) ([]byte, error) {
	var o requestOptions
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, domError("TypeError", "request options: %v", err)
	}
	rpID, err := a.rpID(o.RPID)
	if err != nil {
		return nil, err
	}
	allowed, err := decodeIDs(o.Allow)
	if err != nil {
		return nil, err
	}
	c := a.find(rpID, allowed)
	if c == nil {
		return nil, domError("NotAllowedError", "no credential for %s", rpID)
	}
	clientData := a.clientData("webauthn.get", o.Challenge)
	a.flip()
	authData := a.authData(rpID, 0, nil)
	signature, err := a.sign(c, authData, clientData)
	if err != nil {
		return nil, err
	}
	response := map[string]any{
		"clientDataJSON":    encode64(clientData),
		"authenticatorData": encode64(authData),
		"signature":         encode64(signature),
	}
	if a.UserHandle == UserHandleAlways || a.UserHandle == UserHandleIfDiscoverable && c.Discoverable {
		response["userHandle"] = encode64(c.UserHandle)
	}
	return a.answer(c, response, map[string]any{})
}

func (a *Authenticator) answer(c *Credential, response, results map[string]any) ([]byte, error) {
	members := map[string]any{
		"id":                     encode64(c.ID),
		"rawId":                  encode64(c.ID),
		"type":                   "public-key",
		"response":               response,
		"clientExtensionResults": results,
	}
	if a.Attachment != "" {
		members["authenticatorAttachment"] = a.Attachment
	}
	if a.Forge.Response != nil {
		a.Forge.Response(members)
	}
	return json.Marshal(members)
}

// sign signs authenticator data and the hash of client data.
func (a *Authenticator) sign(c *Credential, authData, clientData []byte) ([]byte, error) {
	hash := sha256.Sum256(clientData)
	if a.Forge.Sign != nil {
		return a.Forge.Sign(c, authData, hash[:])
	}
	source := io.Reader(randomReader{a})
	if a.Rand != nil && !suiteOf(c.Algorithm).pss {
		source = nil
	}
	signature, err := c.Sign(source, append(authData[:len(authData):len(authData)], hash[:]...))
	if err != nil {
		return nil, err
	}
	return edit(a.Forge.Signature, signature), nil
}

// clientData serialises CollectedClientData in the order of Level 3 §5.8.1.1.
func (a *Authenticator) clientData(kind, challenge string) []byte {
	out := []byte(`{"type":` + quote(orElse(a.Forge.Type, kind)) +
		`,"challenge":` + quote(orElse(a.Forge.Challenge, challenge)) +
		`,"origin":` + quote(orElse(a.Forge.Origin, a.Origin)))
	if a.CrossOrigin {
		out = append(out, `,"crossOrigin":true`...)
	} else {
		out = append(out, `,"crossOrigin":false`...)
	}
	if a.TopOrigin != "" {
		out = append(out, `,"topOrigin":`+quote(a.TopOrigin)...)
	}
	if a.Forge.Members != "" {
		out = append(out, ","+a.Forge.Members...)
	}
	return edit(a.Forge.ClientData, append(out, '}'))
}

// quote writes a JSON string. Texts in client data are base64url or origins,
// for which this and the specification's own serialisation are the same.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(b)
}

// rpID returns the RP ID of the options, by default the host of the origin. On
// a web origin it must be that host or a domain above it.
func (a *Authenticator) rpID(id string) (string, error) {
	u, err := url.Parse(a.Origin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		if id == "" {
			return "", domError("SecurityError", "an app has no default RP ID")
		}
		return id, nil
	}
	host := u.Hostname()
	if id == "" {
		return host, nil
	}
	if host != id && !strings.HasSuffix(host, "."+id) {
		return "", domError("SecurityError", "RP ID %q does not fit the origin %q", id, a.Origin)
	}
	return id, nil
}

func decodeIDs(list []descriptor) ([][]byte, error) {
	ids := make([][]byte, 0, len(list))
	for _, d := range list {
		id, err := decode64(d.ID)
		if err != nil {
			return nil, domError("TypeError", "credential ID %q is not base64url", d.ID)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode64(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }

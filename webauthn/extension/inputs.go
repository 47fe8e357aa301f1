package extension

import (
	"encoding/base64"
	"maps"
)

// Inputs are client extension inputs. Zero fields are not asked for.
type Inputs struct {
	CredProps    bool   // registration: is the credential discoverable? (§10.1.3)
	AppID        string // authentication: the AppID of credentials made with U2F (§10.1.1)
	AppIDExclude string // registration: refuse where U2F has a credential of this AppID (§10.1.2)
	PRF          *PRF   // (§10.1.4)
	LargeBlob    LargeBlob

	CredProtect        Protection // registration (CTAP 2.2 §12.1)
	EnforceCredProtect bool       // fail rather than make a credential with less
	MinPinLength       bool       // registration: tell the least PIN length (CTAP 2.2 §12.5)

	Other map[string]any // further ones by identifier, as they marshal
}

// PRF asks for the outputs of a pseudo-random function for up to two inputs of
// any length. At registration an empty one asks whether the authenticator can.
type PRF struct {
	First, Second []byte            // for any credential; Second may be nil
	ByCredential  map[string]PRFFor // authentication: for single ones, by raw credential ID
}

// PRFFor are the inputs for one credential.
type PRFFor struct{ First, Second []byte }

// LargeBlob stores up to about a kilobyte with a credential (§10.1.5).
type LargeBlob struct {
	Support string // registration: "required" or "preferred"
	Read    bool   // authentication; not together with Write
	Write   []byte // authentication, with one credential allowed
}

// Protection is how much a credential demands before it is used or found.
type Protection int

// The values of Protection, as authenticators tell them.
const (
	ProtectionOptional           Protection = 1 // user verification is not needed
	ProtectionOptionalWithIDList Protection = 2 // not needed where the credential ID is known
	ProtectionRequired           Protection = 3 // always needed
)

var protectionNames = map[Protection]string{
	ProtectionOptional:           "userVerificationOptional",
	ProtectionOptionalWithIDList: "userVerificationOptionalWithCredentialIDList",
	ProtectionRequired:           "userVerificationRequired",
}

// Map returns what belongs in CreationOptions.Extensions or
// RequestOptions.Extensions; nil where nothing is asked for.
func (i Inputs) Map() map[string]any {
	m := maps.Clone(i.Other)
	if m == nil {
		m = map[string]any{}
	}
	set := func(asked bool, identifier string, value any) {
		if asked {
			m[identifier] = value
		}
	}
	set(i.CredProps, "credProps", true)
	set(i.AppID != "", "appid", i.AppID)
	set(i.AppIDExclude != "", "appidExclude", i.AppIDExclude)
	set(i.MinPinLength, "minPinLength", true)
	set(i.CredProtect != 0, "credentialProtectionPolicy", protectionNames[i.CredProtect])
	set(i.CredProtect != 0 && i.EnforceCredProtect, "enforceCredentialProtectionPolicy", true)
	blob := i.LargeBlob.members()
	set(len(blob) > 0, "largeBlob", blob)
	if i.PRF != nil {
		m["prf"] = i.PRF.members()
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

func (b LargeBlob) members() map[string]any {
	m := map[string]any{}
	if b.Support != "" {
		m["support"] = b.Support
	}
	if b.Read {
		m["read"] = true
	}
	if b.Write != nil {
		m["write"] = encode64(b.Write)
	}
	return m
}

func (p PRF) members() map[string]any {
	m := map[string]any{}
	if p.First != nil {
		m["eval"] = PRFFor{p.First, p.Second}.members()
	}
	if len(p.ByCredential) > 0 {
		each := map[string]any{}
		for id, values := range p.ByCredential {
			each[encode64([]byte(id))] = values.members()
		}
		m["evalByCredential"] = each
	}
	return m
}

func (p PRFFor) members() map[string]string {
	m := map[string]string{"first": encode64(p.First)}
	if p.Second != nil {
		m["second"] = encode64(p.Second)
	}
	return m
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

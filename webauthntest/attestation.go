package webauthntest

import (
	"cmp"
	"crypto"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
)

// Attestation is the statement format that Create answers with. All but
// AttestationNone and AttestationPackedSelf need the authenticator's CA.
type Attestation string

// The values of Attestation.
const (
	AttestationNone       Attestation = ""            // format "none", and the AAGUID is told all the same, as passkey providers do
	AttestationPackedSelf Attestation = "packed-self" // format "packed", signed with the credential's own key
	AttestationPacked     Attestation = "packed"      // signed with the key of a batch (§8.2)
	AttestationTPM        Attestation = "tpm"         // certified by a TPM 2.0 (§8.3); not for EdDSA
	AttestationAndroidKey Attestation = "android-key" // §8.4
	AttestationFIDOU2F    Attestation = "fido-u2f"    // §8.6; for ES256, and with an AAGUID of zeros
	AttestationApple      Attestation = "apple"       // §8.8
	AttestationCompound   Attestation = "compound"    // packed by the batch and by the credential itself (§8.9)
)

// AllAttestations returns every format of this package.
func AllAttestations() []Attestation {
	return []Attestation{
		AttestationNone, AttestationPackedSelf, AttestationPacked, AttestationTPM,
		AttestationAndroidKey, AttestationFIDOU2F, AttestationApple, AttestationCompound,
	}
}

// knows tells whether a device that attests in this way has keys of alg.
func (k Attestation) knows(alg Algorithm) bool {
	switch k {
	case AttestationTPM:
		return suiteOf(alg).hash != 0
	case AttestationFIDOU2F:
		return alg == ES256
	}
	return true
}

// TPMManufacturer is the vendor that AttestationTPM tells: the one of the FIDO
// conformance tools. It is in nobody's list of real ones.
const TPMManufacturer = "id:FFFFF1D0"

// subject is what an attestation is about.
type subject struct {
	credential *Credential
	authData   []byte
	clientData []byte
}

func (s subject) hash() []byte {
	h := sha256.Sum256(s.clientData)
	return h[:]
}

// signed is what most formats sign: authenticator data and the hash of client data.
func (s subject) signed() []byte { return slices.Concat(s.authData, s.hash()) }

// attest returns format and attStmt of the attestation object.
func (a *Authenticator) attest(kind Attestation, s subject) (format string, statement RawCBOR, err error) {
	if a.CA == nil && kind != AttestationNone && kind != AttestationPackedSelf {
		return "", nil, domError("NotSupportedError", "attestation %q needs a CA", kind)
	}
	var members map[string]any
	switch kind {
	case AttestationNone:
		format, members = "none", map[string]any{}
	case AttestationPackedSelf:
		format = "packed"
		members, err = a.packedSelf(s)
	case AttestationPacked:
		format = "packed"
		members, err = a.packed(s)
	case AttestationTPM:
		format = "tpm"
		members, err = a.tpm(s)
	case AttestationAndroidKey:
		format = "android-key"
		members, err = a.androidKey(s)
	case AttestationFIDOU2F:
		format = "fido-u2f"
		members, err = a.u2f(s)
	case AttestationApple:
		format = "apple"
		members, err = a.apple(s)
	case AttestationCompound:
		return a.compound(s)
	default:
		err = domError("NotSupportedError", "attestation %q", kind)
	}
	if err != nil {
		return "", nil, err
	}
	if a.Forge.Statement != nil {
		a.Forge.Statement(members)
	}
	return format, encodeMembers(members), nil
}

// encodeMembers encodes a map with text keys in canonical order.
func encodeMembers(members map[string]any) RawCBOR {
	keys := make([]string, 0, len(members))
	for k := range members {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y string) int { return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)) })
	var list []any
	for _, k := range keys {
		list = append(list, k, members[k])
	}
	return encodeMap(list...)
}

// encodeArray encodes items as encode does.
func encodeArray[T any](items []T) RawCBOR {
	out := encodeHead(nil, 4, uint64(len(items)))
	for _, item := range items {
		out = encode(out, item)
	}
	return out
}

func (a *Authenticator) packedSelf(s subject) (map[string]any, error) {
	signature, err := a.sign(s.credential, s.authData, s.clientData)
	return map[string]any{"alg": int64(s.credential.Algorithm), "sig": signature}, err
}

// packed follows §8.2 with certificates.
func (a *Authenticator) packed(s subject) (map[string]any, error) {
	key, err := a.CA.Key("packed")
	if err != nil {
		return nil, err
	}
	template, err := a.leafTemplate()
	if err != nil {
		return nil, err
	}
	leaf, err := a.issue(template, key.Public(), true)
	if err != nil {
		return nil, err
	}
	signature, err := signSHA256(key, s.signed())
	return map[string]any{"alg": int64(ES256), "sig": signature, "x5c": [][]byte{leaf.Raw, a.CA.Intermediate.Raw}}, err
}

// signSHA256 signs with a key on P-256 or an RSA key, always the same way.
func signSHA256(key crypto.Signer, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	return key.Sign(nil, digest[:], crypto.SHA256)
}

// androidKey follows §8.4: the certificate is one for the credential's key.
func (a *Authenticator) androidKey(s subject) (map[string]any, error) {
	description, err := androidDescription(s.hash())
	if err != nil {
		return nil, err
	}
	template, err := a.leafTemplate()
	if err != nil {
		return nil, err
	}
	template.Subject = pkix.Name{CommonName: "Android Keystore Key"}
	template.ExtraExtensions = []pkix.Extension{{Id: OIDExtensionAndroid, Value: description}}
	leaf, err := a.issue(template, s.credential.Key.Public(), true)
	if err != nil {
		return nil, err
	}
	signature, err := a.sign(s.credential, s.authData, s.clientData)
	return map[string]any{
		"alg": int64(s.credential.Algorithm), "sig": signature, "x5c": [][]byte{leaf.Raw, a.CA.Intermediate.Raw},
	}, err
}

// androidDescription is the key description of a key that hardware generated
// for signing.
func androidDescription(challenge []byte) ([]byte, error) {
	return asn1.Marshal(struct {
		Version       int
		Level         asn1.Enumerated
		KeyMint       int
		KeyMintLevel  asn1.Enumerated
		Challenge     []byte
		UniqueID      []byte
		Software, TEE asn1.RawValue
	}{
		300, 1, 300, 1, challenge, nil,
		AndroidList(),
		AndroidList(AndroidSet(1, 2, 3), AndroidInteger(702, 0)),
	})
}

// AndroidList is an AuthorizationList of an Android key description.
func AndroidList(members ...asn1.RawValue) asn1.RawValue {
	var content []byte
	for _, m := range members {
		content = append(content, m.FullBytes...)
	}
	return raw(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true, Bytes: content})
}

// AndroidInteger is a member of an AuthorizationList that holds an integer,
// such as the origin of the key under 702.
func AndroidInteger(tag int, value int64) asn1.RawValue { return explicit(tag, der(value)) }

// AndroidSet is a member that holds a set of integers, such as the purposes of
// the key under 1.
func AndroidSet(tag int, values ...int64) asn1.RawValue {
	var content []byte
	for _, v := range values {
		content = append(content, der(v)...)
	}
	set := raw(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: content})
	return explicit(tag, set.FullBytes)
}

// AndroidNull is a member that is there or not, such as allApplications under 600.
func AndroidNull(tag int) asn1.RawValue { return explicit(tag, asn1.NullBytes) }

// der encodes what can't fail to encode.
func der(v any) []byte {
	b, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// raw fills in FullBytes.
func raw(v asn1.RawValue) asn1.RawValue {
	v.FullBytes = der(v)
	return v
}

func explicit(tag int, content []byte) asn1.RawValue {
	return raw(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: content})
}

// apple follows §8.8: the certificate is one for the credential's key.
func (a *Authenticator) apple(s subject) (map[string]any, error) {
	nonce := sha256.Sum256(s.signed())
	template, err := a.leafTemplate()
	if err != nil {
		return nil, err
	}
	template.ExtraExtensions = []pkix.Extension{{Id: OIDExtensionApple, Value: AndroidList(explicit(1, der(nonce[:]))).FullBytes}}
	leaf, err := a.issue(template, s.credential.Key.Public(), true)
	if err != nil {
		return nil, err
	}
	return map[string]any{"x5c": [][]byte{leaf.Raw, a.CA.Intermediate.Raw}}, nil
}

// u2f follows §8.6.
func (a *Authenticator) u2f(s subject) (map[string]any, error) {
	point, err := u2fPoint(s.credential)
	if err != nil {
		return nil, err
	}
	key, err := a.CA.Key("fido-u2f")
	if err != nil {
		return nil, err
	}
	template, err := a.leafTemplate()
	if err != nil {
		return nil, err
	}
	template.ExtraExtensions = nil
	leaf, err := a.issue(template, key.Public(), false)
	if err != nil {
		return nil, err
	}
	signature, err := signSHA256(key, slices.Concat([]byte{0}, s.authData[:32], s.hash(), s.credential.ID, point))
	return map[string]any{"sig": signature, "x5c": [][]byte{leaf.Raw}}, err
}

// compound answers with two statements, of which each stands alone.
func (a *Authenticator) compound(s subject) (format string, statement RawCBOR, err error) {
	var list []any
	for _, kind := range []Attestation{AttestationPacked, AttestationPackedSelf} {
		format, inner, err := a.attest(kind, s)
		if err != nil {
			return "", nil, err
		}
		list = append(list, RawCBOR(encodeMap("fmt", format, "attStmt", inner)))
	}
	if a.Forge.Compound != nil {
		list = a.Forge.Compound(list)
	}
	return "compound", encodeArray(list), nil
}

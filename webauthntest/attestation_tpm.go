package webauthntest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
)

// Numbers of the TPM 2.0 library, part 2.
const (
	tpmRSA      = 0x0001
	tpmSHA256   = 0x000b
	tpmNull     = 0x0010
	tpmECC      = 0x0023
	tpmP256     = 0x0003
	tpmP384     = 0x0004
	tpmP521     = 0x0005
	tpmMagic    = 0xff544347
	tpmCertify  = 0x8017
	tpmForSigns = 0x00040472 // objectAttributes: sign, userWithAuth, generated inside, bound to it
)

// tpm follows §8.3: an attestation key certifies the credential's key.
func (a *Authenticator) tpm(s subject) (map[string]any, error) {
	public, err := tpmPublic(s.credential)
	if err != nil {
		return nil, err
	}
	public = edit(a.Forge.PubArea, public)
	extra := sha256.Sum256(s.signed())
	info := edit(a.Forge.CertInfo, tpmAttest(public, extra[:]))
	key, err := a.CA.Key("tpm")
	if err != nil {
		return nil, err
	}
	template, err := a.leafTemplate()
	if err != nil {
		return nil, err
	}
	template.Subject = pkix.Name{}
	template.UnknownExtKeyUsage = []asn1.ObjectIdentifier{OIDUsageAIK}
	template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: OIDExtensionSAN, Critical: true, Value: TPMName(TPMManufacturer, "Test", "id:00010002")})
	leaf, err := a.issue(template, key.Public(), true)
	if err != nil {
		return nil, err
	}
	signature, err := signSHA256(key, info)
	return map[string]any{
		"ver": "2.0", "alg": int64(ES256), "sig": signature, "certInfo": info, "pubArea": public,
		"x5c": [][]byte{leaf.Raw, a.CA.Intermediate.Raw},
	}, err
}

// TPMName is the subject alternative name of an attestation key's certificate:
// who made the TPM, its model and its version. Empty ones are left out.
func TPMName(manufacturer, model, version string) []byte {
	var name pkix.RelativeDistinguishedNameSET
	for i, value := range []string{manufacturer, model, version} {
		if value != "" {
			name = append(name, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 23, 133, 2, 1 + i}, Value: value})
		}
	}
	return AndroidList(explicit(4, der(pkix.RDNSequence{name}))).FullBytes
}

// tpmPublic is TPMT_PUBLIC of a key that signs (part 2, 12.2.4).
func tpmPublic(c *Credential) ([]byte, error) {
	switch key := c.Key.Public().(type) {
	case *rsa.PublicKey:
		out := tpmHead(tpmRSA)
		out = binary.BigEndian.AppendUint16(out, uint16(key.N.BitLen()))
		out = binary.BigEndian.AppendUint32(out, 0) // 65,537
		return sized(out, key.N.Bytes()), nil
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return nil, err
		}
		curve := map[elliptic.Curve]uint16{elliptic.P256(): tpmP256, elliptic.P384(): tpmP384, elliptic.P521(): tpmP521}[key.Curve]
		out := binary.BigEndian.AppendUint16(tpmHead(tpmECC), curve)
		out = binary.BigEndian.AppendUint16(out, tpmNull) // key derivation
		half := 1 + len(point)/2
		return sized(sized(out, point[1:half]), point[half:]), nil
	}
	return nil, domError("NotSupportedError", "a TPM has no keys of algorithm %d", c.Algorithm)
}

// tpmHead is what public areas have in common, up to the signing scheme.
func tpmHead(kind uint16) []byte {
	out := binary.BigEndian.AppendUint16(nil, kind)
	out = binary.BigEndian.AppendUint16(out, tpmSHA256)
	out = binary.BigEndian.AppendUint32(out, tpmForSigns)
	out = sized(out, nil)                             // policy
	out = binary.BigEndian.AppendUint16(out, tpmNull) // symmetric
	return binary.BigEndian.AppendUint16(out, tpmNull)
}

// tpmAttest is TPMS_ATTEST over a public area (part 2, 10.12.8).
func tpmAttest(public, extra []byte) []byte {
	digest := sha256.Sum256(public)
	name := append(binary.BigEndian.AppendUint16(nil, tpmSHA256), digest[:]...)
	out := binary.BigEndian.AppendUint32(nil, tpmMagic)
	out = binary.BigEndian.AppendUint16(out, tpmCertify)
	out = sized(out, name) // of the signer; nobody looks at it
	out = sized(out, extra)
	out = append(out, make([]byte, 17+8)...) // clock and firmware version
	return sized(sized(out, name), name)
}

// sized appends a length of two bytes and b.
func sized(out, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(out, uint16(len(b))), b...)
}

// u2fPoint is the credential's key as U2F had it: an uncompressed point.
func u2fPoint(c *Credential) ([]byte, error) {
	key, ok := c.Key.Public().(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, domError("NotSupportedError", "U2F has keys of ES256 only")
	}
	return key.Bytes()
}

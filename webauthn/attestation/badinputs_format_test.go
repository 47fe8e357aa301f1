package attestation_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"

	"github.com/mapae/mapae/webauthn/attestation"
	"github.com/mapae/mapae/webauthn/attestation/mds"
	"github.com/mapae/mapae/webauthntest"
)

var certified = []mds.Status{mds.FIDOCertifiedL1}

// at changes bytes of a structure of the TPM.
func at(offset int, value ...byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b = bytes.Clone(b)
		copy(b[offset:], value)
		return b
	}
}

func certInfo(f func([]byte) []byte) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) { a.Forge.CertInfo = f }
}

func pubArea(f func([]byte) []byte) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) { a.Forge.PubArea = f }
}

// Where things are in what webauthntest's TPM writes: certInfo has a signer's
// name of 34 bytes, pubArea is that of a key on P-256.
const (
	offsetType      = 4
	offsetExtraData = 4 + 2 + 2 + 34 + 2
	offsetClock     = offsetExtraData + 32
	offsetName      = offsetClock + 17 + 8 + 2
	offsetNameAlg   = 2
	offsetSymmetric = 10
	offsetScheme    = 12
	offsetCurve     = 14
	offsetKDF       = 16
	offsetX         = 20
)

func badTPM() []badInput {
	const kind, info, area = webauthntest.AttestationTPM, "8.3 certInfo", "8.3 pubArea"
	name := "8.3.1 subject alternative name"
	san := func(value []byte) func(*webauthntest.Authenticator) {
		return extra(webauthntest.OIDExtensionSAN, true, value)
	}
	maker := webauthntest.TPMManufacturer
	return []badInput{
		{"BI-307", "magic", kind, bad, info + ".magic", certInfo(at(0, 0xfe)), nil},
		{"BI-307", "type", kind, bad, info + ".type", certInfo(at(offsetType, 0x80, 0x18)), nil},
		{"BI-307", "version missing", kind, bad, "8.3 ver", set("ver", nil), nil},
		{"BI-307", "version 1.2", kind, bad, "8.3 ver", set("ver", "1.2"), nil},
		{"BI-308", "extraData of something else", kind, bad, info + ".extraData", certInfo(at(offsetExtraData, 1, 2, 3)), nil},
		{"BI-308", "extraData by another hash", kind, bad, info + ".extraData", set("alg", -35), nil},
		{"BI-308", "alg without a hash", kind, bad, "8.3 alg", set("alg", -8), nil},
		{"BI-308", "alg that nobody knows", kind, bad, "8.3 alg", set("alg", -999), nil},
		{"BI-308", "name of another key", kind, bad, info + ".attested.name", certInfo(at(offsetName+4, 1, 2, 3)), nil},
		{"BI-308", "name by another hash", kind, bad, info + ".attested.name", certInfo(at(offsetName+1, 0x0c)), nil},
		{"BI-308", "signature", kind, bad, "8.3 sig", flip("sig"), nil},
		{"BI-308", "sig missing", kind, bad, "8.3 sig", set("sig", nil), nil},
		{"BI-308", "key in pubArea another", kind, bad, area, pubArea(otherPoint), nil},
		{"BI-310", "certificates in the wrong order", kind, bad, "8.3 sig", chain(func(l [][]byte) [][]byte { return [][]byte{l[1], l[0]} }), nil},
		{"BI-310", "x5c missing", kind, bad, "8.3 x5c", set("x5c", nil), nil},
		{"BI-310", "certificate of version 1", kind, bad, "8.3.1 version", versionOne, nil},
		{"BI-310", "subject filled", kind, bad, "8.3.1 subject", certificate(func(c *x509.Certificate) { c.Subject.CommonName = "TPM" }), nil},
		{"BI-310", "use another", kind, bad, "8.3.1 extended key usage", certificate(func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}} }), nil},
		{"BI-310", "use none", kind, bad, "8.3.1 extended key usage", certificate(func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil }), nil},
		{"BI-310", "use of the list only", kind, bad, "8.3.1 extended key usage", certificate(func(c *x509.Certificate) {
			c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}), nil},
		{"BI-310", "an authority", kind, bad, "8.3.1 basic constraints", certificate(func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }), nil},
		{"BI-310", "no basic constraints", kind, bad, "8.3.1 basic constraints", certificate(func(c *x509.Certificate) { c.BasicConstraintsValid = false }), nil},
		{"BI-310", "AAGUID differs", kind, bad, "8.3 id-fido-gen-ce-aaguid", extra(webauthntest.OIDExtensionAAGUID, false, append([]byte{4, 16}, make([]byte, 16)...)), nil},
		{"BI-310", "no name", kind, bad, name, san(nil), nil},
		{"BI-310", "name with bytes behind it", kind, bad, name, san(append(webauthntest.TPMName(maker, "m", "v"), 0)), nil},
		{"BI-310", "name a host", kind, bad, name, san([]byte{0x30, 3, 0x82, 1, 'a'}), nil},
		{"BI-310", "directory name not DER", kind, bad, name, san([]byte{0x30, 3, 0xa4, 1, 0x30}), nil},
		{"BI-310", "manufacturer missing", kind, bad, name, san(webauthntest.TPMName("", "m", "v")), nil},
		{"BI-310", "model missing", kind, bad, name, san(webauthntest.TPMName(maker, "", "v")), nil},
		{"BI-310", "TPM version missing", kind, bad, name, san(webauthntest.TPMName(maker, "m", "")), nil},
		{"BI-310", "manufacturer twice", kind, bad, name, san(twice(webauthntest.TPMName(maker, "m", "v"))), nil},
		{"BI-310", "manufacturer unknown", kind, bad, name, san(webauthntest.TPMName("id:12345678", "m", "v")), nil},
		{"BI-310", "manufacturer not in the default list", kind, bad, name, nil, func(v *attestation.Verifier) { v.TPMVendors = nil }},
		{"BI-311", "certInfo missing", kind, bad, "8.3", set("certInfo", nil), nil},
		{"BI-311", "pubArea a text", kind, bad, "8.3", set("pubArea", "text"), nil},
		{"BI-311", "certInfo with bytes behind it", kind, bad, info, certInfo(func(b []byte) []byte { return append(b, 0) }), nil},
		{"BI-311", "pubArea with bytes behind it", kind, bad, area, pubArea(func(b []byte) []byte { return append(b, 0) }), nil},
		{"BI-311", "a length beyond the end", kind, bad, info, certInfo(at(6, 0xff, 0xff)), nil},
		{"BI-311", "nameAlg SHA-1", kind, bad, area, pubArea(at(offsetNameAlg, 0, 4)), nil},
		{"BI-311", "key of another type", kind, bad, area, pubArea(at(0, 0, 8)), nil},
		{"BI-311", "symmetric algorithm", kind, bad, area, pubArea(at(offsetSymmetric, 0, 6)), nil},
		{"BI-311", "signing scheme unknown", kind, bad, area, pubArea(at(offsetScheme, 0, 0x1a)), nil},
		{"BI-311", "curve unknown", kind, bad, area, pubArea(at(offsetCurve, 0, 0x10)), nil},
		{"BI-311", "curve another", kind, bad, area, pubArea(at(offsetCurve, 0, 4)), nil},
		{"BI-311", "key derivation", kind, bad, area, pubArea(at(offsetKDF, 0, 0x20)), nil},
		{"BI-311", "point not on the curve", kind, bad, area, pubArea(at(offsetX, 0xff, 0xff)), nil},
		{"BI-311", "coordinate of 33 bytes", kind, bad, area, pubArea(longCoordinate), nil},
	}
}

// otherPoint puts the generator of P-256 in the place of the key.
func otherPoint(b []byte) []byte {
	b = bytes.Clone(b)
	g := []byte("\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96")
	h := []byte("\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5")
	copy(b[offsetX:], g)
	copy(b[offsetX+32+2:], h)
	return b
}

// longCoordinate writes x with a zero in front.
func longCoordinate(b []byte) []byte {
	out := binary.BigEndian.AppendUint16(bytes.Clone(b[:offsetX-2]), 33)
	return append(append(out, 0), b[offsetX:]...)
}

// twice repeats the only name of a subject alternative name.
func twice(san []byte) []byte {
	var names []asn1.RawValue
	if _, err := asn1.Unmarshal(san, &names); err != nil {
		panic(err)
	}
	return webauthntest.AndroidList(names[0], names[0]).FullBytes
}

// twiceInside repeats the content of an explicit member.
func twiceInside(v asn1.RawValue) asn1.RawValue {
	v.Bytes, v.FullBytes = append(bytes.Clone(v.Bytes), v.Bytes...), nil
	b, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return asn1.RawValue{FullBytes: b}
}

// asSet is a sequence as a set.
func asSet(v asn1.RawValue) asn1.RawValue {
	v.FullBytes = bytes.Clone(v.FullBytes)
	v.FullBytes[0] = 0x31
	return v
}

// androidGood is what hardware says of a key that fits.
var androidGood = webauthntest.AndroidList(webauthntest.AndroidSet(1, 2), webauthntest.AndroidInteger(702, 0))

// androidLists changes what the key description says of the key.
func androidLists(software, tee asn1.RawValue) func(*webauthntest.Authenticator) {
	return certificate(func(c *x509.Certificate) {
		var d struct {
			Version       int
			Level         asn1.Enumerated
			KeyMint       int
			KeyMintLevel  asn1.Enumerated
			Challenge     []byte
			UniqueID      []byte
			Software, TEE asn1.RawValue
		}
		if _, err := asn1.Unmarshal(c.ExtraExtensions[0].Value, &d); err != nil {
			panic(err)
		}
		d.Software, d.TEE = software, tee
		value, err := asn1.Marshal(d)
		if err != nil {
			panic(err)
		}
		c.ExtraExtensions = []pkix.Extension{{Id: webauthntest.OIDExtensionAndroid, Value: value}}
	})
}

func badOthers() []badInput {
	const android, apple, u2f, compound = webauthntest.AttestationAndroidKey, webauthntest.AttestationApple, webauthntest.AttestationFIDOU2F, webauthntest.AttestationCompound
	description := "8.4 key description"
	oidAndroid, oidApple := webauthntest.OIDExtensionAndroid, webauthntest.OIDExtensionApple
	key := androidLists
	list, number, purposes, null := webauthntest.AndroidList, webauthntest.AndroidInteger, webauthntest.AndroidSet, webauthntest.AndroidNull
	good := androidGood
	hidden := func(v *attestation.Verifier) { v.AndroidSoftware = true }
	foreignKey := func(a *webauthntest.Authenticator) {
		a.Forge.PublicKey = func([]byte) []byte {
			other := &webauthntest.Credential{Algorithm: webauthntest.ES256}
			var err error
			if other.Key, err = theCA().Key("packed"); err != nil {
				panic(err)
			}
			encoded, err := other.COSEKey()
			if err != nil {
				panic(err)
			}
			return encoded
		}
	}
	return []badInput{
		{"BI-313", "challenge another", android, bad, description + " attestationChallenge", certificate(func(c *x509.Certificate) {
			c.ExtraExtensions[0].Value = bytes.Clone(c.ExtraExtensions[0].Value)
			c.ExtraExtensions[0].Value[30] ^= 1
		}), nil},
		{"BI-313", "signature", android, bad, "8.4 sig", flip("sig"), nil},
		{"BI-313", "sig missing", android, bad, "8.4 sig", set("sig", nil), nil},
		{"BI-313", "x5c missing", android, bad, "8.4 x5c", set("x5c", nil), nil},
		{"BI-313", "alg another", android, bad, "8.4 alg", set("alg", -35), nil},
		{"BI-313", "no key description", android, bad, description, extra(oidAndroid, false, nil), nil},
		{"BI-313", "key description with bytes behind it", android, bad, description, certificate(func(c *x509.Certificate) {
			c.ExtraExtensions[0].Value = append(bytes.Clone(c.ExtraExtensions[0].Value), 5, 0)
		}), nil},
		{"BI-313", "all applications, by hardware", android, bad, description + " allApplications", key(list(), list(purposes(1, 2), number(702, 0), null(600))), nil},
		{"BI-313", "all applications, by software", android, bad, description + " allApplications", key(list(null(600)), good), nil},
		{"BI-313", "origin imported", android, bad, description + " origin", key(list(), list(purposes(1, 2), number(702, 2))), nil},
		{"BI-313", "origin missing", android, bad, description + " origin", key(list(), list(purposes(1, 2))), nil},
		{"BI-313", "origin known to software only", android, bad, description + " origin", key(list(number(702, 0)), list(purposes(1, 2))), nil},
		{"BI-313", "origin told twice", android, bad, description + " origin", key(list(number(702, 2)), good), hidden},
		{"BI-313", "purpose missing", android, bad, description + " purpose", key(list(), list(number(702, 0))), nil},
		{"BI-313", "purpose known to software only", android, bad, description + " purpose", key(list(purposes(1, 2)), list(number(702, 0))), nil},
		{"BI-313", "purpose to encrypt", android, bad, description + " purpose", key(list(), list(purposes(1, 0, 2), number(702, 0))), nil},
		{"BI-313", "purpose to verify only", android, bad, description + " purpose", key(list(), list(purposes(1, 3), number(702, 0))), nil},
		{"BI-313", "purpose of another type", android, bad, description + " teeEnforced", key(list(), list(number(1, 2), number(702, 0))), nil},
		{"BI-313", "software's list not a list", android, bad, description + " softwareEnforced", key(number(1, 2), good), nil},
		{"BI-313", "hardware's list a set", android, bad, description + " teeEnforced", key(list(), asSet(good)), nil},
		{"BI-313", "member of another class", android, bad, description + " teeEnforced", key(list(), list(good)), nil},
		{"BI-313", "member cut", android, bad, description + " teeEnforced", key(list(), list(asn1.RawValue{FullBytes: []byte{0xa1, 5, 0}})), nil},
		{"BI-313", "origin with bytes behind it", android, bad, description + " teeEnforced", key(list(), list(purposes(1, 2), twiceInside(number(702, 0)))), nil},
		{"BI-313", "nothing told", android, bad, description + " origin", key(list(), list()), nil},
		{"BI-314", "credential key another", android, bad, "8.4 sig", foreignKeySigning, nil},
		{"BI-314", "credential key another, signed by the certificate's", android, bad, "8.4 public key", foreignKey, nil},
		{"BI-316", "nonce of something else", apple, bad, "8.8 nonce", certificate(func(c *x509.Certificate) {
			c.ExtraExtensions[0].Value = bytes.Clone(c.ExtraExtensions[0].Value)
			c.ExtraExtensions[0].Value[20] ^= 1
		}), nil},
		{"BI-316", "nonce missing", apple, bad, "8.8 nonce", extra(oidApple, false, nil), nil},
		{"BI-316", "nonce wrapped otherwise", apple, bad, "8.8 nonce", extra(oidApple, false, append([]byte{4, 32}, make([]byte, 32)...)), nil},
		{"BI-316", "nonce with bytes behind it", apple, bad, "8.8 nonce", certificate(func(c *x509.Certificate) {
			c.ExtraExtensions[0].Value = append(bytes.Clone(c.ExtraExtensions[0].Value), 5, 0)
		}), nil},
		{"BI-316", "credential key another", apple, bad, "8.8 public key", foreignKey, nil},
		{"BI-316", "x5c missing", apple, bad, "8.8 x5c", set("x5c", nil), nil},
		{"BI-317", "AAGUID not zero", u2f, bad, "8.6 aaguid", func(a *webauthntest.Authenticator) { a.AAGUID = [16]byte{1} }, nil},
		{"BI-319", "signature", u2f, bad, "8.6 sig", flip("sig"), nil},
		{"BI-319", "sig missing", u2f, bad, "8.6 sig", set("sig", nil), nil},
		{"BI-319", "x5c missing", u2f, bad, "8.6 x5c", set("x5c", nil), nil},
		{"BI-319", "two certificates", u2f, bad, "8.6 x5c", chain(func(l [][]byte) [][]byte { return append(l, theCA().Root.Raw) }), nil},
		{"BI-319", "two certificates, one not readable", u2f, bad, "8.6 x5c", chain(func(l [][]byte) [][]byte { return append(l, []byte{1}) }), nil},
		{"BI-319", "certificate's key on another curve", u2f, bad, "8.6 x5c", chain(func([][]byte) [][]byte { return [][]byte{p384Certificate()} }), nil},
		{"BI-319", "credential key another", u2f, bad, "8.6 sig", foreignKey, nil},
		{"BI-320", "compound of one", compound, bad, "8.9", parts(func(l []any) []any { return l[:1] }), nil},
		{"BI-320", "compound a map", webauthntest.AttestationNone, bad, "8.9", object("dnone", "hcompound"), nil},
		{"BI-320", "packed an array", compound, bad, "7.1.22", object("hcompound", "fpacked"), nil},
		{"BI-320", "tpm an array", compound, bad, "7.1.22", object("hcompound", "ctpm"), nil},
		{"BI-320", "compound in compound", compound, bad, "8.9 fmt", parts(func(l []any) []any { return append(l, part("compound")) }), nil},
		{"BI-320", "part without a format", compound, bad, "8.9 fmt", parts(func(l []any) []any { return append(l, []any{}) }), nil},
		{"BI-320", "second part SafetyNet", compound, bad, "8.5", parts(func(l []any) []any { return []any{l[0], part("android-safetynet")} }), nil},
		{"BI-320", "second part unknown", compound, bad, "7.1.21", parts(func(l []any) []any { return []any{l[0], part("nope")} }), nil},
		{"BI-320", "second part none, and not empty", compound, bad, "8.7", parts(func(l []any) []any {
			return []any{l[0], webauthntest.RawCBOR("\xa2cfmtdnonegattStmt\xa1aa\x01")}
		}), func(v *attestation.Verifier) { v.Policy.Unattested = true }},
		{"BI-320", "signature of a part", compound, bad, "8.2 sig", flip("sig"), nil},
		{"BI-320", "signature of the credential's own part", compound, bad, "8.2 sig", ownPart(func(m map[string]any) { m["sig"].([]byte)[8] ^= 1 }), nil},
		{"BI-320", "alg of the credential's own part", compound, bad, "8.2 alg", ownPart(func(m map[string]any) { m["alg"] = -8 }), nil},
	}
}

// part is an encoded statement with an empty attStmt.
func part(format string) any {
	b := append([]byte{0xa2, 0x63, 'f', 'm', 't', 0x60 | byte(len(format))}, format...)
	return webauthntest.RawCBOR(append(b, "gattStmt\xa0"...))
}

func parts(f func([]any) []any) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) { a.Forge.Compound = f }
}

// ownPart changes the statement without certificates of a compound one.
func ownPart(f func(map[string]any)) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) {
		a.Forge.Statement = func(m map[string]any) {
			if m["x5c"] == nil {
				f(m)
			}
		}
	}
}

// foreignKeySigning signs with another key than the credential's.
func foreignKeySigning(a *webauthntest.Authenticator) {
	a.Forge.Sign = func(c *webauthntest.Credential, authData, hash []byte) ([]byte, error) {
		key, err := theCA().Key("packed")
		if err != nil {
			return nil, err
		}
		other := &webauthntest.Credential{Algorithm: c.Algorithm, Key: key}
		return other.Sign(nil, append(bytes.Clone(authData), hash...))
	}
}

package attestation

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
)

// tpm follows §8.3.
func (c *ceremony) tpm(s *webauthn.AttestationStatement, m cbor.Map) (proof, error) {
	const step = "8.3"
	if version, ok := m.Text("ver").Text(); !ok || version != "2.0" {
		return proof{}, refuse(step+" ver", version, "2.0")
	}
	alg, signature, err := readSignature(step, m)
	if err != nil {
		return proof{}, err
	}
	certInfo, okInfo := m.Text("certInfo").Bytes()
	pubArea, okArea := m.Text("pubArea").Bytes()
	if !okInfo || !okArea {
		return proof{}, refuse(step, "", "certInfo and pubArea as byte strings")
	}

	// pubArea has the credential's key.
	public, err := readPublic(pubArea)
	if err != nil {
		return proof{}, refuseCause(step+" pubArea", err)
	}
	if !sameKey(s.Key, public.key) {
		return proof{}, refuse(step+" pubArea", "another key", "that of the credential")
	}

	// certInfo is about what is attested, and about pubArea.
	if err := checkCertInfo(s, alg, certInfo, pubArea, public); err != nil {
		return proof{}, err
	}

	// The signature over certInfo is by the attestation key of a TPM.
	chain, err := readChain(step, m)
	if err != nil {
		return proof{}, err
	}
	leaf := chain[0]
	if err := verify(leaf.PublicKey, alg, certInfo, signature); err != nil {
		return proof{}, refuseCause(step+" sig", err)
	}
	if err := c.checkTPMCertificate(leaf); err != nil {
		return proof{}, err
	}
	if err := checkAAGUID(step, leaf, s.AAGUID); err != nil {
		return proof{}, err
	}
	return proof{TypeAttCA, chain}, nil
}

// checkCertInfo verifies that certInfo certifies pubArea for this ceremony.
func checkCertInfo(s *webauthn.AttestationStatement, alg webauthn.Algorithm, certInfo, pubArea []byte, public *tpmPublic) error {
	const step = "8.3 certInfo"
	info, err := readAttest(certInfo)
	if err != nil {
		return refuseCause(step, err)
	}
	if info.magic != tpmGenerated {
		return refuse(step+".magic", fmt.Sprintf("%#x", info.magic), "TPM_GENERATED_VALUE")
	}
	if info.kind != tpmAttestCertify {
		return refuse(step+".type", fmt.Sprintf("%#x", info.kind), "TPM_ST_ATTEST_CERTIFY")
	}
	scheme, known := schemes[alg]
	if !known || scheme.hash == 0 {
		return refuse("8.3 alg", alg.String(), "an algorithm with a hash")
	}
	if !bytes.Equal(info.extraData, digest(scheme.hash, signedData(s))) {
		return refuse(step+".extraData", "another", "the hash of what is attested")
	}
	name := binary.BigEndian.AppendUint16(nil, public.nameAlg)
	if name = append(name, digest(tpmHashes[public.nameAlg], pubArea)...); !bytes.Equal(info.name, name) {
		return refuse(step+".attested.name", "another", "the name of pubArea")
	}
	return nil
}

var (
	oidUsageAIK        = asn1.ObjectIdentifier{2, 23, 133, 8, 3} // tcg-kp-AIKCertificate
	oidTPMManufacturer = asn1.ObjectIdentifier{2, 23, 133, 2, 1}
	oidTPMModel        = asn1.ObjectIdentifier{2, 23, 133, 2, 2}
	oidTPMVersion      = asn1.ObjectIdentifier{2, 23, 133, 2, 3}
)

// emptyName is the DER of a subject without members.
var emptyName = []byte{0x30, 0}

// checkTPMCertificate follows §8.3.1.
func (c *ceremony) checkTPMCertificate(leaf *x509.Certificate) error {
	const step = "8.3.1"
	if leaf.Version != 3 {
		return refuse(step+" version", "", "3")
	}
	if !bytes.Equal(leaf.RawSubject, emptyName) {
		return refuse(step+" subject", leaf.Subject.String(), "an empty one")
	}
	if err := c.checkTPMName(leaf); err != nil {
		return err
	}
	if !slices.ContainsFunc(leaf.UnknownExtKeyUsage, oidUsageAIK.Equal) {
		return refuse(step+" extended key usage", "", "tcg-kp-AIKCertificate")
	}
	if !leaf.BasicConstraintsValid || leaf.IsCA {
		return refuse(step+" basic constraints", "", "CA false")
	}
	return nil
}

// checkTPMName verifies that the subject alternative name tells manufacturer,
// model and version, and that the manufacturer is known ([TPMv2-EK-Profile] 3.2.9).
func (c *ceremony) checkTPMName(leaf *x509.Certificate) error {
	const step = "8.3.1 subject alternative name"
	value, _ := extension(leaf, oidSAN)
	told, err := readDirectoryNames(value)
	if err != nil {
		return refuseCause(step, err)
	}
	for _, id := range []asn1.ObjectIdentifier{oidTPMManufacturer, oidTPMModel, oidTPMVersion} {
		if told[id.String()] == "" {
			return refuse(step, "", "the attribute "+id.String())
		}
	}
	vendors := c.TPMVendors
	if vendors == nil {
		vendors = DefaultTPMVendors()
	}
	if vendor := told[oidTPMManufacturer.String()]; !slices.Contains(vendors, vendor) {
		return refuse(step, vendor, "a manufacturer that is known")
	}
	return nil
}

// tagDirectoryName is that of GeneralName (RFC 5280 §4.2.1.6).
const tagDirectoryName = 4

// readDirectoryNames returns the attributes of every directory name in a
// subject alternative name, by object identifier. None may be there twice.
func readDirectoryNames(der []byte) (map[string]string, error) {
	var names []asn1.RawValue
	if err := unmarshalWhole(der, &names, ""); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, name := range names {
		if name.Class != asn1.ClassContextSpecific || name.Tag != tagDirectoryName {
			continue
		}
		var sequence pkix.RDNSequence
		if err := unmarshalWhole(name.Bytes, &sequence, ""); err != nil {
			return nil, err
		}
		for _, set := range sequence {
			for _, attribute := range set {
				text, _ := attribute.Value.(string)
				if id := attribute.Type.String(); out[id] == "" {
					out[id] = text
				} else {
					return nil, fmt.Errorf("attribute %s twice", id)
				}
			}
		}
	}
	return out, nil
}

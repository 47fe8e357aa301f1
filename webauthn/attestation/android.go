package attestation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
)

// oidAndroid is the extension that carries the key description.
var oidAndroid = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17}

// Members of an AuthorizationList, and what they must be.
const (
	tagPurpose         = 1
	tagAllApplications = 600
	tagOrigin          = 702
	purposeSign        = 2 // KM_PURPOSE_SIGN
	purposeVerify      = 3 // KM_PURPOSE_VERIFY, which anybody may with the public key
	originGenerated    = 0 // KM_ORIGIN_GENERATED
)

// androidKey follows §8.4.
func (c *ceremony) androidKey(s *webauthn.AttestationStatement, m cbor.Map) (proof, error) {
	const step = "8.4"
	alg, signature, err := readSignature(step, m)
	if err != nil {
		return proof{}, err
	}
	chain, err := readChain(step, m)
	if err != nil {
		return proof{}, err
	}
	leaf := chain[0]

	// The signature is by the key of the certificate, which is the credential's.
	if alg != s.Algorithm {
		return proof{}, refuse(step+" alg", alg.String(), s.Algorithm.String())
	}
	if err := verify(leaf.PublicKey, alg, signedData(s), signature); err != nil {
		return proof{}, refuseCause(step+" sig", err)
	}
	if !sameKey(s.Key, leaf.PublicKey) {
		return proof{}, refuse(step+" public key", "another", "that of the credential")
	}

	// The key description is about this ceremony and a key that fits.
	if err := c.checkKeyDescription(s, leaf); err != nil {
		return proof{}, err
	}
	return proof{TypeBasic, chain}, nil
}

// keyDescription is the value of the extension, up to the two lists.
type keyDescription struct {
	Version          int
	SecurityLevel    asn1.Enumerated
	KeyMintVersion   int
	KeyMintLevel     asn1.Enumerated
	Challenge        []byte
	UniqueID         []byte
	SoftwareEnforced asn1.RawValue
	HardwareEnforced asn1.RawValue
}

func (c *ceremony) checkKeyDescription(s *webauthn.AttestationStatement, leaf *x509.Certificate) error {
	const step = "8.4 key description"
	var d keyDescription
	value, _ := extension(leaf, oidAndroid)
	if rest, err := asn1.Unmarshal(value, &d); err != nil || len(rest) > 0 {
		return refuse(step, "", "the extension 1.3.6.1.4.1.11129.2.1.17")
	}
	if !bytes.Equal(d.Challenge, s.ClientDataHash[:]) {
		return refuse(step+" attestationChallenge", "another", "the hash of client data")
	}
	software, err := readAuthorizations(d.SoftwareEnforced)
	if err != nil {
		return refuseCause(step+" softwareEnforced", err)
	}
	hardware, err := readAuthorizations(d.HardwareEnforced)
	if err != nil {
		return refuseCause(step+" teeEnforced", err)
	}

	// The key is bound to the RP: no list says that all applications may use it.
	if software.allApplications || hardware.allApplications {
		return refuse(step+" allApplications", "present", "absent")
	}

	// Origin and purpose, from the hardware's list or from the union of both.
	believed := hardware
	if c.AndroidSoftware {
		believed.origins = append(believed.origins, software.origins...)
		believed.purposes = append(believed.purposes, software.purposes...)
	}
	untold := len(believed.origins) == 0 && len(believed.purposes) == 0
	if untold && c.InsecureAndroidUntold {
		return nil
	}
	if len(believed.origins) == 0 || slices.ContainsFunc(believed.origins, func(n int) bool { return n != originGenerated }) {
		return refuse(step+" origin", fmt.Sprint(believed.origins), "KM_ORIGIN_GENERATED")
	}
	foreign := func(n int) bool { return n != purposeSign && n != purposeVerify }
	if !slices.Contains(believed.purposes, purposeSign) || slices.ContainsFunc(believed.purposes, foreign) {
		return refuse(step+" purpose", fmt.Sprint(believed.purposes), "KM_PURPOSE_SIGN")
	}
	return nil
}

// authorizations are the members of an AuthorizationList that matter here.
type authorizations struct {
	allApplications   bool
	origins, purposes []int
}

func readAuthorizations(list asn1.RawValue) (a authorizations, err error) {
	if list.Class != asn1.ClassUniversal || list.Tag != asn1.TagSequence || !list.IsCompound {
		return a, fmt.Errorf("not a sequence")
	}
	for rest := list.Bytes; len(rest) > 0; {
		var member asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &member); err != nil {
			return a, err
		}
		if member.Class != asn1.ClassContextSpecific {
			return a, fmt.Errorf("member of class %d", member.Class)
		}
		switch member.Tag {
		case tagAllApplications:
			a.allApplications = true
		case tagOrigin:
			var origin int
			err = unmarshalWhole(member.Bytes, &origin, "")
			a.origins = append(a.origins, origin)
		case tagPurpose:
			var purposes []int
			err = unmarshalWhole(member.Bytes, &purposes, "set")
			a.purposes = append(a.purposes, purposes...)
		}
		if err != nil {
			return a, fmt.Errorf("member %d: %w", member.Tag, err)
		}
	}
	return a, nil
}

// unmarshalWhole reads one DER value and nothing behind it.
func unmarshalWhole(der []byte, v any, params string) error {
	rest, err := asn1.UnmarshalWithParams(der, v, params)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes after the value", len(rest))
	}
	return err
}

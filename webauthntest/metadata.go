package webauthntest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
)

// MetadataSigner is the name in the certificate that signs FIDO metadata.
const MetadataSigner = "mds.fidoalliance.org"

// SignMetadata returns a metadata BLOB (MDS3) as the FIDO Alliance publishes it:
// a compact JWS by ES256 of the payload, which is a MetadataBLOBPayload in JSON.
// It is signed by a certificate for MetadataSigner below the CA's root, where
// Issue with a template of the caller's makes others.
func (ca *CA) SignMetadata(payload []byte) ([]byte, error) {
	key, err := ca.key("metadata")
	if err != nil {
		return nil, err
	}
	leaf, err := ca.Issue(&x509.Certificate{
		SerialNumber: big.NewInt(4), NotBefore: validFrom, NotAfter: validTo,
		Subject: pkix.Name{CommonName: MetadataSigner}, DNSNames: []string{MetadataSigner},
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}, key.Public(), true)
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(map[string]any{
		"alg": "ES256", "typ": "JWT",
		"x5c": []string{base64.StdEncoding.EncodeToString(leaf.Raw), base64.StdEncoding.EncodeToString(ca.Intermediate.Raw)},
	})
	if err != nil {
		return nil, err
	}
	signed := []byte(encode64(header) + "." + encode64(payload))
	der, err := signSHA256(key, signed)
	if err != nil {
		return nil, err
	}
	pair, err := fixed(der)
	return slices.Concat(signed, []byte("."), []byte(encode64(pair))), err
}

// fixed turns a signature on P-256 from DER into two numbers of 32 bytes.
func fixed(der []byte) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	pair.R.FillBytes(out[:32])
	pair.S.FillBytes(out[32:])
	return out, nil
}

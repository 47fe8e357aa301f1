package webauthntest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"time"
)

// CA is a maker of authenticators: the certificate authority behind their
// attestation. Trust its Root in a test, and registrations of authenticators
// that have this CA are attested; those of another CA are not.
//
// Below the root stands one intermediate certificate, which signs the
// attestation certificates. All of it depends on the seed alone.
type CA struct {
	Root         *x509.Certificate
	Intermediate *x509.Certificate

	seed            string
	rootKey, midKey *ecdsa.PrivateKey
}

// NewCA returns the CA of a seed. Its certificates are valid from 2020 to 2120.
func NewCA(seed string) (*CA, error) {
	ca := &CA{seed: seed}
	var err error
	if ca.rootKey, err = ca.key("root"); err != nil {
		return nil, err
	}
	if ca.midKey, err = ca.key("intermediate"); err != nil {
		return nil, err
	}
	root := caTemplate(1, "Test Root "+seed)
	if ca.Root, err = sign(root, root, ca.rootKey.Public(), ca.rootKey); err != nil {
		return nil, err
	}
	ca.Intermediate, err = sign(caTemplate(2, "Test Intermediate "+seed), ca.Root, ca.midKey.Public(), ca.rootKey)
	return ca, err
}

// The years in which the certificates of every CA are valid.
var (
	validFrom = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	validTo   = time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC)
)

func caTemplate(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: validFrom, NotAfter: validTo,
		Subject:               pkix.Name{Country: []string{"KR"}, Organization: []string{"Test"}, CommonName: name},
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

// key returns the key of a purpose, on P-256.
func (ca *CA) key(purpose string) (*ecdsa.PrivateKey, error) {
	source := rand.NewChaCha8(sha256.Sum256([]byte(ca.seed + "\x00" + purpose)))
	return newECDSA(elliptic.P256(), source)
}

// Key returns the private key that the CA attests with in a format: that of the
// batch for "packed" and "fido-u2f", the attestation key of a TPM for "tpm".
func (ca *CA) Key(format string) (crypto.Signer, error) { return ca.key("attestation " + format) }

// Issue signs a certificate below the intermediate, or below the root where
// the intermediate is left out.
func (ca *CA) Issue(template *x509.Certificate, key crypto.PublicKey, intermediate bool) (*x509.Certificate, error) {
	if intermediate {
		return sign(template, ca.Intermediate, key, ca.midKey)
	}
	return sign(template, ca.Root, key, ca.rootKey)
}

func sign(template, parent *x509.Certificate, key crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(nil, template, parent, key, deterministic{signer})
	if err != nil {
		return nil, fmt.Errorf("webauthntest: %w", err)
	}
	return x509.ParseCertificate(der)
}

// deterministic signs the same thing the same way (RFC 6979).
type deterministic struct{ crypto.Signer }

// Sign signs without randomness.
func (d deterministic) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.Signer.Sign(nil, digest, opts)
}

// The extensions of attestation certificates.
var (
	OIDExtensionAAGUID  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}  // id-fido-gen-ce-aaguid, §8.2.1
	OIDExtensionSerial  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 2}  // id-fido-gen-ce-sernum, §8.2.2
	OIDExtensionAndroid = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 1, 17} // key description, §8.4.1
	OIDExtensionApple   = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 8, 2}      // nonce, §8.8
	OIDExtensionSAN     = asn1.ObjectIdentifier{2, 5, 29, 17}                      // what TPM it is, §8.3.1
	OIDUsageAIK         = asn1.ObjectIdentifier{2, 23, 133, 8, 3}                  // tcg-kp-AIKCertificate, §8.3.1
)

// leafTemplate is an attestation certificate of §8.2.1.
func (a *Authenticator) leafTemplate() (*x509.Certificate, error) {
	wrapped, err := asn1.Marshal(a.AAGUID[:])
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: big.NewInt(3), NotBefore: validFrom, NotAfter: validTo,
		Subject: pkix.Name{Country: []string{"KR"}, Organization: []string{"Test"},
			OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: "Test Authenticator"},
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtraExtensions:       []pkix.Extension{{Id: OIDExtensionAAGUID, Value: wrapped}},
	}, nil
}

// issue makes the certificate of template after Forge.Certificate saw it.
func (a *Authenticator) issue(template *x509.Certificate, key crypto.PublicKey, intermediate bool) (*x509.Certificate, error) {
	if a.Forge.Certificate != nil {
		a.Forge.Certificate(template)
	}
	return a.CA.Issue(template, key, intermediate)
}

package mds

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.SHA256 is linked in
	_ "crypto/sha512" // crypto.SHA384 and crypto.SHA512 are linked in
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// What Read and Refresh refuse.
var (
	ErrFormat    = errors.New("mds: the BLOB can't be read")
	ErrSignature = errors.New("mds: the signature of the BLOB is wrong")
	ErrChain     = errors.New("mds: the certificates of the BLOB lead to no root")
	ErrSigner    = errors.New("mds: the BLOB is signed by somebody else")
	ErrRevoked   = errors.New("mds: a certificate of the BLOB is revoked")
	ErrRollback  = errors.New("mds: the BLOB is older than the one before")
	ErrOverdue   = errors.New("mds: the BLOB is past its next update")
)

// Bounds of a BLOB: one of 2025 has about 8 MB.
const (
	maxBlob   = 64 << 20
	maxHeader = 64 << 10
	maxChain  = 8
	maxRSA    = 8192
)

// headerJSON is the JOSE header. Members that say where else a key is to be
// found are passed over, and crit is refused.
type headerJSON struct {
	Algorithm string          `json:"alg"`
	Chain     [][]byte        `json:"x5c"` // base64 with padding, as encoding/json reads it
	Critical  json.RawMessage `json:"crit"`
}

// jwsScheme is how a JWS algorithm signs (RFC 7518 §3).
type jwsScheme struct {
	hash  crypto.Hash
	curve elliptic.Curve // nil for RSA
	pss   bool
}

var jwsSchemes = map[string]jwsScheme{
	"ES256": {crypto.SHA256, elliptic.P256(), false},
	"ES384": {crypto.SHA384, elliptic.P384(), false},
	"ES512": {crypto.SHA512, elliptic.P521(), false},
	"RS256": {crypto.SHA256, nil, false},
	"RS384": {crypto.SHA384, nil, false},
	"RS512": {crypto.SHA512, nil, false},
	"PS256": {crypto.SHA256, nil, true},
	"PS384": {crypto.SHA384, nil, true},
	"PS512": {crypto.SHA512, nil, true},
}

var base64url = base64.RawURLEncoding.Strict()

// jws is a compact JWS (RFC 7515 §7.1), read but not verified.
type jws struct {
	header             headerJSON
	signed             []byte // header and payload as they are written
	payload, signature []byte
}

func splitJWS(token []byte) (*jws, error) {
	token = bytes.TrimSpace(token)
	if len(token) > maxBlob {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrFormat, maxBlob)
	}
	parts := bytes.Split(token, []byte("."))
	if len(parts) != 3 || len(parts[0]) > maxHeader {
		return nil, fmt.Errorf("%w: not a JWS of three parts", ErrFormat)
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = decode64(part); err != nil {
			return nil, fmt.Errorf("%w: part %d: %w", ErrFormat, i+1, err)
		}
	}
	j := &jws{signed: token[:len(parts[0])+1+len(parts[1])], payload: decoded[1], signature: decoded[2]}
	if err := json.Unmarshal(decoded[0], &j.header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrFormat, err)
	}
	return j, nil
}

// openJWS returns the payload of a JWS that is signed by whom t trusts.
func (t *Trust) openJWS(token []byte, now time.Time) ([]byte, error) {
	j, err := splitJWS(token)
	if err != nil {
		return nil, err
	}
	chain, err := j.header.certificates()
	if err != nil {
		return nil, err
	}
	if err := j.header.verify(chain[0].PublicKey, j.signed, j.signature); err != nil {
		return nil, err
	}
	if err := t.checkSigner(chain, now); err != nil {
		return nil, err
	}
	return j.payload, nil
}

// decode64 reads base64url; line breaks, which the standard library passes
// over, are refused.
func decode64(text []byte) ([]byte, error) {
	if bytes.ContainsAny(text, "\r\n") {
		return nil, errors.New("line break in base64url")
	}
	return base64url.AppendDecode(nil, text)
}

func (h *headerJSON) certificates() ([]*x509.Certificate, error) {
	if len(h.Chain) == 0 || len(h.Chain) > maxChain || h.Critical != nil {
		return nil, fmt.Errorf("%w: x5c of %d certificates, or crit", ErrFormat, len(h.Chain))
	}
	var chain []*x509.Certificate
	for _, der := range h.Chain {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%w: x5c: %w", ErrFormat, err)
		}
		if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSA {
			return nil, fmt.Errorf("%w: RSA key of %d bits", ErrFormat, key.N.BitLen())
		}
		chain = append(chain, certificate)
	}
	return chain, nil
}

// verify checks the signature. The key decides what algorithms there can be.
func (h *headerJSON) verify(key crypto.PublicKey, signed, signature []byte) error {
	s, known := jwsSchemes[h.Algorithm]
	if !known {
		return fmt.Errorf("%w: alg %.20q", ErrSignature, h.Algorithm)
	}
	hash := s.hash.New()
	hash.Write(signed)
	digest := hash.Sum(nil)
	good := false
	switch key := key.(type) {
	case *rsa.PublicKey:
		if s.pss {
			good = rsa.VerifyPSS(key, s.hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		} else {
			good = s.curve == nil && rsa.VerifyPKCS1v15(key, s.hash, digest, signature) == nil
		}
	case *ecdsa.PublicKey:
		good = s.curve == key.Curve && verifyPair(key, digest, signature)
	}
	if !good {
		return ErrSignature
	}
	return nil
}

// verifyPair checks an ECDSA signature as two numbers of the curve's size.
func verifyPair(key *ecdsa.PublicKey, digest, signature []byte) bool {
	size := (key.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(key, digest, r, s)
}

// checkSigner verifies the chain and whose certificate it is. The root signs
// for many others, so the name matters.
func (t *Trust) checkSigner(chain []*x509.Certificate, now time.Time) error {
	options := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
		CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, root := range t.Roots {
		options.Roots.AddCert(root)
	}
	for _, certificate := range chain[1:] {
		options.Intermediates.AddCert(certificate)
	}
	paths, err := chain[0].Verify(options)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChain, err)
	}
	signer := cmp.Or(t.Signer, DefaultSigner)
	if err := chain[0].VerifyHostname(signer); err != nil {
		return fmt.Errorf("%w: %w", ErrSigner, err)
	}
	for _, path := range paths {
		if err := t.checkRevoked(path); err != nil {
			return err
		}
	}
	return nil
}

// checkRevoked asks the lists that are there; there need be none.
func (t *Trust) checkRevoked(path []*x509.Certificate) error {
	for i, certificate := range path[:len(path)-1] {
		for _, list := range t.CRLs {
			if !bytes.Equal(list.RawIssuer, certificate.RawIssuer) || list.CheckSignatureFrom(path[i+1]) != nil {
				continue
			}
			for _, entry := range list.RevokedCertificateEntries {
				if entry.SerialNumber.Cmp(certificate.SerialNumber) == 0 {
					return fmt.Errorf("%w: serial number %x", ErrRevoked, certificate.SerialNumber)
				}
			}
		}
	}
	return nil
}

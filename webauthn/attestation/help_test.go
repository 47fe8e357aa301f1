package attestation_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"

	"sync"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

var p384Key = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

// rsaKey is one for all tests: making it takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// p384Certificate is one of theCA for a key on P-384.
func p384Certificate() []byte {
	c, err := theCA().Issue(&x509.Certificate{SerialNumber: big.NewInt(9), NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(1, 0, 0)}, p384Key().Public(), false)
	if err != nil {
		panic(err)
	}
	return c.Raw
}

// versionOne makes the attestation certificate one of version 1, which has no
// extensions. Its signature is wrong then, but that is looked at later.
func versionOne(a *webauthntest.Authenticator) {
	chain(func(list [][]byte) [][]byte {
		var certificate struct {
			TBS       []asn1.RawValue
			Algorithm asn1.RawValue
			Signature asn1.BitString
		}
		if _, err := asn1.Unmarshal(list[0], &certificate); err != nil {
			panic(err)
		}
		certificate.TBS = certificate.TBS[1 : len(certificate.TBS)-1] // version at the front, extensions at the end
		der, err := asn1.Marshal(certificate)
		if err != nil {
			panic(err)
		}
		return [][]byte{der, list[1]}
	})(a)
}

// certificatesIn returns x5c of a statement.
func certificatesIn(s *webauthn.AttestationStatement) (out [][]byte) {
	m, _ := cbor.Item(s.Statement).Map()
	list, _ := m.Text("x5c").Array()
	for _, item := range list {
		der, _ := item.Bytes()
		out = append(out, der)
	}
	return out
}

// hugeCertificate is one for an RSA key with that many bits, which nobody could
// sign with.
func hugeCertificate(bits int) []byte {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	key := &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
	c, err := theCA().Issue(&x509.Certificate{SerialNumber: big.NewInt(9), NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(1, 0, 0)}, key, false)
	if err != nil {
		panic(err)
	}
	return c.Raw
}

func certificates(list ...*x509.Certificate) []*x509.Certificate { return list }

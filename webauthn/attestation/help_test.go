package attestation_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"math/rand/v2"
	"sync"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
)

// p384Certificate is one of theCA for a key on P-384.
var p384Certificate = sync.OnceValue(func() []byte {
	scalar := make([]byte, 48)
	for i := range scalar[1:] {
		scalar[i+1] = byte(rand.Uint32())
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), scalar)
	if err != nil {
		panic(err)
	}
	c, err := theCA().Issue(&x509.Certificate{SerialNumber: big.NewInt(9), NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(1, 0, 0)}, key.Public(), false)
	if err != nil {
		panic(err)
	}
	return c.Raw
})

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

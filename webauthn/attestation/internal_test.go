package attestation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/mapae/mapae/webauthn"
)

// TestASignatureFitsOneAlgorithmAlone signs with each and verifies as each.
func TestASignatureFitsOneAlgorithmAlone(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("what is signed")
	for alg, s := range schemes {
		var key crypto.Signer = rsaKey
		signed := message
		var options crypto.SignerOpts = s.hash
		switch {
		case s.curve != nil:
			if key, err = ecdsa.GenerateKey(s.curve, rand.Reader); err != nil {
				t.Fatal(err)
			}
		case s.hash == 0:
			if _, key, err = ed25519.GenerateKey(rand.Reader); err != nil {
				t.Fatal(err)
			}
		case s.pss:
			options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
		}
		if s.hash != 0 {
			signed = digest(s.hash, message)
		}
		signature, err := key.Sign(rand.Reader, signed, options)
		if err != nil {
			t.Fatal(err)
		}
		for other := range schemes {
			if err := verify(key.Public(), other, message, signature); (err == nil) != (other == alg) {
				t.Errorf("%v verified as %v: %v", alg, other, err)
			}
		}
		if verify(key.Public(), alg, append(message, 0), signature) == nil || verify(nil, alg, message, signature) == nil || verify(key.Public(), -47, message, signature) == nil {
			t.Errorf("%v: a wrong message, no key or no algorithm is accepted", alg)
		}
	}
}

func TestAnAlgorithmHasItsOwnCurve(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("what is signed")
	signature, err := key.Sign(rand.Reader, digest(crypto.SHA384, message), crypto.SHA384)
	if err != nil {
		t.Fatal(err)
	}
	if verify(key.Public(), webauthn.ES384, message, signature) == nil {
		t.Error("ES384 on P-256 is accepted")
	}
}

// FuzzTPM reads what a TPM says. What was read has no other end: no prefix of
// it reads.
func FuzzTPM(f *testing.F) {
	f.Add([]byte("\xffTCG\x80\x17\x00\x00\x00\x01a" + "0123456789abcdefg01234567" + "\x00\x01n\x00\x00"))
	f.Add([]byte("\x00\x01\x00\x0b\x00\x06\x04\x72\x00\x00\x00\x10\x00\x10\x00\x08\x00\x00\x00\x00\x00\x01\xff"))
	f.Add([]byte("\x00\x23\x00\x0b\x00\x06\x04\x72\x00\x00\x00\x10\x00\x18\x00\x0b\x00\x03\x00\x10\x00\x01\x01\x00\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := readAttest(data); err == nil {
			if len(a.extraData)+len(a.name)+39 > len(data) {
				t.Errorf("read more than there is: %x", data)
			}
			if _, err := readAttest(data[:len(data)-1]); err == nil {
				t.Errorf("a prefix reads: %x", data)
			}
		}
		if p, err := readPublic(data); err == nil {
			if p.key == nil || tpmHashes[p.nameAlg] == 0 {
				t.Errorf("read without a key: %x", data)
			}
			if _, err := readPublic(data[:len(data)-1]); err == nil {
				t.Errorf("a prefix reads: %x", data)
			}
		}
	})
}

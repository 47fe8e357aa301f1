package webauthn_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// ecKey returns the coordinates of an ES256 key in canonical form.
func ecKey(k []byte) (x, y []byte) { return k[10:42], k[45:77] }

func badKeys() (all []badInput) {
	const key, algorithm = webauthn.CheckKey, webauthn.CheckAlgorithm
	add := func(row, name string, check webauthn.Check, make func(x, y []byte) []byte) {
		all = append(all, badInput{row, name, check, registering(publicKey(func(k []byte) []byte {
			x, y := ecKey(k)
			return make(x, y)
		}))})
	}
	ec := func(kty, alg, crv any) func(x, y []byte) []byte {
		return func(x, y []byte) []byte { return cborMap(1, kty, 3, alg, -1, crv, -2, x, -3, y) }
	}
	all = append(all, badInput{"BI-224", "RS256 where ES256 and EdDSA were offered", algorithm, func(t *testing.T) error {
		want := registrationWant()
		want.Algorithms = []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA}
		_, err := finishRegistration(create(t, newKey("offered"), webauthn.RS256), want)
		return err
	}})
	add("BI-226", "alg a text", key, ec(2, "ES256", 1))
	add("BI-226", "no alg", key, func(x, y []byte) []byte { return cborMap(1, 2, -1, 1, -2, x, -3, y) })
	add("BI-227", "alg -999", algorithm, ec(2, -999, 1))
	add("BI-227", "alg beyond 32 bits", algorithm, ec(2, raw{0x3b, 0, 0, 0, 1, 0, 0, 0, 6}, 1)) // -7 - 2^32
	add("BI-227", "ed448", algorithm, func(x, _ []byte) []byte {
		return cborMap(1, 1, 3, -53, -1, 7, -2, append(x[:32:32], make([]byte, 25)...))
	})
	add("BI-229", "RS1", algorithm, ec(3, -65535, 1))
	add("BI-230", "no kty", key, func(x, y []byte) []byte { return cborMap(3, -7, -1, 1, -2, x, -3, y) })
	add("BI-230", "kty of RSA", key, ec(3, -7, 1))
	add("BI-232", "ES256 with P-384", key, ec(2, -7, 2))
	add("BI-232", "ES384 with P-256", key, ec(2, -35, 1))
	add("BI-232", "EdDSA with Ed448", key, func(x, _ []byte) []byte { return cborMap(1, 1, 3, -8, -1, 7, -2, x) })
	add("BI-232", "EdDSA without curve", key, func(x, _ []byte) []byte { return cborMap(1, 1, 3, -8, -2, x) })
	add("BI-233", "ES256 with secp256k1", key, ec(2, -7, 8))
	add("BI-235", "compressed", key, func(x, _ []byte) []byte { return cborMap(1, 2, 3, -7, -1, 1, -2, x, -3, raw{0xf5}) })
	add("BI-236", "no y", key, func(x, _ []byte) []byte { return cborMap(1, 2, 3, -7, -1, 1, -2, x) })
	add("BI-236", "no x", key, func(_, y []byte) []byte { return cborMap(1, 2, 3, -7, -1, 1, -3, y) })
	add("BI-236", "short x", key, func(x, y []byte) []byte { return cborMap(1, 2, 3, -7, -1, 1, -2, x[1:], -3, y) })
	add("BI-236", "long y", key, func(x, y []byte) []byte { return cborMap(1, 2, 3, -7, -1, 1, -2, x, -3, append([]byte{0}, y...)) })
	add("BI-236", "x and y cut at another place", key, func(x, y []byte) []byte {
		return cborMap(1, 2, 3, -7, -1, 1, -2, x[:31], -3, append([]byte{x[31]}, y...))
	})
	add("BI-238", "x = y = 0", key, func(_, _ []byte) []byte { return ec(2, -7, 1)(make([]byte, 32), make([]byte, 32)) })
	add("BI-239", "off the curve", key, func(x, y []byte) []byte { return ec(2, -7, 1)(x, append(y[:31:31], y[31]+1)) })
	add("BI-241", "infinity", key, func(_, _ []byte) []byte { return cborMap(1, 2, 3, -7, -1, 1, -2, []byte{0}, -3, []byte{0}) })
	add("BI-242", "private part", key, func(x, y []byte) []byte { return cborMap(1, 2, 3, -7, -1, 1, -2, x, -3, y, -4, x) })
	add("BI-242", "private part of Ed25519", key, func(x, _ []byte) []byte { return cborMap(1, 1, 3, -8, -1, 6, -2, x, -4, x) })
	add("BI-259", "20 KiB", key, func(x, y []byte) []byte {
		return cborMap(1, 2, 3, -7, -1, 1, -2, x, -3, y, "junk", make([]byte, 20<<10))
	})
	add("BI-260", "unknown labels", "", func(x, y []byte) []byte {
		return cborMap("z", 1, -3, y, -2, x, -1, 1, 3, -7, 1, 2, 2, []byte("kid"), -70000, raw{0xa0})
	})
	return append(append(all, badEdKeys()...), badRSAKeys()...)
}

// lowOrder are the fourteen encodings of points whose order divides 8.
var lowOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

func badEdKeys() (all []badInput) {
	add := func(row, name string, x []byte) {
		all = append(all, badInput{row, name, webauthn.CheckKey, registering(publicKey(func([]byte) []byte {
			return cborMap(1, 1, 3, -8, -1, 6, -2, x)
		}))})
	}
	for i, s := range lowOrder {
		x, err := hex.DecodeString(s)
		if err != nil {
			panic(err)
		}
		if i == 0 {
			add("BI-244", "identity", x)
		}
		add("BI-245", "low order "+s[:4]+s[62:], x)
	}
	for _, n := range []int{0, 31, 33} {
		add("BI-247", "length", bytes.Repeat([]byte{9}, n))
	}
	add("BI-245", "y is no point's", append([]byte{2}, make([]byte, 31)...))
	add("BI-245", "y above the prime", append([]byte{0xf0}, bytes.Repeat([]byte{0xff}, 31)...))
	return all
}

func badRSAKeys() (all []badInput) {
	modulus := func(bits int) []byte { // odd, and of exactly so many bits
		n := bytes.Repeat([]byte{0xff}, (bits+7)/8)
		n[0] = 0xff >> (len(n)*8 - bits)
		return n
	}
	add := func(row, name string, check webauthn.Check, n, e any) {
		all = append(all, badInput{row, name, check, registering(publicKey(func([]byte) []byte {
			return cborMap(1, 3, 3, -257, -1, n, -2, e)
		}))})
	}
	const key = webauthn.CheckKey
	e, good := []byte{1, 0, 1}, modulus(2048)
	add("BI-254", "2,048 bits", "", good, e)
	add("BI-254", "4,096 bits", "", modulus(4096), e)
	add("BI-254", "e = 3", "", good, []byte{3})
	add("BI-254", "e = 2^31-1", "", good, []byte{0x7f, 0xff, 0xff, 0xff})
	add("BI-248", "512 bits", key, modulus(512), e)
	add("BI-248", "2,047 bits", key, modulus(2047), e)
	add("BI-250", "8,192 bits", key, modulus(8192), e)
	add("BI-250", "4,097 bits", key, modulus(4097), e)
	add("BI-251", "65,536 bits", key, modulus(65536), e)
	add("BI-251", "131,072 bits", key, modulus(131072), e)
	add("BI-253", "n = 0", key, []byte{0}, e)
	add("BI-253", "n empty", key, []byte{}, e)
	add("BI-253", "n a number", key, 1, e)
	add("BI-254", "n with a leading zero", key, append([]byte{0}, good...), e)
	add("BI-254", "n even", key, append(good[:255:255], 0xfe), e)
	add("BI-256", "e = 0", key, good, []byte{0})
	add("BI-256", "e = 1", key, good, []byte{1})
	add("BI-256", "e = 2", key, good, []byte{2})
	add("BI-256", "e even", key, good, []byte{1, 0, 0})
	add("BI-256", "e empty", key, good, []byte{})
	add("BI-256", "e with a leading zero", key, good, []byte{0, 1, 0, 1})
	add("BI-257", "e of 9 bytes", key, good, bytes.Repeat([]byte{1}, 9))
	add("BI-257", "e = 2^31+1", key, good, []byte{0x80, 0, 0, 1})
	for label := -3; label >= -12; label-- {
		all = append(all, badInput{"BI-242", "private part of RSA", key, registering(publicKey(func([]byte) []byte {
			return cborMap(1, 3, 3, -257, -1, good, -2, e, label, []byte{1})
		}))})
	}
	return all
}

// sign makes the assertions of a credential be signed another way.
func sign(how func(c *webauthntest.Credential, message []byte) ([]byte, error)) func(*webauthntest.Authenticator) {
	return forged(func(f *webauthntest.Forge) {
		f.Sign = func(c *webauthntest.Credential, authData, hash []byte) ([]byte, error) {
			return how(c, append(bytes.Clone(authData), hash...))
		}
	})
}

// signed is a case of an assertion that is signed another way.
func signed(row, name string, alg webauthn.Algorithm, how func(c *webauthntest.Credential, message []byte) ([]byte, error)) badInput {
	return badInput{row, name, webauthn.CheckSignature, signingInWith(alg, sign(how))}
}

func badSignatures() []badInput { return append(malformedSignatures(), foreignSignatures()...) }

// malformedSignatures are good signatures whose encoding was changed.
func malformedSignatures() (all []badInput) {
	edit := func(row, name string, alg webauthn.Algorithm, change func(signature []byte) []byte) {
		all = append(all, signed(row, name, alg, func(c *webauthntest.Credential, m []byte) ([]byte, error) {
			s, err := c.Sign(rand.Reader, m)
			return change(s), err
		}))
	}
	integers := func(row, name string, change func(r, s *big.Int) (*big.Int, *big.Int)) {
		edit(row, name, webauthn.ES256, func(signature []byte) []byte {
			var v struct{ R, S *big.Int }
			if _, err := asn1.Unmarshal(signature, &v); err != nil {
				panic(err)
			}
			v.R, v.S = change(v.R, v.S)
			out, err := asn1.Marshal(v)
			if err != nil {
				panic(err)
			}
			return out
		})
	}
	zero, order := new(big.Int), elliptic.P256().Params().N
	integers("BI-262", "r = 0", func(_, s *big.Int) (*big.Int, *big.Int) { return zero, s })
	integers("BI-262", "s = 0", func(r, _ *big.Int) (*big.Int, *big.Int) { return r, zero })
	integers("BI-262", "r = n", func(_, s *big.Int) (*big.Int, *big.Int) { return order, s })
	integers("BI-262", "s = n", func(r, _ *big.Int) (*big.Int, *big.Int) { return r, order })
	integers("BI-265", "negative", func(r, s *big.Int) (*big.Int, *big.Int) { return new(big.Int).Neg(r), s })
	edit("BI-263", "length in long form", webauthn.ES256, func(s []byte) []byte { return append([]byte{s[0], 0x81}, s[1:]...) })
	edit("BI-266", "bytes behind", webauthn.ES256, func(s []byte) []byte { return append(s, 0) })
	edit("BI-269", "one byte", webauthn.ES256, func(s []byte) []byte { return s[:1] })
	edit("BI-278", "S + L", webauthn.EdDSA, addOrder)
	return all
}

// foreignSignatures are over another message, or made with another key or scheme.
func foreignSignatures() (all []badInput) {
	add := func(row, name string, alg webauthn.Algorithm, how func(c *webauthntest.Credential, message []byte) ([]byte, error)) {
		all = append(all, signed(row, name, alg, how))
	}
	add("BI-268", "r‖s", webauthn.ES256, func(c *webauthntest.Credential, m []byte) ([]byte, error) {
		digest := sha256.Sum256(m)
		r, s, err := ecdsa.Sign(rand.Reader, c.Key.(*ecdsa.PrivateKey), digest[:])
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), err
	})
	add("BI-271", "of another credential", webauthn.ES256, func(_ *webauthntest.Credential, m []byte) ([]byte, error) {
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		digest := sha256.Sum256(m)
		return other.Sign(rand.Reader, digest[:], crypto.SHA256)
	})
	as := func(row, name string, key, algorithm webauthn.Algorithm) {
		add(row, name, key, func(c *webauthntest.Credential, m []byte) ([]byte, error) {
			other := *c
			other.Algorithm = webauthntest.Algorithm(algorithm)
			return other.Sign(rand.Reader, m)
		})
	}
	as("BI-272", "ES256 with SHA-384", webauthn.ES256, webauthn.ES384)
	as("BI-284", "PS256 for RS256", webauthn.RS256, webauthn.PS256)
	as("BI-284", "RS256 for PS256", webauthn.PS256, webauthn.RS256)
	as("BI-284", "RS384 for RS256", webauthn.RS256, webauthn.RS384)
	as("BI-283", "PSS with SHA-384", webauthn.PS256, webauthn.PS384)
	add("BI-274", "hash‖authData", webauthn.ES256, func(c *webauthntest.Credential, m []byte) ([]byte, error) {
		return c.Sign(rand.Reader, append(bytes.Clone(m[37:]), m[:37]...))
	})
	add("BI-283", "salt of 20 bytes", webauthn.PS256, func(c *webauthntest.Credential, m []byte) ([]byte, error) {
		digest := sha256.Sum256(m)
		return c.Key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: 20, Hash: crypto.SHA256})
	})
	add("BI-280", "no NULL in DigestInfo", webauthn.RS256, func(c *webauthntest.Credential, m []byte) ([]byte, error) {
		key := c.Key.(*rsa.PrivateKey)
		info, _ := hex.DecodeString("302f300b0609608648016503040201" + "0420")
		return new(big.Int).Exp(paddedDigest(info, m, 256), key.D, key.N).FillBytes(make([]byte, 256)), nil
	})
	return append(all, badInput{"BI-281", "cube root for e = 3", webauthn.CheckSignature, cubeRoot})
}

// addOrder adds the group's order to the S of an Ed25519 signature.
func addOrder(signature []byte) []byte {
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	s := bytes.Clone(signature[32:])
	slices.Reverse(s)
	sum := order.Add(order, new(big.Int).SetBytes(s)).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(bytes.Clone(signature[:32]), sum...)
}

// paddedDigest is EMSA-PKCS1-v1_5 with the DigestInfo given, as a number of size bytes.
func paddedDigest(info, message []byte, size int) *big.Int {
	digest := sha256.Sum256(message)
	tail := append(append([]byte{0}, info...), digest[:]...)
	out := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-2-len(tail))...)
	return new(big.Int).SetBytes(append(out, tail...))
}

// cubeRoot forges a signature for a key with e = 3 by leaving garbage behind a
// digest with short padding, which a lax verifier does not look at.
func cubeRoot(t *testing.T) error {
	n := bytes.Repeat([]byte{0xff}, 256)
	a := newKey("cube root")
	a.Forge.PublicKey = func([]byte) []byte { return cborMap(1, 3, 3, -257, -1, n, -2, []byte{3}) }
	c := registered(t, a, webauthn.ES256, webauthn.RS256)
	sign(func(_ *webauthntest.Credential, m []byte) ([]byte, error) {
		info, _ := hex.DecodeString("3031300d060960864801650304020105000420")
		short := paddedDigest(info, m, 64)
		target := new(big.Int).Lsh(short, 8*(256-64))
		root := new(big.Int).Lsh(big.NewInt(1), 700) // Newton's method from above
		for {
			next := new(big.Int).Quo(target, new(big.Int).Mul(root, root))
			next.Add(next, new(big.Int).Lsh(root, 1)).Quo(next, big.NewInt(3))
			if next.Cmp(root) >= 0 {
				break
			}
			root = next
		}
		root.Add(root, big.NewInt(1))
		cube := new(big.Int).Exp(root, big.NewInt(3), nil)
		if cube.Rsh(cube, 8*(256-64)).Cmp(short) != 0 {
			t.Fatal("the forgery itself is wrong")
		}
		return root.FillBytes(make([]byte, 256)), nil
	})(a)
	_, err := finishAssertion(get(t, a), c, assertionWant())
	return err
}

func TestTheKeptKeyIsCanonicalAndHoldsKnownLabelsOnly(t *testing.T) {
	t.Parallel()
	a := newKey("canonical")
	var want []byte
	a.Forge.PublicKey = func(k []byte) []byte {
		want = k
		x, y := ecKey(k)
		return cborMap("z", 1, -3, y, -2, x, -1, 1, 3, -7, 1, 2)
	}
	if c := registered(t, a, webauthn.ES256); !bytes.Equal(c.PublicKey, want) {
		t.Errorf("key = %x, want %x", c.PublicKey, want)
	}
	for _, alg := range every {
		a := newKey("canonical " + alg.String())
		c := registered(t, a, alg)
		key, err := a.Credentials()[0].COSEKey()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.PublicKey, key) {
			t.Errorf("%v: key = %x, want %x", alg, c.PublicKey, key)
		}
	}
}

package webauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/mapae/mapae/internal/cbor"
)

// COSE key types and curves (RFC 9053 §7), and the labels of a COSE_Key.
const (
	ktyOKP = 1
	ktyEC2 = 2
	ktyRSA = 3

	crvP256    = 1
	crvP384    = 2
	crvP521    = 3
	crvEd25519 = 6

	labelKty = 1
	labelAlg = 3
	labelCrv = -1 // EC2 and OKP
	labelX   = -2
	labelY   = -3 // EC2
	labelD   = -4 // the private part of EC2 and OKP
	labelN   = -1 // RSA
	labelE   = -2
	labelRSA = -3 // the first private part of RSA; the last is -12
)

// maxKey bounds a COSE_Key in bytes; RSA with 4,096 bits takes 530.
const maxKey = 4 << 10

// A publicKey is a COSE_Key that was read and found fit to verify with.
type publicKey struct {
	algorithm Algorithm
	key       crypto.PublicKey // *ecdsa.PublicKey, *rsa.PublicKey, ed25519.PublicKey or akp
}

// errAlgorithm tells an algorithm that is not ours from a key that is bad.
var errAlgorithm = errors.New("algorithm is not supported")

// refuseKey names the check that an error of parseKey stands for.
func refuseKey(step string, err error) error {
	if errors.Is(err, errAlgorithm) {
		return refuseCause(step, CheckAlgorithm, err)
	}
	return refuseCause(step, CheckKey, err)
}

// readAlgorithm returns the alg of a COSE_Key. It fails with errAlgorithm where
// that is an integer, but none of ours and none of further.
func readAlgorithm(m cbor.Map, further []AlgorithmVerifier) (Algorithm, error) {
	n, ok := m.Label(labelAlg).Int()
	if !ok {
		return 0, errors.New("COSE key: no integer alg")
	}
	alg := Algorithm(n)
	if int64(alg) != n || !alg.Supported() && verifierOf(alg, further) == nil {
		return 0, fmt.Errorf("alg %d: %w", n, errAlgorithm)
	}
	return alg, nil
}

// parseKey reads a COSE_Key. A key that could not verify a signature, or that
// would verify too many, is refused (§5.8.5; RFC 9053 §7); unknown labels are
// passed over.
func parseKey(m cbor.Map, further []AlgorithmVerifier) (*publicKey, error) {
	alg, err := readAlgorithm(m, further)
	if err != nil {
		return nil, err
	}
	if v := verifierOf(alg, further); v != nil {
		return parseAKP(m, v)
	}
	s := schemes[alg]
	if kty, ok := m.Label(labelKty).Int(); !ok || kty != s.kty {
		return nil, fmt.Errorf("COSE key: kty is not the %d of %v", s.kty, alg)
	}
	if s.kty == ktyRSA {
		return parseRSA(m, alg)
	}
	if m.Label(labelD) != nil {
		return nil, errKeyPrivate
	}
	if crv, ok := m.Label(labelCrv).Int(); !ok || crv != s.crv {
		return nil, fmt.Errorf("COSE key: crv is not the %d of %v", s.crv, alg)
	}
	if s.kty == ktyOKP {
		return parseEd25519(m, alg)
	}
	return parseEC2(m, alg, s.curve)
}

var errKeyPrivate = errors.New("COSE key: holds a private part")

func parseEC2(m cbor.Map, alg Algorithm, curve elliptic.Curve) (*publicKey, error) {
	size := (curve.Params().BitSize + 7) / 8
	x, okX := m.Label(labelX).Bytes()
	y, okY := m.Label(labelY).Bytes()
	if !okX || !okY || len(x) != size || len(y) != size {
		return nil, fmt.Errorf("COSE key: x and y are not byte strings of %d", size)
	}
	point := append(append(append(make([]byte, 0, 1+2*size), 4), x...), y...)
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fmt.Errorf("COSE key: %w", err)
	}
	return &publicKey{alg, key}, nil
}

func parseEd25519(m cbor.Map, alg Algorithm) (*publicKey, error) {
	x, ok := m.Label(labelX).Bytes()
	if !ok || len(x) != ed25519.PublicKeySize {
		return nil, errors.New("COSE key: x is not a byte string of 32")
	}
	if err := judgeEd25519(x); err != nil {
		return nil, err
	}
	return &publicKey{alg, ed25519.PublicKey(x)}, nil
}

// Bounds of an RSA key: shorter is weak; longer costs too much to verify with
// (a modulus of 65,536 bits takes 0.3 s a signature).
const (
	minRSABits = 2048
	maxRSABits = 4096
	minRSAE    = 3
)

func parseRSA(m cbor.Map, alg Algorithm) (*publicKey, error) {
	for label := int64(labelRSA); label >= -12; label-- {
		if m.Label(label) != nil {
			return nil, errKeyPrivate
		}
	}
	n, okN := m.Label(labelN).Bytes()
	e, okE := m.Label(labelE).Bytes()
	if !okN || !okE || len(n) == 0 || len(e) == 0 || n[0] == 0 || e[0] == 0 {
		return nil, errors.New("COSE key: n and e are not byte strings without leading zeros")
	}
	if len(n) > maxRSABits/8 || len(e) > 4 {
		return nil, errors.New("COSE key: n or e is too long")
	}
	modulus := new(big.Int).SetBytes(n)
	if modulus.BitLen() < minRSABits || modulus.Bit(0) == 0 {
		return nil, fmt.Errorf("COSE key: n of %d bits is short or even", modulus.BitLen())
	}
	var wide [4]byte
	copy(wide[4-len(e):], e)
	exponent := binary.BigEndian.Uint32(wide[:])
	if exponent < minRSAE || exponent > math.MaxInt32 || exponent%2 == 0 {
		return nil, fmt.Errorf("COSE key: e = %d", exponent)
	}
	return &publicKey{alg, &rsa.PublicKey{N: modulus, E: int(exponent)}}, nil
}

// encode returns the COSE_Key in CTAP2 canonical form, known labels only.
func (p *publicKey) encode() []byte {
	if key, ok := p.key.(akp); ok {
		return cbor.EncodeMap([]any{labelKty, ktyAKP, labelAlg, int64(p.algorithm), labelPublic, key.public})
	}
	s := schemes[p.algorithm]
	labels := []any{labelKty, s.kty, labelAlg, int64(p.algorithm)}
	switch key := p.key.(type) {
	case *ecdsa.PublicKey:
		point, _ := key.Bytes() // fails for points off the curve only
		half := len(point) / 2
		labels = append(labels, labelCrv, s.crv, labelX, point[1:1+half], labelY, point[1+half:])
	case ed25519.PublicKey:
		labels = append(labels, labelCrv, s.crv, labelX, []byte(key))
	case *rsa.PublicKey:
		labels = append(labels, labelN, key.N.Bytes(), labelE, big.NewInt(int64(key.E)).Bytes())
	}
	return cbor.EncodeMap(labels)
}

// verify checks a signature over the concatenation of two messages. ECDSA
// signatures are ASN.1 DER (§6.5.5); the salt of PSS is as long as the hash.
func (p *publicKey) verify(first, second, signature []byte) bool {
	switch key := p.key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, slices.Concat(first, second), signature)
	case akp:
		return key.verifier.Verify(key.public, slices.Concat(first, second), signature)
	}
	s := schemes[p.algorithm]
	h := s.hash.New()
	h.Write(first)
	h.Write(second)
	digest := h.Sum(nil)
	if key, ok := p.key.(*ecdsa.PublicKey); ok {
		return ecdsa.VerifyASN1(key, digest, signature)
	}
	key := p.key.(*rsa.PublicKey)
	if s.pss {
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.VerifyPSS(key, s.hash, digest, signature, options) == nil
	}
	return rsa.VerifyPKCS1v15(key, s.hash, digest, signature) == nil
}

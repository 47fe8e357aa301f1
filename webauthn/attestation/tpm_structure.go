package attestation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
)

// Numbers of the TPM 2.0 library, part 2.
const (
	tpmGenerated     = 0xff544347 // TPM_GENERATED_VALUE
	tpmAttestCertify = 0x8017     // TPM_ST_ATTEST_CERTIFY
	tpmAlgRSA        = 0x0001
	tpmAlgNull       = 0x0010
	tpmAlgRSASSA     = 0x0014
	tpmAlgRSAPSS     = 0x0016
	tpmAlgECDSA      = 0x0018
	tpmAlgECC        = 0x0023
	tpmClockLength   = 17 // TPMS_CLOCK_INFO
	tpmFirmware      = 8  // firmwareVersion
	rsaDefaultE      = 65537
)

// tpmHashes are the algorithms that a Name may be made with. SHA-1 is not one.
var tpmHashes = map[uint16]crypto.Hash{0x000b: crypto.SHA256, 0x000c: crypto.SHA384, 0x000d: crypto.SHA512}

var tpmCurves = map[uint16]elliptic.Curve{3: elliptic.P256(), 4: elliptic.P384(), 5: elliptic.P521()}

var errShort = errors.New("ends too early")

// fields reads what a TPM writes: big-endian numbers, and strings behind a
// length of two bytes. The first mistake stays, and what follows reads as zero.
type fields struct {
	rest []byte
	err  error
}

// take returns the next n bytes.
func (f *fields) take(n int) []byte {
	if f.err == nil && n > len(f.rest) {
		f.err = errShort
	}
	if f.err != nil {
		return make([]byte, min(n, 8)) // enough for a number; a string is not looked at
	}
	out := f.rest[:n]
	f.rest = f.rest[n:]
	return out
}

func (f *fields) uint16() uint16 { return binary.BigEndian.Uint16(f.take(2)) }
func (f *fields) uint32() uint32 { return binary.BigEndian.Uint32(f.take(4)) }
func (f *fields) sized() []byte  { return f.take(int(f.uint16())) }

// end fails where anything is left.
func (f *fields) end() error {
	if f.err == nil && len(f.rest) > 0 {
		f.err = fmt.Errorf("%d bytes after its end", len(f.rest))
	}
	return f.err
}

// fail records a mistake unless there was one before.
func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

// tpmAttest is TPMS_ATTEST of the kind "certify" (part 2, 10.12.8), as far as it
// matters.
type tpmAttest struct {
	magic     uint32
	kind      uint16
	extraData []byte
	name      []byte
}

func readAttest(raw []byte) (*tpmAttest, error) {
	f := &fields{rest: raw}
	a := &tpmAttest{magic: f.uint32(), kind: f.uint16()}
	f.sized() // qualifiedSigner
	a.extraData = f.sized()
	f.take(tpmClockLength)
	f.take(tpmFirmware)
	a.name = f.sized()
	f.sized() // qualifiedName
	return a, f.end()
}

// tpmPublic is TPMT_PUBLIC of a key that signs (part 2, 12.2.4).
type tpmPublic struct {
	nameAlg uint16
	key     crypto.PublicKey
}

func readPublic(raw []byte) (*tpmPublic, error) {
	f := &fields{rest: raw}
	kind := f.uint16()
	p := &tpmPublic{nameAlg: f.uint16()}
	f.uint32() // objectAttributes
	f.sized()  // authPolicy
	if symmetric := f.uint16(); symmetric != tpmAlgNull {
		f.fail("symmetric algorithm %#x of a key that signs", symmetric)
	}
	f.skipScheme()
	switch kind {
	case tpmAlgRSA:
		p.key = f.readRSA()
	case tpmAlgECC:
		p.key = f.readECC()
	default:
		f.fail("key of type %#x", kind)
	}
	if _, known := tpmHashes[p.nameAlg]; !known {
		f.fail("nameAlg %#x", p.nameAlg)
	}
	return p, f.end()
}

// skipScheme passes over a signing scheme: none, or one with its hash.
func (f *fields) skipScheme() {
	switch scheme := f.uint16(); scheme {
	case tpmAlgNull:
	case tpmAlgRSASSA, tpmAlgRSAPSS, tpmAlgECDSA:
		f.uint16()
	default:
		f.fail("signing scheme %#x", scheme)
	}
}

func (f *fields) readRSA() crypto.PublicKey {
	bits, exponent := int(f.uint16()), int(f.uint32())
	modulus := new(big.Int).SetBytes(f.sized())
	if exponent == 0 {
		exponent = rsaDefaultE
	}
	if modulus.BitLen() != bits {
		f.fail("modulus of %d bits, where %d are told", modulus.BitLen(), bits)
	}
	return &rsa.PublicKey{N: modulus, E: exponent}
}

func (f *fields) readECC() crypto.PublicKey {
	id := f.uint16()
	if kdf := f.uint16(); kdf != tpmAlgNull {
		f.fail("key derivation %#x of a key that signs", kdf)
	}
	x, y := f.sized(), f.sized()
	curve, known := tpmCurves[id]
	if !known {
		f.fail("curve %#x", id)
		return nil
	}
	size := (curve.Params().BitSize + 7) / 8
	if len(x) > size || len(y) > size {
		f.fail("coordinates of %d and %d bytes", len(x), len(y))
		return nil
	}
	point := make([]byte, 1+2*size)
	point[0] = 4
	copy(point[1+size-len(x):], x)
	copy(point[1+2*size-len(y):], y)
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		f.fail("%w", err)
		return nil
	}
	return key
}

package webauthn

import (
	"errors"
	"math/big"
	"slices"
)

var (
	errEdCanonical = errors.New("COSE key: y of the Ed25519 point is not canonical")
	errEdLowOrder  = errors.New("COSE key: Ed25519 point of low order")
	errEdOffCurve  = errors.New("COSE key: Ed25519 point is not on the curve")
)

// judgeEd25519 refuses encodings that Go's ed25519.Verify would accept although
// they prove nothing: a point of low order (one signature then fits every
// message), and a y that is not below the prime.
func judgeEd25519(encoded []byte) error {
	y := [32]byte(encoded)
	y[31] &= 0x7f // the sign of x
	if slices.Contains(edLowOrder[:], y) {
		return errEdLowOrder
	}
	allOnes := y[31] == 0x7f
	for _, b := range y[1:31] {
		allOnes = allOnes && b == 0xff
	}
	if allOnes && y[0] >= 0xed {
		return errEdCanonical
	}
	return nil
}

// judgeCurve25519 refuses a y that no point of the curve has: its owner could
// never sign in. x² = (y²-1)/(dy²+1) has a solution where the product of
// numerator and denominator is a square.
func judgeCurve25519(encoded []byte) error {
	b := slices.Clone(encoded)
	b[31] &= 0x7f
	slices.Reverse(b) // y is little-endian (RFC 8032 §5.1.2)
	yy := new(big.Int).SetBytes(b)
	yy.Mul(yy, yy)
	u := new(big.Int).Sub(yy, big.NewInt(1))
	v := yy.Add(yy.Mul(yy, edD), big.NewInt(1))
	if big.Jacobi(u.Mod(u.Mul(u, v), edPrime), edPrime) < 0 {
		return errEdOffCurve
	}
	return nil
}

// edPrime is 2^255-19 and edD the constant of the curve (RFC 8032 §5.1).
var (
	edPrime = hexInt("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed")
	edD     = hexInt("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3")
)

func hexInt(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 16)
	return n
}

// edLowOrder holds the y of the points whose order divides 8, sign bit clear.
// With either sign these are ten of the fourteen encodings; the other four have
// a y that is not canonical.
var edLowOrder = [5][32]byte{
	{0x00}, // order 4
	{0x01}, // order 1
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, // order 8
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, // order 8
	{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, // order 2
}

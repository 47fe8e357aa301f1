package webauthn

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
)

// TestTheLastValuesBelowThePrimeAreCanonical walks around 2^255 - 19, whose
// bytes are ed ff … ff 7f.
func TestTheLastValuesBelowThePrimeAreCanonical(t *testing.T) {
	t.Parallel()
	prime := append(append([]byte{0xed}, bytes.Repeat([]byte{0xff}, 30)...), 0x7f)
	for i := range prime {
		below := bytes.Clone(prime)
		if below[i]--; i == 0 {
			below[0]-- // the one just below is of order 2
		}
		if err := judgeEd25519(below); err != nil {
			t.Errorf("byte %d lower: %v", i, err)
		}
	}
	for low := 0xed; low <= 0xff; low++ {
		prime[0] = byte(low)
		if err := judgeEd25519(prime); !errors.Is(err, errEdCanonical) {
			t.Errorf("lowest byte %x: %v", low, err)
		}
	}
}

func TestAPointIsOnTheCurveWhateverTheSignOfX(t *testing.T) {
	t.Parallel()
	for seed := range byte(16) {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
		for range 2 {
			if err := judgeCurve25519(key); err != nil {
				t.Errorf("%x: %v", key, err)
			}
			key[31] ^= 0x80
		}
	}
	none := append([]byte{2}, make([]byte, 31)...) // (y²-1)/(dy²+1) is no square
	for range 2 {
		if err := judgeCurve25519(none); !errors.Is(err, errEdOffCurve) {
			t.Errorf("%x: %v", none, err)
		}
		none[31] ^= 0x80
	}
}

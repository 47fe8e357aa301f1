package webauthn

import (
	"bytes"
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

package webauthn_test

import (
	"os"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// costs are how much a verdict from raw JSON may cost over its floor, the bare
// signature check and two hashes, and how much it may allocate.
var costs = []struct {
	algorithm webauthn.Algorithm
	over      float64
}{{webauthn.ES256, 1.15}, {webauthn.EdDSA, 1.2}, {webauthn.RS256, 1.3}}

const maxAllocations = 40

// TestAVerdictCostsLittleMoreThanItsSignature compares the two interleaved in
// small batches, and takes the best batch of each: what else the machine does
// slows both. With MAPAE_COST set it holds the bounds; without it only tells the
// time, as it may then run beside other tests and under the race detector, which
// adds allocations of its own.
func TestAVerdictCostsLittleMoreThanItsSignature(t *testing.T) {
	strict := os.Getenv("MAPAE_COST") != ""
	for _, c := range costs {
		t.Run(c.algorithm.String(), func(t *testing.T) {
			key := newKey("benchmark")
			record := registered(t, key, c.algorithm)
			body, want, public := get(t, key), assertionWant(), key.Credentials()[0].Key.Public()
			parsed := parsedAssertion(t, body)
			verdict := func() {
				if _, err := finishAssertion(body, record, want); err != nil {
					t.Fatal(err)
				}
			}
			floor := func() {
				if !bareCheck(public, parsed) {
					t.Fatal("signature does not fit")
				}
			}
			rounds, allocations := 20, 2.0*maxAllocations
			if strict {
				rounds, allocations = 500, maxAllocations
			}
			over := ratio(rounds, verdict, floor)
			t.Logf("%v: %.3f × the floor", c.algorithm, over)
			if strict && over > c.over {
				t.Errorf("%v: %.3f × the floor, want at most %.2f", c.algorithm, over, c.over)
			}
			if strict {
				t.Log("proven: 1")
			}
			if n := testing.AllocsPerRun(20, verdict); n > allocations {
				t.Errorf("%v: %v allocations, want at most %v", c.algorithm, n, allocations)
			}
		})
	}
}

// ratio is how much longer the best batch of a takes than that of b.
func ratio(rounds int, a, b func()) float64 {
	batch := func(f func()) time.Duration {
		start := time.Now()
		for range 8 {
			f()
		}
		return time.Since(start)
	}
	bestA, bestB := batch(a), batch(b)
	for range rounds {
		bestA, bestB = min(bestA, batch(a)), min(bestB, batch(b))
	}
	return float64(bestA) / float64(bestB)
}

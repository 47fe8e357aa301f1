package load

import (
	"math/bits"
	"time"
)

// histogram counts durations in steps of 1.6 % or less, up to an hour, in 12 KiB.
type histogram struct {
	counts [steps * (maxExponent + 2)]uint64
	n      uint64
	max    time.Duration
}

const (
	steps       = 64 // between a power of two and the next
	stepBits    = 6
	maxExponent = 26 // 2^32 µs is more than an hour
)

// step is where a number of µs is counted: exact below 128, from there on its
// six bits after the first.
func step(us uint64) int {
	exponent := max(bits.Len64(us)-stepBits-1, 0)
	if exponent > maxExponent {
		return steps*(maxExponent+2) - 1
	}
	return exponent*steps + int(us>>exponent)
}

// top is the largest number of µs that is counted at a step.
func top(step int) uint64 {
	exponent := max(step/steps-1, 0)
	return uint64(step-exponent*steps+1)<<exponent - 1
}

func (h *histogram) add(d time.Duration) {
	h.counts[step(uint64(max(d, 0)/time.Microsecond))]++
	h.n++
	h.max = max(h.max, d)
}

// quantile returns a duration that at least q of all are at or below, at most
// 1.6 % more than the least such one. None: zero.
func (h *histogram) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	left := uint64(q * float64(h.n))
	for i, n := range h.counts {
		if n > left && i < len(h.counts)-1 {
			return min(time.Duration(top(i)+1)*time.Microsecond, h.max)
		}
		left -= n
	}
	return h.max
}

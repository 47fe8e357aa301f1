package seal

import (
	"bytes"
	"testing"
)

// zeros is a random source that is none, so that each run seals alike.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// FuzzSeal changes and opens sealed texts: only what was sealed opens, and only
// for its purpose.
func FuzzSeal(f *testing.F) {
	r, err := NewRing(zeros{}, []Key{key(1, false), key(2, true)}, "a", "b")
	if err != nil {
		f.Fatal(err)
	}
	known := r.Seal("a", []byte("plaintext"))
	f.Add(known, []byte("plaintext"))
	f.Add(known[:len(known)-1], []byte{})
	f.Add(append(bytes.Clone(known), 0), []byte("x"))
	f.Add(known[:Overhead], bytes.Repeat([]byte{0xff}, 200))
	f.Add([]byte{}, []byte{0})
	f.Fuzz(func(t *testing.T, sealed, plaintext []byte) {
		if text, _, err := r.Open("a", sealed); err == nil && !bytes.Equal(sealed, r.Seal("a", text)) {
			t.Errorf("%x opens as %x and was never sealed", sealed, text)
		}
		made := r.Seal("a", plaintext)
		if text, _, err := r.Open("a", made); err != nil || !bytes.Equal(text, plaintext) {
			t.Errorf("%x was sealed and opens as %x, %v", plaintext, text, err)
		}
		if _, _, err := r.Open("b", made); err == nil {
			t.Errorf("%x opens for another purpose", made)
		}
		// The fuzzed bytes as a change of what was sealed.
		changed := bytes.Clone(made)
		for i, b := range sealed {
			changed[i%len(changed)] ^= b
		}
		if _, _, err := r.Open("a", changed); err == nil && !bytes.Equal(changed, made) {
			t.Errorf("%x opens although it was changed", changed)
		}
	})
}

package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
)

func key(b byte, openOnly bool) Key {
	k := Key{OpenOnly: openOnly}
	for i := range k.Secret {
		k.Secret[i] = b
	}
	return k
}

func ring(t *testing.T, keys ...Key) *Ring {
	t.Helper()
	r, err := NewRing(rand.Reader, keys, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatWasSealedOpensOnceMoreAsItWas(t *testing.T) {
	r := ring(t, key(1, false))
	for _, text := range [][]byte{nil, {0}, bytes.Repeat([]byte("x"), 5000)} {
		sealed := r.Seal("a", text)
		got, nonce, err := r.Open("a", sealed)
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("Open = %q, %v; want %q", got, err, text)
		}
		if len(sealed) != Overhead+len(text) || len(nonce) != NonceSize {
			t.Errorf("sealed %d bytes to %d with a nonce of %d", len(text), len(sealed), len(nonce))
		}
	}
}

func TestTwoSealsOfTheSameTextDiffer(t *testing.T) {
	r := ring(t, key(1, false))
	if bytes.Equal(r.Seal("a", nil), r.Seal("a", nil)) {
		t.Error("the nonce repeats")
	}
}

func TestNothingElseOpens(t *testing.T) {
	r := ring(t, key(1, false))
	sealed := r.Seal("a", []byte("text"))
	refused := func(what, purpose string, text []byte) {
		t.Helper()
		if got, nonce, err := r.Open(purpose, text); !errors.Is(err, ErrOpen) || got != nil || nonce != nil {
			t.Errorf("%s: Open = %q, %x, %v; want ErrOpen", what, got, nonce, err)
		}
	}
	refused("another purpose", "b", sealed)
	refused("a purpose that the ring has not", "c", sealed)
	refused("bytes behind it", "a", append(bytes.Clone(sealed), 0))
	for i := range sealed {
		refused("cut", "a", sealed[:i])
	}
	for i := range len(sealed) * 8 {
		flipped := bytes.Clone(sealed)
		flipped[i/8] ^= 1 << (i % 8)
		refused("one bit flipped", "a", flipped)
	}
}

func TestTheRingSealsUnderTheFirstKeyThatMaySeal(t *testing.T) {
	fresh, old := key(2, true), key(1, false)
	before, during, after := ring(t, old), ring(t, fresh, old), ring(t, key(2, false), key(1, true))
	if _, _, err := during.Open("a", after.Seal("a", nil)); err != nil {
		t.Error("a key that was added as open-only does not open")
	}
	if _, _, err := before.Open("a", during.Seal("a", nil)); err != nil {
		t.Error("an open-only key seals")
	}
	if _, _, err := after.Open("a", before.Seal("a", nil)); err != nil {
		t.Error("the old key is still in the ring and does not open")
	}
	if _, _, err := ring(t, key(2, false)).Open("a", before.Seal("a", nil)); !errors.Is(err, ErrOpen) {
		t.Error("a retired key still opens")
	}
}

func TestARingThatCanNotSealIsRefused(t *testing.T) {
	for name, keys := range map[string][]Key{
		"no key":             nil,
		"open-only keys":     {key(1, true)},
		"the same key twice": {key(1, false), key(1, true)},
	} {
		if _, err := NewRing(rand.Reader, keys, "a"); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAFailingRandomSourceStopsTheSeal(t *testing.T) {
	r, err := NewRing(bytes.NewReader(nil), []Key{key(1, false)}, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("sealed without randomness")
		}
	}()
	r.Seal("a", nil)
}

func TestIDAndCheckTellKeysApart(t *testing.T) {
	a, b := key(1, false), key(2, false)
	if a.ID() == b.ID() || bytes.Equal(a.Check(), b.Check()) || len(a.ID()) != 8 || len(a.Check()) != 16 {
		t.Errorf("IDs %s %s, checks %x %x", a.ID(), b.ID(), a.Check(), b.Check())
	}
}

func TestMACsOfOtherKeysAndPurposesDiffer(t *testing.T) {
	r := ring(t, key(2, false), key(1, true))
	if r.KeyID() != key(2, false).ID() {
		t.Errorf("KeyID %s", r.KeyID())
	}
	if got := r.KeyIDs(); !slices.Equal(got, []string{key(2, false).ID(), key(1, true).ID()}) {
		t.Errorf("KeyIDs %q", got)
	}
	mac := func(purpose string, k Key) string {
		m, ok := r.MAC(purpose, k.ID(), []byte("data"))
		if !ok || len(m) != 32 {
			t.Fatalf("MAC = %x, %v", m, ok)
		}
		return string(m)
	}
	one := mac("a", key(1, false))
	if one != mac("a", key(1, true)) || one == mac("b", key(1, false)) || one == mac("a", key(2, false)) {
		t.Error("MACs meet, or one is not repeatable")
	}
	if _, ok := r.MAC("a", key(3, false).ID(), nil); ok {
		t.Error("a MAC under a key that is not in the ring")
	}
}

func TestASealNamesItsKey(t *testing.T) {
	t.Parallel()
	r, err := NewRing(rand.Reader, []Key{key(2, false), key(1, false)}, "mail")
	if err != nil {
		t.Fatal(err)
	}
	sealed := r.Seal("mail", nil)
	if got := KeyOf(sealed); got != r.KeyID() {
		t.Errorf("sealed under %q, want %q", got, r.KeyID())
	}
	other := append([]byte{version + 1}, sealed[1:]...)
	for name, bad := range map[string][]byte{"nothing": nil, "cut": sealed[:Overhead-1], "another version": other} {
		if got := KeyOf(bad); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

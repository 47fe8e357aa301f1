// Package seal owns the root keys: it derives one key for each purpose from
// them and seals and opens what the server hands out. It never stores
// anything, and never has a key of its own.
//
// A sealed text is
//
//	version(1) ‖ key ID(4) ‖ nonce(24) ‖ XChaCha20-Poly1305(plaintext)
//
// with version, key ID and the purpose as associated data. The encryption key
// is HKDF-SHA-256 (RFC 5869) of the root key with the purpose as info, so that
// what was sealed for one purpose can't be opened for another.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// Sizes in bytes.
const (
	KeySize   = 32
	NonceSize = chacha20poly1305.NonceSizeX
	Overhead  = headerSize + NonceSize + chacha20poly1305.Overhead

	version    = 1
	keyIDSize  = 4
	headerSize = 1 + keyIDSize
)

// ErrOpen is the one error of Open: too short, another version, a key that is
// not in the ring, another purpose, or changed.
var ErrOpen = errors.New("seal: can't be opened")

// Key is a root key.
type Key struct {
	Secret   [KeySize]byte
	OpenOnly bool // opens what others sealed, seals nothing
}

// ID returns the public name of the key: 8 hexadecimal digits derived from it.
func (k Key) ID() string { return fmt.Sprintf("%x", k.derive("mapae key id", keyIDSize)) }

// Check returns 16 bytes derived from the key, by which a store recognises it.
func (k Key) Check() []byte { return k.derive("mapae key check", 16) }

func (k Key) derive(purpose string, size int) []byte {
	out, err := hkdf.Key(sha256.New, k.Secret[:], nil, purpose, size)
	if err != nil {
		panic(err) // only for sizes over 255 hashes
	}
	return out
}

// Ring seals under the first key that is not open-only and opens under any.
// It is immutable and safe for concurrent use.
type Ring struct {
	rand  io.Reader
	seal  [keyIDSize]byte
	keys  map[string]Key // by ID
	ids   []string       // of keys, in the order in which they were given
	aeads map[[keyIDSize]byte]map[string]aead
}

// aead is the key of one purpose that was derived from one root key.
type aead struct {
	cipher.AEAD
	associated []byte // the header of what it seals, and the purpose
}

// NewRing derives the keys of the purposes from each root key. It fails when
// there is no key, no key that seals, or the same key twice.
func NewRing(rand io.Reader, keys []Key, purposes ...string) (*Ring, error) {
	r := &Ring{rand: rand, keys: map[string]Key{}, aeads: map[[keyIDSize]byte]map[string]aead{}}
	sealing := false
	for _, k := range keys {
		id := [keyIDSize]byte(k.derive("mapae key id", keyIDSize))
		if r.aeads[id] != nil {
			return nil, fmt.Errorf("seal: key %s is there twice", k.ID())
		}
		if !k.OpenOnly && !sealing {
			r.seal, sealing = id, true
		}
		byPurpose := map[string]aead{}
		for _, purpose := range purposes {
			c, err := chacha20poly1305.NewX(k.derive("mapae "+purpose, chacha20poly1305.KeySize))
			if err != nil {
				return nil, err
			}
			byPurpose[purpose] = aead{c, slices.Concat([]byte{version}, id[:], []byte(purpose))}
		}
		r.aeads[id], r.keys[k.ID()] = byPurpose, k
		r.ids = append(r.ids, k.ID())
	}
	if !sealing {
		return nil, errors.New("seal: no root key that may seal")
	}
	return r, nil
}

// Seal returns plaintext sealed for purpose, which is one of NewRing's. It
// panics when the random source fails: no predictable value is ever sealed.
func (r *Ring) Seal(purpose string, plaintext []byte) []byte {
	out := make([]byte, headerSize+NonceSize, Overhead+len(plaintext))
	out[0] = version
	copy(out[1:], r.seal[:])
	nonce := out[headerSize:]
	if _, err := io.ReadFull(r.rand, nonce); err != nil {
		panic(fmt.Errorf("seal: random source: %w", err))
	}
	key := r.aeads[r.seal][purpose]
	return key.Seal(out, nonce, plaintext, key.associated)
}

// Open returns the plaintext and the nonce, which is unique to what was sealed
// and fit to be spent; or ErrOpen.
func (r *Ring) Open(purpose string, sealed []byte) (plaintext, nonce []byte, err error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, nil, ErrOpen
	}
	key, ok := r.aeads[[keyIDSize]byte(sealed[1:headerSize])][purpose]
	if !ok {
		return nil, nil, ErrOpen
	}
	nonce = sealed[headerSize : headerSize+NonceSize]
	plaintext, err = key.Open(nil, nonce, sealed[headerSize+NonceSize:], key.associated)
	if err != nil {
		return nil, nil, ErrOpen
	}
	return plaintext, nonce, nil
}

// KeyOf returns the ID of the root key that was sealed under, as it says
// itself: nothing is opened. Empty: it is not sealed.
func KeyOf(sealed []byte) string {
	if len(sealed) < Overhead || sealed[0] != version {
		return ""
	}
	return fmt.Sprintf("%x", sealed[1:headerSize])
}

// KeyID returns the ID of the key that Seal and MAC use now.
func (r *Ring) KeyID() string { return fmt.Sprintf("%x", r.seal) }

// KeyIDs returns the IDs of all keys, in the order that NewRing was given. The
// caller does not write into them.
func (r *Ring) KeyIDs() []string { return r.ids }

// MAC returns HMAC-SHA-256 of data for purpose under the root key with that ID;
// false: it is not in the ring. What is authenticated for one purpose is
// nothing for another.
func (r *Ring) MAC(purpose, keyID string, data []byte) ([]byte, bool) {
	k, ok := r.keys[keyID]
	if !ok {
		return nil, false
	}
	h := hmac.New(sha256.New, k.derive("mapae mac "+purpose, sha256.Size))
	h.Write(data)
	return h.Sum(nil), true
}

package mapae

import (
	"crypto/rand"

	"github.com/mapae/mapae/internal/seal"
)

// RootKey is a secret of 32 random bytes that challenges, tickets and stored
// secrets are sealed under. It comes from the operator, never from a default
// and never from the database.
type RootKey struct {
	Secret   [seal.KeySize]byte
	OpenOnly bool // opens what others sealed, seals nothing: how a new key is first added everywhere
}

// ID returns the public name of the key, 8 hexadecimal digits derived from it.
func (k RootKey) ID() string { return seal.Key(k).ID() }

// NewRootKey returns a new random root key that seals.
func NewRootKey() RootKey {
	var k RootKey
	rand.Read(k.Secret[:]) // never fails: the process stops instead
	return k
}

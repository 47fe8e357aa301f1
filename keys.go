package mapae

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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

// LoadKeys reads a key file: one key a line, newest first, each "seal" or
// "open" and 32 bytes in base64url without padding; empty lines and lines that
// start with # are passed over. The file must not be readable by others
// (mode 0600). A file that is missing is fs.ErrNotExist.
func LoadKeys(path string) ([]RootKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("key file %s has mode %04o, so others than its owner can use the keys: run chmod 600 %s", path, mode, path)
	}
	keys, err := readKeys(f)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return keys, nil
}

func readKeys(r io.Reader) ([]RootKey, error) {
	var keys []RootKey
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		keys = append(keys, k)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return keys, nil
}

func parseKey(line string) (RootKey, error) {
	state, text, _ := strings.Cut(line, " ")
	if state != "seal" && state != "open" {
		return RootKey{}, errors.New(`a key starts with "seal" or "open"`)
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(secret) != seal.KeySize {
		return RootKey{}, fmt.Errorf("a key is %d bytes in base64url without padding", seal.KeySize)
	}
	return RootKey{Secret: [seal.KeySize]byte(secret), OpenOnly: state == "open"}, nil
}

// CreateKeys makes a key file of mode 0600 with one new key, and makes sure
// that it is on the disk. It never overwrites: a file that is there is
// fs.ErrExist. Call it only together with a new database: New refuses a key
// that the store does not know.
func CreateKeys(path string) ([]RootKey, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	k := NewRootKey()
	_, err = fmt.Fprintf(f, "# Mapae's root keys, newest first. Keep a copy: without them codes and secrets in the database are lost.\nseal %s\n",
		base64.RawURLEncoding.EncodeToString(k.Secret[:]))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return []RootKey{k}, nil
}

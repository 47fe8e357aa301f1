package mapae

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mapae/mapae/internal/seal"
)

// keyFileHead begins a new key file.
const keyFileHead = "# Mapae's root keys, newest first. Keep a copy: without them codes and secrets in the database are lost.\n"

// maxKeyFile bounds what is read as a key file, in bytes.
const maxKeyFile = 1 << 20

// LoadKeys reads a key file: one key a line, newest first, each "seal" or
// "open" and 32 bytes in base64url without padding; empty lines and lines that
// start with # are passed over. The file must not be readable by others
// (mode 0600). A file that is missing is fs.ErrNotExist.
func LoadKeys(path string) ([]RootKey, error) {
	file, err := openKeyFile(path)
	if err != nil {
		return nil, err
	}
	var keys []RootKey
	for _, line := range file.lines {
		if line.key != nil {
			keys = append(keys, *line.key)
		}
	}
	return keys, nil
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
	_, err = io.WriteString(f, keyFileHead+keyLine{key: &k}.String()+"\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = syncDirectory(filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return []RootKey{k}, nil
}

// AddKey puts a new key on top of a key file, which opens and does not seal yet:
// copy the file to every node, and let each reload it, before the key is
// promoted. Like PromoteKey and RemoveKey it replaces the file whole, on the
// disk when it returns, with mode, owner and comments as they were.
func AddKey(path string) (RootKey, error) {
	k := NewRootKey()
	k.OpenOnly = true
	return k, editKeys(path, func(lines []keyLine) ([]keyLine, error) {
		first := slices.IndexFunc(lines, func(l keyLine) bool { return l.key != nil })
		return slices.Insert(lines, first, keyLine{key: &k}), nil
	})
}

// PromoteKey lets the key with that ID seal, and every other one of the key file
// open only. ErrMissing: it is not there.
func PromoteKey(path, id string) error {
	return editKeys(path, func(lines []keyLine) ([]keyLine, error) {
		if findKey(lines, id) < 0 {
			return nil, ErrMissing
		}
		for _, l := range lines {
			if l.key != nil {
				l.key.OpenOnly = l.key.ID() != id
			}
		}
		return lines, nil
	})
}

// RemoveKey takes the key with that ID out of a key file, after RetireKey.
// ErrMissing: it is not there; ErrConflict: it is the one that seals.
func RemoveKey(path, id string) error {
	return editKeys(path, func(lines []keyLine) ([]keyLine, error) {
		i := findKey(lines, id)
		if i < 0 {
			return nil, ErrMissing
		}
		others := slices.Delete(slices.Clone(lines), i, i+1)
		if !slices.ContainsFunc(others, func(l keyLine) bool { return l.key != nil && !l.key.OpenOnly }) {
			return nil, ErrConflict
		}
		return others, nil
	})
}

// keyFile is a key file as it was read.
type keyFile struct {
	lines []keyLine
	info  os.FileInfo
}

// keyLine is a line of a key file: a key, or anything else as it stands.
type keyLine struct {
	key  *RootKey
	text string // where key is nil
}

func (l keyLine) String() string {
	if l.key == nil {
		return l.text
	}
	state := "seal "
	if l.key.OpenOnly {
		state = "open "
	}
	return state + base64.RawURLEncoding.EncodeToString(l.key.Secret[:])
}

func findKey(lines []keyLine, id string) int {
	return slices.IndexFunc(lines, func(l keyLine) bool { return l.key != nil && l.key.ID() == id })
}

func openKeyFile(path string) (keyFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return keyFile{}, fmt.Errorf("key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return keyFile{}, fmt.Errorf("key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return keyFile{}, fmt.Errorf("key file %s has mode %04o, so others than its owner can use the keys: run chmod 600 %s", path, mode, path)
	}
	lines, err := readKeys(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return keyFile{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return keyFile{lines, info}, nil
}

func readKeys(r io.Reader) ([]keyLine, error) {
	var lines []keyLine
	found := false
	text := bufio.NewScanner(r)
	for n := 1; text.Scan(); n++ {
		line := strings.TrimSpace(text.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			lines = append(lines, keyLine{text: text.Text()})
			continue
		}
		k, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		lines, found = append(lines, keyLine{key: &k}), true
	}
	if err := text.Err(); err != nil {
		return nil, err
	}
	if !found {
		return nil, errors.New("there is no key in it")
	}
	return lines, nil
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

// editKeys replaces a key file by what change makes of its lines. A link is
// followed: what it leads to is replaced.
func editKeys(path string, change func([]keyLine) ([]keyLine, error)) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("key file %s: %w", path, err)
	}
	file, err := openKeyFile(real)
	if err != nil {
		return err
	}
	lines, err := change(file.lines)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for _, l := range lines {
		fmt.Fprintln(&text, l)
	}
	if err := replaceKeys(real, file.info, text.Bytes()); err != nil {
		return fmt.Errorf("key file %s: %w", path, err)
	}
	return nil
}

// replaceKeys writes a file whole or not at all, with the owner of the one that
// it replaces: whoever rotates keys may be another than who serves.
func replaceKeys(path string, was os.FileInfo, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".mapae-keys-*") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, keepOwner(f, was), f.Chmod(was.Mode().Perm()), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDirectory(filepath.Dir(path))
}

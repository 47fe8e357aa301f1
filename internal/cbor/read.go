package cbor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
)

// Bounds of the reader, far above what an authenticator has reason to send.
const (
	MaxDepth = 8  // maps and arrays inside each other
	MaxItems = 64 // pairs of one map, or items of one array
)

// The major types of CBOR (RFC 8949 §3.1).
const (
	majorUnsigned = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// What ReadMap and Whole refuse.
var (
	ErrShort     = errors.New("CBOR: input ends too early")
	ErrLength    = errors.New("CBOR: indefinite length or reserved head")
	ErrMinimal   = errors.New("CBOR: number not in its shortest form")
	ErrRange     = errors.New("CBOR: integer does not fit 64 bits")
	ErrKind      = errors.New("CBOR: tag, float, undefined or unknown simple value")
	ErrUTF8      = errors.New("CBOR: text is not UTF-8")
	ErrDeep      = errors.New("CBOR: nested too deeply")
	ErrMany      = errors.New("CBOR: too many items in a map or array")
	ErrKey       = errors.New("CBOR: map key is neither integer nor text")
	ErrDuplicate = errors.New("CBOR: duplicate map key")
	ErrNotMap    = errors.New("CBOR: not a map")
	ErrTrailing  = errors.New("CBOR: data after the value")
)

// Whole reads data, which must be one map and nothing else.
func Whole(data []byte) (Map, error) {
	m, rest, err := ReadMap(data)
	if err == nil && len(rest) > 0 {
		return nil, ErrTrailing
	}
	return m, err
}

// ReadMap reads the map at the start of data, checks all that is nested in it,
// and returns what follows it.
func ReadMap(data []byte) (m Map, rest []byte, err error) { return readMap(data, 0) }

// readMap reads a map inside depth others. Keys are integers or texts and never
// there twice; since numbers are in their shortest form, equal keys have equal
// bytes.
func readMap(data []byte, depth int) (m Map, rest []byte, err error) {
	major, n, rest, err := head(data)
	switch {
	case err != nil:
		return nil, nil, err
	case major != majorMap:
		return nil, nil, ErrNotMap
	case depth >= MaxDepth:
		return nil, nil, ErrDeep
	case n > MaxItems:
		return nil, nil, ErrMany
	}
	m = make(Map, 0, min(int(n), 8))
	for range n {
		key := rest
		if rest, err = skip(rest, depth+1); err != nil {
			return nil, nil, err
		}
		value := rest
		if rest, err = skip(rest, depth+1); err != nil {
			return nil, nil, err
		}
		p := Pair{Item(key[:len(key)-len(value)]), Item(value[:len(value)-len(rest)])}
		if kind := key[0] >> 5; kind != majorUnsigned && kind != majorNegative && kind != majorText {
			return nil, nil, ErrKey
		}
		if m.has(p.Key) {
			return nil, nil, ErrDuplicate
		}
		m = append(m, p)
	}
	return m, rest, nil
}

func (m Map) has(key Item) bool {
	for _, p := range m {
		if bytes.Equal(p.Key, key) {
			return true
		}
	}
	return false
}

// skip checks one item of any kind, nested ones too, and returns what follows it.
func skip(data []byte, depth int) (rest []byte, err error) {
	major, n, rest, err := head(data)
	if err != nil {
		return nil, err
	}
	switch major {
	case majorUnsigned, majorNegative:
		if n > math.MaxInt64 {
			return nil, ErrRange
		}
		return rest, nil
	case majorBytes, majorText:
		if n > uint64(len(rest)) {
			return nil, ErrShort
		}
		if major == majorText && !utf8.Valid(rest[:n]) {
			return nil, ErrUTF8
		}
		return rest[n:], nil
	case majorArray:
		return skipArray(rest, n, depth)
	case majorMap:
		_, rest, err := readMap(data, depth)
		return rest, err
	case majorSimple:
		if n == 20 || n == 21 || n == 22 { // false, true, null
			return rest, nil
		}
	}
	return nil, ErrKind
}

func skipArray(data []byte, n uint64, depth int) (rest []byte, err error) {
	if depth >= MaxDepth {
		return nil, ErrDeep
	}
	if n > MaxItems {
		return nil, ErrMany
	}
	for range n {
		if data, err = skip(data, depth+1); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// head reads one head: definite length, shortest form.
func head(data []byte) (major byte, n uint64, rest []byte, err error) {
	if len(data) == 0 {
		return 0, 0, nil, ErrShort
	}
	major, info := data[0]>>5, data[0]&31
	data = data[1:]
	if info < 24 {
		return major, uint64(info), data, nil
	}
	if info > 27 {
		return 0, 0, nil, ErrLength
	}
	size := 1 << (info - 24)
	if len(data) < size {
		return 0, 0, nil, ErrShort
	}
	if major == majorSimple {
		return 0, 0, nil, ErrKind
	}
	var wide [8]byte
	copy(wide[8-size:], data)
	n = binary.BigEndian.Uint64(wide[:])
	least := uint64(24)
	if size > 1 {
		least = 1 << (4 * size)
	}
	if n < least {
		return 0, 0, nil, ErrMinimal
	}
	return major, n, data[size:], nil
}

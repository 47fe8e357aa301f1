package webauthn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
)

// Bounds of the CBOR reader (§2.1 asks for some).
const (
	maxCBORDepth = 8
	maxCBORPairs = 64 // pairs of one map, or items of one array
)

// The major types of CBOR (RFC 8949 §3.1).
const (
	cborUnsigned = iota
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

var (
	errCBORShort     = errors.New("CBOR: input ends too early")
	errCBORLength    = errors.New("CBOR: indefinite length or reserved head")
	errCBORMinimal   = errors.New("CBOR: number not in its shortest form")
	errCBORRange     = errors.New("CBOR: integer does not fit 64 bits")
	errCBORKind      = errors.New("CBOR: tag, float, undefined or unknown simple value")
	errCBORUTF8      = errors.New("CBOR: text is not UTF-8")
	errCBORDeep      = errors.New("CBOR: nested too deeply")
	errCBORMany      = errors.New("CBOR: too many items in a map or array")
	errCBORKey       = errors.New("CBOR: map key is neither integer nor text")
	errCBORDuplicate = errors.New("CBOR: duplicate map key")
	errCBORMap       = errors.New("CBOR: not a map")
	errCBORTrailing  = errors.New("CBOR: data after the value")
)

// cborHead reads one head of the CTAP2 subset: definite length, shortest form.
func cborHead(data []byte) (major byte, n uint64, rest []byte, err error) {
	if len(data) == 0 {
		return 0, 0, nil, errCBORShort
	}
	major, info := data[0]>>5, data[0]&31
	data = data[1:]
	if info < 24 {
		return major, uint64(info), data, nil
	}
	if info > 27 {
		return 0, 0, nil, errCBORLength
	}
	size := 1 << (info - 24)
	if len(data) < size {
		return 0, 0, nil, errCBORShort
	}
	var wide [8]byte
	copy(wide[8-size:], data)
	n = binary.BigEndian.Uint64(wide[:])
	least := uint64(24)
	if size > 1 {
		least = 1 << (4 * size)
	}
	if major != cborSimple && n < least {
		return 0, 0, nil, errCBORMinimal
	}
	if major == cborSimple {
		return 0, 0, nil, errCBORKind
	}
	return major, n, data[size:], nil
}

// cborSkip checks one item, whatever it holds, and returns what follows it.
func cborSkip(data []byte, depth int) (rest []byte, err error) {
	major, n, rest, err := cborHead(data)
	if err != nil {
		return nil, err
	}
	switch major {
	case cborUnsigned, cborNegative:
		if n > math.MaxInt64 {
			return nil, errCBORRange
		}
		return rest, nil
	case cborBytes, cborText:
		if n > uint64(len(rest)) {
			return nil, errCBORShort
		}
		if major == cborText && !utf8.Valid(rest[:n]) {
			return nil, errCBORUTF8
		}
		return rest[n:], nil
	case cborArray:
		return cborSkipArray(rest, n, depth)
	case cborMap:
		_, rest, err := cborReadMap(data, depth)
		return rest, err
	case cborSimple:
		if n == 20 || n == 21 || n == 22 { // false, true, null
			return rest, nil
		}
	}
	return nil, errCBORKind
}

func cborSkipArray(data []byte, n uint64, depth int) (rest []byte, err error) {
	if depth >= maxCBORDepth {
		return nil, errCBORDeep
	}
	if n > maxCBORPairs {
		return nil, errCBORMany
	}
	for range n {
		if data, err = cborSkip(data, depth+1); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// A pair is one member of a CBOR map: two items that were checked, as encoded.
type pair struct{ key, value []byte }

// A cborPairs is one map, in the order of its encoding.
type cborPairs []pair

// cborReadMap reads a map at the start of data and returns what follows it.
// Nested items are checked too. Keys are integers or texts and never twice;
// since numbers are in their shortest form, equal keys have equal bytes.
func cborReadMap(data []byte, depth int) (pairs cborPairs, rest []byte, err error) {
	major, n, rest, err := cborHead(data)
	switch {
	case err != nil:
		return nil, nil, err
	case major != cborMap:
		return nil, nil, errCBORMap
	case depth >= maxCBORDepth:
		return nil, nil, errCBORDeep
	case n > maxCBORPairs:
		return nil, nil, errCBORMany
	}
	pairs = make(cborPairs, 0, min(int(n), 8))
	for range n {
		key := rest
		if rest, err = cborSkip(rest, depth+1); err != nil {
			return nil, nil, err
		}
		value := rest
		if rest, err = cborSkip(rest, depth+1); err != nil {
			return nil, nil, err
		}
		key, value = key[:len(key)-len(value)], value[:len(value)-len(rest)]
		if kind := key[0] >> 5; kind != cborUnsigned && kind != cborNegative && kind != cborText {
			return nil, nil, errCBORKey
		}
		if pairs.find(key) != nil {
			return nil, nil, errCBORDuplicate
		}
		pairs = append(pairs, pair{key, value})
	}
	return pairs, rest, nil
}

// cborWholeMap reads data, which must be one map and nothing else.
func cborWholeMap(data []byte) (cborPairs, error) {
	pairs, rest, err := cborReadMap(data, 0)
	if err == nil && len(rest) > 0 {
		err = errCBORTrailing
	}
	return pairs, err
}

// find returns the encoded value of an encoded key, or nil.
func (m cborPairs) find(key []byte) []byte {
	for _, p := range m {
		if bytes.Equal(p.key, key) {
			return p.value
		}
	}
	return nil
}

// text returns the encoded value of a text key, or nil.
func (m cborPairs) text(key string) []byte {
	for _, p := range m {
		if b, ok := asString(p.key, cborText); ok && string(b) == key {
			return p.value
		}
	}
	return nil
}

// label returns the encoded value of an integer key, or nil.
func (m cborPairs) label(key int64) []byte {
	for _, p := range m {
		if n, ok := asInt(p.key); ok && n == key {
			return p.value
		}
	}
	return nil
}

// asInt returns the integer that a checked item is.
func asInt(item []byte) (int64, bool) {
	major, n, _, err := cborHead(item)
	switch {
	case err != nil || n > math.MaxInt64:
		return 0, false
	case major == cborUnsigned:
		return int64(n), true
	case major == cborNegative:
		return -1 - int64(n), true
	}
	return 0, false
}

// asBytes returns the byte string that a checked item is.
func asBytes(item []byte) ([]byte, bool) { return asString(item, cborBytes) }

// asText returns the text that a checked item is.
func asText(item []byte) (string, bool) {
	b, ok := asString(item, cborText)
	return string(b), ok
}

func asString(item []byte, kind byte) ([]byte, bool) {
	major, n, rest, err := cborHead(item)
	if err != nil || major != kind || n != uint64(len(rest)) {
		return nil, false
	}
	return rest, true
}

// cborEncodeMap encodes keys and values, which are int, int64 or []byte, all
// below 65,536 in value or length, in the order given, which must be canonical.
func cborEncodeMap(keysAndValues []any) []byte {
	out := cborAppendHead(nil, cborMap, uint64(len(keysAndValues)/2))
	for _, v := range keysAndValues {
		switch v := v.(type) {
		case int:
			out = cborAppendInt(out, int64(v))
		case int64:
			out = cborAppendInt(out, v)
		case []byte:
			out = append(cborAppendHead(out, cborBytes, uint64(len(v))), v...)
		}
	}
	return out
}

// cborAppendHead appends a head whose number is below 65,536.
func cborAppendHead(out []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(out, major<<5|byte(n))
	case n <= math.MaxUint8:
		return append(out, major<<5|24, byte(n))
	}
	return binary.BigEndian.AppendUint16(append(out, major<<5|25), uint16(n))
}

func cborAppendInt(out []byte, n int64) []byte {
	if n < 0 {
		return cborAppendHead(out, cborNegative, uint64(-1-n))
	}
	return cborAppendHead(out, cborUnsigned, uint64(n))
}

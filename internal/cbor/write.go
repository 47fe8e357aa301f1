package cbor

import (
	"encoding/binary"
	"math"
)

// EncodeMap encodes keys and values in the order given, which must be the
// canonical one. They are int, int64 or []byte.
func EncodeMap(keysAndValues []any) []byte {
	out := appendHead(nil, majorMap, uint64(len(keysAndValues)/2))
	for _, v := range keysAndValues {
		switch v := v.(type) {
		case int:
			out = appendInt(out, int64(v))
		case int64:
			out = appendInt(out, v)
		case []byte:
			out = append(appendHead(out, majorBytes, uint64(len(v))), v...)
		}
	}
	return out
}

// appendHead appends a head in its shortest form.
func appendHead(out []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(out, major|byte(n))
	case n <= math.MaxUint8:
		return append(out, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(out, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(out, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(out, major|27), n)
}

func appendInt(out []byte, n int64) []byte {
	if n < 0 {
		return appendHead(out, majorNegative, uint64(-1-n))
	}
	return appendHead(out, majorUnsigned, uint64(n))
}

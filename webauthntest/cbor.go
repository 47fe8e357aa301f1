package webauthntest

import (
	"encoding/binary"
	"fmt"
)

// encodeMap encodes a CBOR map of keys and values in the order given, which
// must be the canonical one. Values are int, int64, string, []byte, lists
// of those, or RawCBOR.
func encodeMap(keysAndValues ...any) []byte {
	out := encodeHead(nil, 5, uint64(len(keysAndValues)/2))
	for _, v := range keysAndValues {
		out = encode(out, v)
	}
	return out
}

// RawCBOR is an item that is encoded already, for [Forge].
type RawCBOR []byte

func encode(out []byte, v any) []byte {
	switch v := v.(type) {
	case int:
		return encodeInt(out, int64(v))
	case int64:
		return encodeInt(out, v)
	case string:
		return append(encodeHead(out, 3, uint64(len(v))), v...)
	case []byte:
		return append(encodeHead(out, 2, uint64(len(v))), v...)
	case RawCBOR:
		return append(out, v...)
	case [][]byte:
		return append(out, encodeArray(v)...)
	case []any:
		return append(out, encodeArray(v)...)
	}
	panic(fmt.Sprintf("webauthntest: CBOR of %T", v))
}

func encodeInt(out []byte, n int64) []byte {
	if n < 0 {
		return encodeHead(out, 1, uint64(-n)-1)
	}
	return encodeHead(out, 0, uint64(n))
}

func encodeHead(out []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(out, major<<5|byte(n))
	case n < 1<<8:
		return append(out, major<<5|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(out, major<<5|25), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(out, major<<5|26), uint32(n))
}

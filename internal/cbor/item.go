package cbor

import "math"

// Item is one encoded item that was checked, or nil for one that is not there.
type Item []byte

// Pair is one member of a map.
type Pair struct{ Key, Value Item }

// Map is a map in the order of its encoding.
type Map []Pair

// Text returns the value under a text key, or nil.
func (m Map) Text(key string) Item {
	for _, p := range m {
		if b, ok := p.Key.string(majorText); ok && string(b) == key {
			return p.Value
		}
	}
	return nil
}

// Label returns the value under an integer key, or nil.
func (m Map) Label(key int64) Item {
	for _, p := range m {
		if n, ok := p.Key.Int(); ok && n == key {
			return p.Value
		}
	}
	return nil
}

// Int returns the integer that the item is.
func (i Item) Int() (int64, bool) {
	major, n, _, err := head(i)
	switch {
	case err != nil || n > math.MaxInt64:
		return 0, false
	case major == majorUnsigned:
		return int64(n), true
	case major == majorNegative:
		return -1 - int64(n), true
	}
	return 0, false
}

// Bool returns the truth value that the item is.
func (i Item) Bool() (value, ok bool) {
	major, n, _, err := head(i)
	return n == 21, err == nil && major == majorSimple && (n == 20 || n == 21)
}

// Bytes returns the byte string that the item is.
func (i Item) Bytes() ([]byte, bool) { return i.string(majorBytes) }

// Text returns the text that the item is.
func (i Item) Text() (string, bool) {
	b, ok := i.string(majorText)
	return string(b), ok
}

func (i Item) string(kind byte) ([]byte, bool) {
	major, n, rest, err := head(i)
	if err != nil || major != kind || n != uint64(len(rest)) {
		return nil, false
	}
	return rest, true
}

// Map returns the map that the item is.
func (i Item) Map() (Map, bool) {
	m, err := Whole(i)
	return m, err == nil
}

// Array returns the items of the array that the item is.
func (i Item) Array() ([]Item, bool) {
	major, n, rest, err := head(i)
	if err != nil || major != majorArray || n > MaxItems {
		return nil, false
	}
	items := make([]Item, 0, n)
	for range n {
		item := rest
		if rest, err = skip(rest, 1); err != nil {
			return nil, false
		}
		items = append(items, Item(item[:len(item)-len(rest)]))
	}
	return items, len(rest) == 0
}

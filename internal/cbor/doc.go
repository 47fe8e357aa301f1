// Package cbor owns the reading of CBOR that must have one meaning: the subset
// that CTAP2 calls canonical (definite lengths, numbers in their shortest form,
// no tags, no floats, no duplicate keys, bounded depth and size), but for the
// order of keys, which is not demanded. It never builds a tree and never uses
// reflection; what it returns shares memory with its input.
//
//	m, err := cbor.Whole(data)             // one map and nothing behind it
//	alg, ok := m.Text("alg").Int()         // false where it is absent or of another type
//	chain, ok := m.Text("x5c").Array()
//
// A map is checked to its last nested item before it is returned, so the
// methods of an [Item] only tell of what type it is.
package cbor

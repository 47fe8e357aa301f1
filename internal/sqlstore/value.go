package sqlstore

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/strictjson"
)

// micros returns t in microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the inverse of micros.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// flag returns 1 for true.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// blob returns b as an argument that is never NULL.
func blob[T ~string | ~[]byte](b T) []byte {
	if len(b) == 0 {
		return []byte{}
	}
	return []byte(b)
}

// bytesOf returns what was scanned; empty is nil.
func bytesOf(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// raw is where a string of any bytes is read to.
type raw string

// ScanBytes is of Querier's destinations.
func (r *raw) ScanBytes(b []byte) error {
	*r = raw(b)
	return nil
}

// bytes16 and bytes32 are where that many bytes are read to.
type (
	bytes16 [16]byte
	bytes32 [32]byte
)

// ScanBytes is of Querier's destinations. An AAGUID that somebody wrote by hand
// may have any length: it decides nothing that its owner should be locked out for.
func (a *bytes16) ScanBytes(b []byte) error {
	*a = bytes16{}
	copy(a[:], b)
	return nil
}

// ScanBytes is of Querier's destinations.
func (a *bytes32) ScanBytes(b []byte) error {
	if len(b) != len(a) {
		return fmt.Errorf("%d bytes where %d belong", len(b), len(a))
	}
	copy(a[:], b)
	return nil
}

// uses is where the uses column is read to.
type uses []mapae.Use

// ScanBytes is of Querier's destinations.
func (u *uses) ScanBytes(b []byte) (err error) {
	if *u, err = usesOf(b); err != nil {
		return fmt.Errorf("read uses: %w", err)
	}
	return nil
}

// list is where a list of strings is read to.
type list []string

// ScanBytes is of Querier's destinations.
func (l *list) ScanBytes(b []byte) (err error) {
	if *l, err = listOf(b); err != nil {
		return fmt.Errorf("read list: %w", err)
	}
	return nil
}

// use is a mapae.Use as the uses column has it.
type use struct {
	Method       mapae.MethodName `json:"method"`
	At           int64            `json:"at"`
	Credential   []byte           `json:"credential,omitempty"`
	UserVerified bool             `json:"user_verified,omitempty"`
}

// usesText returns uses as JSON text; none is the empty text.
func usesText(uses []mapae.Use) (string, error) {
	if len(uses) == 0 {
		return "", nil
	}
	list := make([]use, len(uses))
	for i, u := range uses {
		list[i] = use{u.Method, micros(u.At), u.Credential, u.UserVerified}
	}
	b, err := json.Marshal(list)
	return string(b), err
}

// usesOf is the inverse of usesText; it keeps nothing of text. It is read at
// every request of a session, so it is walked, not unmarshalled.
func usesOf(text []byte) (uses []mapae.Use, err error) {
	if len(text) == 0 {
		return nil, nil
	}
	s := strictjson.New(text)
	s.Array(func() { uses = append(uses, useOf(s)) })
	return uses, s.End()
}

// base64Strict is what encoding/json writes bytes in, without spare bits.
var base64Strict = base64.StdEncoding.Strict()

// methodOf returns a name, which for the methods that there are takes no memory.
func methodOf(name []byte) mapae.MethodName {
	switch string(name) {
	case string(mapae.MethodPasskey):
		return mapae.MethodPasskey
	case string(mapae.MethodPassword):
		return mapae.MethodPassword
	case string(mapae.MethodTOTP):
		return mapae.MethodTOTP
	default:
		return mapae.MethodName(name)
	}
}

// useOf reads one use. What a newer program adds is passed over.
func useOf(s *strictjson.Scanner) (u mapae.Use) {
	for m := s.Object(); m.Next(); {
		switch string(m.Name) {
		case "method":
			u.Method = methodOf(s.Text())
		case "at":
			at, err := strconv.ParseInt(string(s.Raw()), 10, 64)
			if err != nil {
				s.Fail("a time that is no number of microseconds")
			}
			u.At = moment(at)
		case "credential":
			text := s.Text()
			id := make([]byte, base64Strict.DecodedLen(len(text)))
			n, err := base64Strict.Decode(id, text)
			if err != nil {
				s.Fail("a credential that is not base64")
			}
			u.Credential = bytesOf(id[:n])
		case "user_verified":
			text := s.Raw()
			if u.UserVerified = string(text) == "true"; !u.UserVerified && string(text) != "false" {
				s.Fail("neither true nor false")
			}
		default:
			s.Raw()
		}
	}
	return u
}

// listText returns strings as JSON text; none is the empty text.
func listText(list []string) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	b, err := json.Marshal(list)
	return string(b), err
}

// listOf is the inverse of listText; it keeps nothing of text.
func listOf(text []byte) (list []string, err error) {
	if len(text) == 0 {
		return nil, nil
	}
	s := strictjson.New(text)
	s.Array(func() { list = append(list, string(s.Text())) })
	return list, s.End()
}

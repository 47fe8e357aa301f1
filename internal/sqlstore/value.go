package sqlstore

import (
	"encoding/base64"
	"encoding/json"
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

// usesOf is the inverse of usesText. It is read at every request of a session,
// so it is walked, not unmarshalled.
func usesOf(text string) (uses []mapae.Use, err error) {
	if text == "" {
		return nil, nil
	}
	s := strictjson.New([]byte(text))
	s.Array(func() { uses = append(uses, useOf(s)) })
	return uses, s.End()
}

// useOf reads one use. What a newer program adds is passed over.
func useOf(s *strictjson.Scanner) (u mapae.Use) {
	for m := s.Object(); m.Next(); {
		switch string(m.Name) {
		case "method":
			u.Method = mapae.MethodName(s.Text())
		case "at":
			at, err := strconv.ParseInt(string(s.Raw()), 10, 64)
			if err != nil {
				s.Fail("a time that is no number of microseconds")
			}
			u.At = moment(at)
		case "credential":
			id, err := base64.StdEncoding.Strict().DecodeString(string(s.Text()))
			if err != nil {
				s.Fail("a credential that is not base64")
			}
			u.Credential = bytesOf(id)
		case "user_verified":
			text := string(s.Raw())
			if u.UserVerified = text == "true"; !u.UserVerified && text != "false" {
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

// listOf is the inverse of listText.
func listOf(text string) (list []string, err error) {
	if text == "" {
		return nil, nil
	}
	s := strictjson.New([]byte(text))
	s.Array(func() { list = append(list, string(s.Text())) })
	return list, s.End()
}

package sqlstore

import (
	"encoding/json"
	"time"

	"github.com/mapae/mapae"
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

// usesOf is the inverse of usesText.
func usesOf(text string) ([]mapae.Use, error) {
	if text == "" {
		return nil, nil
	}
	var list []use
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	uses := make([]mapae.Use, len(list))
	for i, u := range list {
		uses[i] = mapae.Use{Method: u.Method, At: moment(u.At), Credential: bytesOf(u.Credential), UserVerified: u.UserVerified}
	}
	return uses, nil
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
	err = json.Unmarshal([]byte(text), &list)
	return list, err
}

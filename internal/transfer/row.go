package transfer

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// maxValue bounds a value of a row, in bytes.
const maxValue = 128 << 10

// row is a row of a table: a value is nil where it is NULL. The methods read
// what drivers make of a column's type; the first that can't be read is in err.
type row struct {
	values map[string]any
	err    error
}

func (r *row) fail(name, what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s %s", name, what)
	}
}

// null reports whether a column is NULL.
func (r *row) null(name string) bool { return r.values[name] == nil }

// bytes returns a column of bytes or text; NULL is nil.
func (r *row) bytes(name string) []byte {
	var b []byte
	switch v := r.values[name].(type) {
	case nil:
		return nil
	case []byte:
		b = v
	case string:
		b = []byte(v)
	case [16]byte: // a UUID
		b = []byte(webauthn.AAGUID(v).String())
	default:
		r.fail(name, "is not text")
	}
	if len(b) > maxValue {
		r.fail(name, fmt.Sprintf("has %d bytes", len(b)))
		return nil
	}
	return b
}

// text returns a column of text, or a number as text; NULL is empty.
func (r *row) text(name string) string {
	if n, ok := r.values[name].(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	return string(r.bytes(name))
}

// count returns a column of a number of 32 bits without sign; NULL is zero.
func (r *row) count(name string) uint32 {
	var n int64
	var err error
	switch v := r.values[name].(type) {
	case nil:
		return 0
	case int64:
		n = v
	case string, []byte:
		n, err = strconv.ParseInt(r.text(name), 10, 64)
	default:
		err = errors.New("type")
	}
	if err != nil || n < 0 || n > math.MaxUint32 {
		r.fail(name, "is not a number from 0 to 4,294,967,295")
		return 0
	}
	return uint32(n)
}

// flag returns a column of yes or no; NULL is no.
func (r *row) flag(name string) bool {
	switch v := r.values[name].(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		if v == 0 || v == 1 {
			return v == 1
		}
	case string, []byte:
		switch strings.ToLower(r.text(name)) {
		case "t", "true", "1":
			return true
		case "f", "false", "0":
			return false
		}
	}
	r.fail(name, "is neither true nor false")
	return false
}

// time returns a column of a moment: text without a zone is in UTC, and a number
// counts milliseconds since 1970, as Prisma has it. What can't be read is not
// known: the zero time.
func (r *row) time(name string) time.Time {
	switch v := r.values[name].(type) {
	case time.Time:
		return v.UTC()
	case int64:
		return time.UnixMilli(v).UTC()
	case string, []byte:
		text := r.text(name)
		for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999"} {
			if t, err := time.Parse(form, text); err == nil {
				return t.UTC()
			}
		}
	}
	return time.Time{}
}

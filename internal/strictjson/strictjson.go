// Package strictjson owns the reading of JSON that must have one meaning:
// exact member names, no duplicates at any depth, valid UTF-8, no lone
// surrogates, numbers that a float64 holds, bounded depth, nothing after the
// value. It never builds a tree, never uses reflection and never writes JSON.
//
// A [Scanner] walks one value; the first mistake stays in it and every method
// is a no-op from then on, so that a caller checks once, at the end:
//
//	s := strictjson.New(data)
//	for m := s.Object(); m.Next(); {
//		switch string(m.Name) {
//		case "name":
//			name = string(s.Text())
//		case "credential":
//			credential = s.Raw()
//		default:
//			s.Raw() // unknown members are passed over, but read as strictly
//		}
//	}
//	if err := s.End(); err != nil { … }
package strictjson

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of the reader, far above what a client has reason to send.
const (
	MaxDepth   = 16 // objects and arrays inside each other
	MaxMembers = 32 // of one object
	maxNumber  = 32 // bytes of a number's text
)

// Scanner reads one JSON value (RFC 8259).
type Scanner struct {
	data  []byte
	pos   int
	depth int
	names names
	err   error
}

// names are the members so far of the objects that are open, outermost first.
type names struct {
	count int
	few   [16][]byte // the first of them, without an allocation of their own
	more  [][]byte
}

func (n *names) at(i int) []byte {
	if i < len(n.few) {
		return n.few[i]
	}
	return n.more[i-len(n.few)]
}

func (n *names) add(name []byte) {
	if n.count < len(n.few) {
		n.few[n.count] = name
	} else {
		n.more = append(n.more[:n.count-len(n.few)], name)
	}
	n.count++
}

// New returns a scanner before the one value in data. What the scanner returns
// shares memory with data. New is inlined, which keeps the scanner off the heap.
func New(data []byte) *Scanner {
	s := &Scanner{data: data}
	if !utf8.Valid(data) {
		s.err = errUTF8
	}
	return s
}

var errUTF8 = errors.New("JSON at byte 0: invalid UTF-8")

// Fail records a mistake at the present place unless there was one before.
func (s *Scanner) Fail(reason string) {
	if s.err == nil {
		s.err = fmt.Errorf("JSON at byte %d: %s", s.pos, reason)
	}
}

// Err is the first mistake so far, with its place in bytes.
func (s *Scanner) Err() error { return s.err }

// End demands that the value was read and that only white space follows it.
func (s *Scanner) End() error {
	if s.Peek(); s.err == nil && s.pos < len(s.data) {
		s.Fail("data after the value")
	}
	return s.err
}

// Members walks the members of one object.
type Members struct {
	Name  []byte // of the member whose value comes next, escapes resolved
	Again bool   // there was a member of this name before; only where AllowAgain is set

	AllowAgain bool // a name that is there again is told, and no mistake
	s          *Scanner
	base       int // where this object's names begin in those of the scanner
}

// Object steps into an object. The caller calls Next until it is false, and
// after each true reads the value with one method of the scanner.
func (s *Scanner) Object() Members {
	s.take('{')
	s.deeper()
	return Members{s: s, base: s.names.count}
}

// Next steps to the next member's value, or out of the object.
func (m *Members) Next() bool {
	s := m.s
	if s.Peek() == '}' {
		s.pos++
		s.depth--
		s.names.count = m.base
		return false
	}
	if s.names.count > m.base {
		s.take(',')
	}
	name := s.Text()
	s.take(':')
	if s.names.count-m.base == MaxMembers {
		s.Fail("too many members")
	}
	m.Again = false
	for i := m.base; i < s.names.count; i++ {
		m.Again = m.Again || bytes.Equal(s.names.at(i), name)
	}
	if m.Again && !m.AllowAgain {
		s.Fail("duplicate member")
	}
	m.Name = name
	s.names.add(name)
	return s.err == nil
}

// Array calls item before each element of an array, which item must read.
func (s *Scanner) Array(item func()) {
	s.take('[')
	s.deeper()
	for first := true; s.err == nil; first = false {
		if first && s.Peek() == ']' {
			break
		}
		if item(); s.Peek() == ']' {
			break
		}
		s.take(',')
	}
	s.take(']')
	s.depth--
}

// Null steps over a null and tells whether there was one.
func (s *Scanner) Null() bool {
	if s.Peek() != 'n' {
		return false
	}
	s.word("null")
	return true
}

// Raw reads a value of any kind and returns its text as it stands.
func (s *Scanner) Raw() []byte {
	first := s.Peek()
	start := s.pos
	switch first {
	case '{':
		for m := s.Object(); m.Next(); {
			s.Raw()
		}
	case '[':
		s.Array(func() { s.Raw() })
	case '"':
		s.Text()
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		s.number()
	}
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}

// RawObject reads an object as Raw does; any other kind of value is a mistake.
func (s *Scanner) RawObject() []byte {
	if s.Peek() != '{' {
		s.Fail("expected an object")
	}
	return s.Raw()
}

// Text reads a string and resolves its escapes; null is a mistake.
func (s *Scanner) Text() []byte {
	if s.take('"'); s.err != nil {
		return nil
	}
	rest := s.data[s.pos:]
	for i, c := range rest {
		switch {
		case c == '"':
			s.pos += i + 1
			return rest[:i]
		case c == '\\':
			s.pos += i
			return s.escapedText(bytes.Clone(rest[:i]))
		case c < ' ':
			s.pos += i
			s.Fail("control character in a string")
			return nil
		}
	}
	s.pos = len(s.data)
	s.Fail("string does not end")
	return nil
}

// Base64 reads a string of base64url without padding, line breaks or spare bits.
func (s *Scanner) Base64() []byte {
	text := s.Text()
	if s.err != nil {
		return nil
	}
	b, err := DecodeBase64(text)
	if err != nil {
		s.Fail(err.Error())
	}
	return b
}

// escapedText reads the rest of a string from its first escape on.
func (s *Scanner) escapedText(out []byte) []byte {
	for s.err == nil && s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return out
		case c == '\\':
			out = utf8.AppendRune(out, s.escape())
		case c < ' ':
			s.Fail("control character in a string")
		default:
			out = append(out, c)
			s.pos++
		}
	}
	s.Fail("string does not end")
	return nil
}

func (s *Scanner) escape() rune {
	if s.pos+1 >= len(s.data) {
		s.Fail("string does not end")
		return 0
	}
	c := s.data[s.pos+1]
	if c == 'u' {
		return s.unicodeEscape()
	}
	i := bytes.IndexByte([]byte(`"\/bfnrt`), c)
	if i < 0 {
		s.Fail("unknown escape")
		return 0
	}
	s.pos += 2
	return rune("\"\\/\b\f\n\r\t"[i])
}

// unicodeEscape reads \uXXXX, or a surrogate pair of two.
func (s *Scanner) unicodeEscape() rune {
	r := s.hex4()
	if !utf16.IsSurrogate(r) {
		return r
	}
	if r = utf16.DecodeRune(r, s.hex4()); r == utf8.RuneError {
		s.Fail("lone surrogate")
	}
	return r
}

func (s *Scanner) hex4() rune {
	if s.pos+6 > len(s.data) || s.data[s.pos] != '\\' || s.data[s.pos+1] != 'u' {
		s.Fail("lone surrogate or broken escape")
		return 0
	}
	n, err := strconv.ParseUint(string(s.data[s.pos+2:s.pos+6]), 16, 16)
	if err != nil {
		s.Fail("broken escape")
	}
	s.pos += 6
	return rune(n)
}

// number reads a number of bounded length that a float64 can hold.
func (s *Scanner) number() {
	start := s.pos
	s.one("-")
	if whole := s.digits(); whole > 1 && s.data[s.pos-whole] == '0' {
		s.Fail("number with a leading zero")
	}
	if s.one(".") {
		s.digits()
	}
	if s.one("eE") {
		s.one("+-")
		s.digits()
	}
	if text := s.data[start:s.pos]; len(text) > maxNumber {
		s.Fail("number is too long")
	} else if _, err := strconv.ParseFloat(string(text), 64); err != nil {
		s.Fail("number is out of range")
	}
}

// one steps over one byte if it is among those given.
func (s *Scanner) one(among string) bool {
	if s.pos < len(s.data) && bytes.IndexByte([]byte(among), s.data[s.pos]) >= 0 {
		s.pos++
		return true
	}
	return false
}

// digits steps over one digit or more and returns how many there were.
func (s *Scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		s.Fail("unexpected character")
	}
	return s.pos - start
}

func (s *Scanner) word(w string) {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		s.Fail("unknown word")
		return
	}
	s.pos += len(w)
}

// take steps over the byte c, which must be the next token.
func (s *Scanner) take(c byte) {
	if s.Peek() != c {
		s.Fail("expected " + strconv.QuoteRune(rune(c)))
		return
	}
	s.pos++
}

// Peek steps over white space and returns the byte behind it, which tells the
// kind of the next value; 0 at the end or after a mistake.
func (s *Scanner) Peek() byte {
	if s.err != nil {
		return 0
	}
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *Scanner) deeper() {
	if s.depth++; s.depth > MaxDepth {
		s.Fail("nested too deeply")
	}
}

var (
	strictBase64 = base64.RawURLEncoding.Strict()
	errBase64    = errors.New("not base64url without padding")
)

// DecodeBase64 decodes base64url without padding, line breaks or spare bits, so
// that each value has one text. The standard library's decoder passes over line
// breaks, so they are looked for first.
func DecodeBase64(text []byte) ([]byte, error) {
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return nil, errBase64
	}
	out := make([]byte, strictBase64.DecodedLen(len(text)))
	if _, err := strictBase64.Decode(out, text); err != nil {
		return nil, errBase64
	}
	return out, nil
}

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
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of the reader, far above what a client has reason to send.
const (
	MaxDepth   = 16 // objects and arrays inside each other
	MaxMembers = 64 // of one object
	maxNumber  = 32 // bytes of a number's text
)

// Scanner reads one JSON value (RFC 8259).
type Scanner struct {
	data  []byte
	pos   int
	depth int
	err   error
}

// New returns a scanner before the one value in data. What the scanner returns
// shares memory with data.
func New(data []byte) *Scanner {
	s := &Scanner{data: data}
	if !utf8.Valid(data) {
		s.fail("invalid UTF-8")
	}
	return s
}

// Err is the first mistake so far, with its place in bytes.
func (s *Scanner) Err() error { return s.err }

// End demands that the value was read and that only white space follows it.
func (s *Scanner) End() error {
	if s.next(); s.err == nil && s.pos < len(s.data) {
		s.fail("data after the value")
	}
	return s.err
}

// Members walks the members of one object.
type Members struct {
	Name  []byte // of the member whose value comes next, escapes resolved
	s     *Scanner
	count int
	seen  [MaxMembers][]byte
}

// Object steps into an object. The caller calls Next until it is false, and
// after each true reads the value with one method of the scanner.
func (s *Scanner) Object() Members {
	s.take('{')
	s.deeper()
	return Members{s: s}
}

// Next steps to the next member's value, or out of the object.
func (m *Members) Next() bool {
	s := m.s
	if s.next() == '}' {
		s.pos++
		s.depth--
		return false
	}
	if m.count > 0 {
		s.take(',')
	}
	name := s.Text()
	s.take(':')
	if m.count == MaxMembers {
		s.fail("too many members")
	}
	if s.err != nil {
		return false
	}
	for _, before := range m.seen[:m.count] {
		if bytes.Equal(before, name) {
			s.fail("duplicate member")
			return false
		}
	}
	m.Name, m.seen[m.count] = name, name
	m.count++
	return true
}

// Raw reads a value of any kind and returns its text as it stands.
func (s *Scanner) Raw() []byte {
	first := s.next()
	start := s.pos
	switch first {
	case '{':
		for m := s.Object(); m.Next(); {
			s.Raw()
		}
	case '[':
		s.array()
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
	if s.next() != '{' {
		s.fail("expected an object")
	}
	return s.Raw()
}

// Text reads a string and resolves its escapes; null is a mistake.
func (s *Scanner) Text() []byte {
	s.take('"')
	start := s.pos
	for s.err == nil && s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return s.data[start : s.pos-1]
		case c == '\\':
			return s.escapedText(bytes.Clone(s.data[start:s.pos]))
		case c < ' ':
			s.fail("control character in a string")
		default:
			s.pos++
		}
	}
	s.fail("string does not end")
	return nil
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
			s.fail("control character in a string")
		default:
			out = append(out, c)
			s.pos++
		}
	}
	s.fail("string does not end")
	return nil
}

func (s *Scanner) escape() rune {
	if s.pos+1 >= len(s.data) {
		s.fail("string does not end")
		return 0
	}
	c := s.data[s.pos+1]
	if c == 'u' {
		return s.unicodeEscape()
	}
	i := bytes.IndexByte([]byte(`"\/bfnrt`), c)
	if i < 0 {
		s.fail("unknown escape")
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
		s.fail("lone surrogate")
	}
	return r
}

func (s *Scanner) hex4() rune {
	if s.pos+6 > len(s.data) || s.data[s.pos] != '\\' || s.data[s.pos+1] != 'u' {
		s.fail("lone surrogate or broken escape")
		return 0
	}
	n, err := strconv.ParseUint(string(s.data[s.pos+2:s.pos+6]), 16, 16)
	if err != nil {
		s.fail("broken escape")
	}
	s.pos += 6
	return rune(n)
}

func (s *Scanner) array() {
	s.take('[')
	s.deeper()
	for first := true; s.err == nil; first = false {
		if first && s.next() == ']' {
			break
		}
		if s.Raw(); s.next() == ']' {
			break
		}
		s.take(',')
	}
	s.take(']')
	s.depth--
}

// number reads a number of bounded length that a float64 can hold.
func (s *Scanner) number() {
	start := s.pos
	s.one("-")
	if whole := s.digits(); whole > 1 && s.data[s.pos-whole] == '0' {
		s.fail("number with a leading zero")
	}
	if s.one(".") {
		s.digits()
	}
	if s.one("eE") {
		s.one("+-")
		s.digits()
	}
	if text := s.data[start:s.pos]; len(text) > maxNumber {
		s.fail("number is too long")
	} else if _, err := strconv.ParseFloat(string(text), 64); err != nil {
		s.fail("number is out of range")
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
		s.fail("unexpected character")
	}
	return s.pos - start
}

func (s *Scanner) word(w string) {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		s.fail("unknown word")
		return
	}
	s.pos += len(w)
}

// take steps over the byte c, which must be the next token.
func (s *Scanner) take(c byte) {
	if s.next() != c {
		s.fail("expected " + strconv.QuoteRune(rune(c)))
		return
	}
	s.pos++
}

// next steps over white space and returns the byte behind it; 0 at the end or
// after a mistake.
func (s *Scanner) next() byte {
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
		s.fail("nested too deeply")
	}
}

func (s *Scanner) fail(reason string) {
	if s.err == nil {
		s.err = fmt.Errorf("JSON at byte %d: %s", s.pos, reason)
	}
}

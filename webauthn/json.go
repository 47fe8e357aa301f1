package webauthn

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of the JSON reader. They are far above what any client sends.
const (
	maxJSONDepth   = 16
	maxJSONMembers = 32
	maxJSONNumber  = 32 // bytes of a number's text
)

// A scanner reads one JSON value strictly and without building a tree: exact
// names, no duplicates, valid UTF-8, no lone surrogates, nothing after the
// value. The first mistake stays in err, and every method is a no-op from then
// on, so that callers check once, at the end.
type scanner struct {
	data  []byte
	pos   int
	depth int
	err   error
}

func newScanner(data []byte) *scanner {
	s := &scanner{data: data}
	if !utf8.Valid(data) {
		s.fail("invalid UTF-8")
	}
	return s
}

func (s *scanner) fail(reason string) {
	if s.err == nil {
		s.err = fmt.Errorf("JSON at byte %d: %s", s.pos, reason)
	}
}

// end demands that nothing but white space is left.
func (s *scanner) end() error {
	if s.peek(); s.err == nil && s.pos < len(s.data) {
		s.fail("data after the value")
	}
	return s.err
}

// peek returns the first byte of the next token and stays before it; 0 at the end.
func (s *scanner) peek() byte {
	if s.err != nil {
		return 0
	}
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// take steps over the byte c, which must be the next token.
func (s *scanner) take(c byte) {
	if s.peek() != c {
		s.fail("expected " + strconv.QuoteRune(rune(c)))
		return
	}
	s.pos++
}

// null steps over a null and tells whether there was one.
func (s *scanner) null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.literal("null")
	return true
}

func (s *scanner) literal(word string) {
	if s.peek(); !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		s.fail("unknown word")
		return
	}
	s.pos += len(word)
}

// members walks the members of one object:
//
//	m := s.object()
//	for m.next() {
//		switch string(m.name) { … each case reads or skips the value … }
//	}
type members struct {
	s          *scanner
	name       []byte
	again      bool // the name was there before; only where allowAgain is set
	allowAgain bool
	count      int
	seen       [maxJSONMembers][]byte
}

func (s *scanner) object() members {
	s.take('{')
	s.deeper()
	return members{s: s}
}

func (m *members) next() bool {
	s := m.s
	if s.peek() == '}' {
		s.pos++
		s.depth--
		return false
	}
	if m.count > 0 {
		s.take(',')
	}
	name := s.text()
	s.take(':')
	if s.err != nil {
		return false
	}
	if m.count == maxJSONMembers {
		s.fail("too many members")
		return false
	}
	m.again = false
	for _, n := range m.seen[:m.count] {
		if bytes.Equal(n, name) {
			m.again = true
		}
	}
	if m.again && !m.allowAgain {
		s.fail("duplicate member")
		return false
	}
	m.name, m.seen[m.count] = name, name
	m.count++
	return true
}

// array calls item before each element, which item must read.
func (s *scanner) array(item func()) {
	s.take('[')
	s.deeper()
	for first := true; s.err == nil; first = false {
		if s.peek() == ']' && first {
			break
		}
		if item(); s.peek() == ']' {
			break
		}
		s.take(',')
	}
	s.take(']')
	s.depth--
}

func (s *scanner) deeper() {
	if s.depth++; s.depth > maxJSONDepth {
		s.fail("nested too deeply")
	}
}

// skip steps over one value of any kind and returns its text.
func (s *scanner) skip() []byte {
	first := s.peek()
	start := s.pos
	switch first {
	case '{':
		m := s.object()
		for m.next() {
			s.skip()
		}
	case '[':
		s.array(func() { s.skip() })
	case '"':
		s.text()
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.number()
	}
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}

// number steps over a number that a float64 can hold.
func (s *scanner) number() {
	start := s.pos
	if s.pos < len(s.data) && s.data[s.pos] == '-' {
		s.pos++
	}
	if whole := s.digits(); whole > 1 && s.data[s.pos-whole] == '0' {
		s.fail("number with a leading zero")
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		s.digits()
	}
	if s.pos < len(s.data) && (s.data[s.pos] == 'e' || s.data[s.pos] == 'E') {
		if s.pos++; s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		s.digits()
	}
	text := s.data[start:s.pos]
	if len(text) > maxJSONNumber {
		s.fail("number is too long")
	} else if _, err := strconv.ParseFloat(string(text), 64); err != nil {
		s.fail("number is out of range")
	}
}

// digits steps over one digit or more and returns how many there were.
func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	if s.pos == start {
		s.fail("unexpected character")
	}
	return s.pos - start
}

// text reads a string. The result shares memory with the input unless the
// string holds escapes.
func (s *scanner) text() []byte {
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
func (s *scanner) escapedText(out []byte) []byte {
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

func (s *scanner) escape() rune {
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

// unicodeEscape reads \uXXXX, or a surrogate pair of two; a lone one is refused.
func (s *scanner) unicodeEscape() rune {
	r := s.hex4()
	if !utf16.IsSurrogate(r) {
		return r
	}
	if r = utf16.DecodeRune(r, s.hex4()); r == utf8.RuneError {
		s.fail("lone surrogate")
	}
	return r
}

func (s *scanner) hex4() rune {
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

// base64 reads a string of base64url without padding, line breaks or spare bits.
func (s *scanner) base64() []byte {
	text := s.text()
	if s.err != nil {
		return nil
	}
	b, err := decode64(text)
	if err != nil {
		s.fail(err.Error())
	}
	return b
}

var strictBase64 = base64.RawURLEncoding.Strict()

var errBase64 = errors.New("not base64url without padding")

// decode64 decodes strict base64url. The standard library's decoder passes over
// line breaks, so they are looked for first.
func decode64(text []byte) ([]byte, error) {
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return nil, errBase64
	}
	out := make([]byte, strictBase64.DecodedLen(len(text)))
	if _, err := strictBase64.Decode(out, text); err != nil {
		return nil, errBase64
	}
	return out, nil
}

package webauthn

import (
	"strings"
	"testing"
)

func TestTheScannerReadsStrictly(t *testing.T) {
	t.Parallel()
	good := []string{
		`{}`, `[]`, `""`, `null`, `true`, `false`, `0`, `-0`, `-0.5E-7`, `12.25e+3`, " [ 1 , {\"a\" : 2 } ]\r\n",
		`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"`, strings.Repeat("[", 16) + strings.Repeat("]", 16), "1" + strings.Repeat("0", 31),
	}
	for _, text := range good {
		s := newScanner([]byte(text))
		s.skip()
		if err := s.end(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	bad := []string{
		``, ` `, `{`, `[`, `"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{1:1}`, `{"a" 1}`, `{"a":1 "b":2}`,
		`{"a":1,"a":1}`, `{"a":1,"\u0061":1}`, `{,}`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `nul`, `nulls`, `True`, `tru`, `fals`,
		`01`, `-`, `+1`, `.5`, `1.`, `1e`, `1e+`, `0x1`, `1e400`, `Infinity`, `NaN`, "1" + strings.Repeat("0", 32),
		`"\x"`, `"\u12"`, `"\u12g4"`, `"\ud800"`, `"\ud800x"`, `"\ud800\n"`, `"\ud800\u0041"`, `"\udc00"`, `"\ud83d\ud83d"`, `"\`, `"\u`, `"\n`, `"a\n`,
		"\"\n\"", "\"\\n\n\"", "\"\x00\"", "\"\xff\"", `'a'`, `1 2`, `{} {}`, `[]]`, "\ufeff{}", `/**/1`,
		strings.Repeat("[", 17) + strings.Repeat("]", 17),
	}
	for _, text := range bad {
		s := newScanner([]byte(text))
		s.skip()
		if err := s.end(); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestTheScannerUnescapes(t *testing.T) {
	t.Parallel()
	s := newScanner([]byte(`"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"`))
	if got, want := string(s.text()), "a\"\\/\b\f\n\r\té😀é"; got != want || s.end() != nil {
		t.Errorf("text = %q, want %q (%v)", got, want, s.err)
	}
}

func TestTheScannerDoesNothingAfterAMistake(t *testing.T) {
	t.Parallel()
	s := newScanner([]byte(`x{"a":[1],"b":"c"}`))
	m := s.object()
	for m.next() {
		t.Errorf("member %q after a mistake", m.name)
	}
	s.array(func() { s.skip() })
	first := s.err
	if s.null() || s.text() != nil || s.base64() != nil || s.skip() != nil || s.end() != first {
		t.Errorf("something is read after a mistake, or the first mistake is lost: %v", s.err)
	}
}

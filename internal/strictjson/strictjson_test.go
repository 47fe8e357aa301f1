package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// read returns the members of one object: strings decoded, all else as it stands.
func read(data string) (map[string]string, error) {
	out := map[string]string{}
	s := New([]byte(data))
	for m := s.Object(); m.Next(); {
		if s.Peek() == '"' {
			out[string(m.Name)] = string(s.Text())
		} else {
			out[string(m.Name)] = string(s.Raw())
		}
	}
	return out, s.End()
}

func TestReadingTakesNoMemory(t *testing.T) { // AllocsPerRun is not for parallel tests
	data := []byte(`{"name":"Ann","list":[1,{"deep":true}],"text":"as it stands"}`)
	read := testing.AllocsPerRun(100, func() {
		s := New(data)
		for m := s.Object(); m.Next(); {
			s.Raw()
		}
		if err := s.End(); err != nil {
			t.Error(err)
		}
	})
	if read != 0 {
		t.Errorf("%v allocations, want none: the scanner is on the heap, or something in it", read)
	}
}

func TestObjectsAreRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data, member, want string
	}{
		"a string":                     {`{"a":"b"}`, "a", "b"},
		"white space everywhere":       {" \t\r\n{ \"a\" : \"b\" , \"c\" : 1 } ", "a", "b"},
		"every short escape":           {`{"a":"\"\\\/\b\f\n\r\t"}`, "a", "\"\\/\b\f\n\r\t"},
		"an escaped name":              {`{"\u0061":"b"}`, "a", "b"},
		"a surrogate pair":             {`{"a":"\ud83d\ude00"}`, "a", "😀"},
		"raw text beyond ASCII":        {`{"a":"마패 x\u0020y"}`, "a", "마패 x y"},
		"a nested object as it stands": {`{"a": { "b" : [1, true,null] } }`, "a", `{ "b" : [1, true,null] }`},
		"an empty array":               {`{"a":[]}`, "a", `[]`},
		"numbers":                      {`{"a":[-0,0.5,1e3,-1.5E-7]}`, "a", `[-0,0.5,1e3,-1.5E-7]`},
		"names that differ in case":    {`{"A":"x","a":"y"}`, "a", "y"},
		"depth at the bound":           {`{"a":` + strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1) + `}`, "a", strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1)},
		"a real U+FFFD written out":    {"{\"a\":\"\uFFFD\"}", "a", "\uFFFD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := read(c.data)
			if err != nil {
				t.Fatal(err)
			}
			if got[c.member] != c.want {
				t.Errorf("%s is %q, want %q", c.member, got[c.member], c.want)
			}
		})
	}
}

func TestMistakesAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	many := "{"
	for i := range MaxMembers + 1 {
		many += `"` + strings.Repeat("m", i+1) + `":0,`
	}
	for name, c := range map[string]struct{ data, reason string }{
		"nothing":                        {``, "expected '{'"},
		"null":                           {`null`, "expected '{'"},
		"an array":                       {`[]`, "expected '{'"},
		"markup":                         {`<xml/>`, "expected '{'"},
		"a second value":                 {`{"a":1}{}`, "data after the value"},
		"garbage behind":                 {`{"a":1}x`, "data after the value"},
		"a duplicate":                    {`{"a":1,"a":1}`, "duplicate member"},
		"a duplicate by escape":          {`{"a":1,"\u0061":1}`, "duplicate member"},
		"a duplicate deep inside":        {`{"x":[{"a":1,"a":1}]}`, "duplicate member"},
		"invalid UTF-8":                  {"{\"a\":\"\xff\"}", "invalid UTF-8"},
		"invalid UTF-8 in a name":        {"{\"\xc0\x80\":1}", "invalid UTF-8"},
		"a lone high surrogate":          {`{"a":"\ud800"}`, "lone surrogate"},
		"a lone low surrogate":           {`{"a":"\udc00x"}`, "lone surrogate"},
		"two high surrogates":            {`{"a":"\ud800\ud800"}`, "lone surrogate"},
		"a broken escape":                {`{"a":"\u00g0"}`, "broken escape"},
		"a short escape at the end":      {`{"a":"\u12`, "broken escape"},
		"an unknown escape":              {`{"a":"\x41"}`, "unknown escape"},
		"an escaped line break":          {"{\"a\":\"\\\n\"}", "unknown escape"},
		"a control character":            {"{\"a\":\"\n\"}", "control character"},
		"a control character past one":   {"{\"a\":\"\\n\x00\"}", "control character"},
		"a string without end":           {`{"a":"b`, "string does not end"},
		"a string without end, escaped":  {`{"a":"\n`, "string does not end"},
		"a backslash at the end":         {`{"a":"\`, "string does not end"},
		"no end of the object":           {`{"a":1`, "expected ','"},
		"a comma before the end":         {`{"a":1,}`, "expected '\"'"},
		"a comma before the array's end": {`{"a":[1,]}`, "unexpected character"},
		"no colon":                       {`{"a" 1}`, "expected ':'"},
		"no value":                       {`{"a":}`, "unexpected character"},
		"a single-quoted name":           {`{'a':1}`, "expected '\"'"},
		"a comment":                      {`{"a":1/**/}`, "expected ','"},
		"an unknown word":                {`{"a":nul}`, "unknown word"},
		"NaN":                            {`{"a":NaN}`, "unexpected character"},
		"a number out of range":          {`{"a":1e400}`, "number is out of range"},
		"a number of 10,000 digits":      {`{"a":` + strings.Repeat("9", 10000) + `}`, "number is too long"},
		"a leading zero":                 {`{"a":01}`, "leading zero"},
		"a leading plus":                 {`{"a":+1}`, "unexpected character"},
		"a number that ends in a point":  {`{"a":1.}`, "unexpected character"},
		"arrays too deep":                {`{"a":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + `}`, "nested too deeply"},
		"objects too deep":               {strings.Repeat(`{"a":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1), "nested too deeply"},
		"too many members":               {strings.TrimSuffix(many, ",") + "}", "too many members"},
		"a BOM":                          {"\uFEFF{}", "expected '{'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := read(c.data); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("error is %v, want one with %q", err, c.reason)
			}
		})
	}
}

func TestValuesOfEveryKindAreReadStrictly(t *testing.T) {
	t.Parallel()
	good := []string{
		`{}`, `[]`, `""`, `null`, `true`, `false`, `0`, `-0`, `-0.5E-7`, `12.25e+3`, " [ 1 , {\"a\" : 2 } ]\r\n",
		`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"`, strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), "1" + strings.Repeat("0", 31),
	}
	for _, text := range good {
		s := New([]byte(text))
		s.Raw()
		if err := s.End(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	bad := []string{
		``, ` `, `{`, `[`, `"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{1:1}`, `{"a" 1}`, `{"a":1 "b":2}`,
		`{"a":1,"a":1}`, `{"a":1,"\u0061":1}`, `{,}`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `nul`, `nulls`, `True`, `tru`, `fals`,
		`01`, `-`, `+1`, `.5`, `1.`, `1e`, `1e+`, `0x1`, `1e400`, `Infinity`, `NaN`, "1" + strings.Repeat("0", 32),
		`"\x"`, `"\u12"`, `"\u12g4"`, `"\ud800"`, `"\ud800x"`, `"\ud800\n"`, `"\ud800\u0041"`, `"\udc00"`, `"\ud83d\ud83d"`, `"\`, `"\u`, `"\n`, `"a\n`,
		"\"\n\"", "\"\\n\n\"", "\"\x00\"", "\"\xff\"", `'a'`, `1 2`, `{} {}`, `[]]`, "\ufeff{}", `/**/1`,
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
	}
	for _, text := range bad {
		s := New([]byte(text))
		s.Raw()
		if err := s.End(); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestKindsAreDemanded(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`null`, `1`, `{}`, `["a"]`, `true`} {
		s := New([]byte(data))
		if s.Text(); s.Err() == nil {
			t.Errorf("%s was read as a string", data)
		}
	}
	for _, data := range []string{`null`, `1`, `"{}"`, `[]`, `true`} {
		s := New([]byte(data))
		if s.RawObject(); s.Err() == nil {
			t.Errorf("%s was read as an object", data)
		}
	}
}

func TestDuplicatesAreToldWhereTheyAreAllowed(t *testing.T) {
	t.Parallel()
	s := New([]byte(`{"a":{"a":1},"b":2,"a":3,"c":[{"a":4}]}`))
	m := s.Object()
	m.AllowAgain = true
	var again []string
	for m.Next() {
		if s.Raw(); m.Again {
			again = append(again, string(m.Name))
		}
	}
	if err := s.End(); err != nil || len(again) != 1 || again[0] != "a" {
		t.Errorf("again are %v, %v", again, err)
	}
	// What is inside them is read as strictly as ever.
	s = New([]byte(`{"a":{"a":1,"a":2}}`))
	m = s.Object()
	m.AllowAgain = true
	for m.Next() {
		s.Raw()
	}
	if s.End() == nil {
		t.Error("a duplicate inside was read")
	}
}

func TestArraysNullsAndBase64AreRead(t *testing.T) {
	t.Parallel()
	s := New([]byte(` [ "AQID" , null , "" ] `))
	var got [][]byte
	s.Array(func() {
		if s.Null() {
			got = append(got, []byte("null"))
		} else {
			got = append(got, s.Base64())
		}
	})
	if err := s.End(); err != nil || len(got) != 3 || string(got[0]) != "\x01\x02\x03" || string(got[1]) != "null" || len(got[2]) != 0 {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestBase64HasOneTextForEachValue(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"AA==", "AB", "A", "A+/A", "AA\n", "A\rA", " AA", "AA\x00", "ÄA"} {
		if b, err := DecodeBase64([]byte(text)); err == nil {
			t.Errorf("%q was decoded as %x", text, b)
		}
	}
	for text, want := range map[string]string{"": "", "AA": "\x00", "-_8": "\xfb\xff"} {
		if b, err := DecodeBase64([]byte(text)); err != nil || string(b) != want {
			t.Errorf("%q was decoded as %x, %v", text, b, err)
		}
	}
	s := New([]byte(`"AA=="`))
	if s.Base64(); s.End() == nil || !strings.Contains(s.Err().Error(), "base64url") {
		t.Errorf("error is %v", s.Err())
	}
}

func TestNothingIsReadAfterAMistake(t *testing.T) {
	t.Parallel()
	s := New([]byte(`x{"a":[1],"b":"c"}`))
	for m := s.Object(); m.Next(); {
		t.Errorf("member %q after a mistake", m.Name)
	}
	s.Array(func() { t.Error("an element after a mistake") })
	first := s.Err()
	if s.Fail("later"); s.Null() || s.Text() != nil || s.Base64() != nil || s.Raw() != nil || s.End() != first {
		t.Errorf("something is read after a mistake, or the first mistake is lost: %v", s.Err())
	}
}

// FuzzRead holds the reader against encoding/json: what we accept, it accepts
// with the same meaning.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":"b","c":{"d":[1,2.5e3,null]}}`, `{"\u0061":"\ud83d\ude00"}`, `{"a":1,"a":2}`, `[{"a":`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := read(string(data))
		if err != nil {
			return
		}
		want := map[string]json.RawMessage{}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("encoding/json refuses what was accepted: %v", err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d members, encoding/json has %d", len(got), len(want))
		}
		for name, raw := range want {
			text := string(raw)
			if len(raw) > 0 && raw[0] == '"' {
				if err := json.Unmarshal(raw, &text); err != nil {
					t.Fatal(err)
				}
			}
			if got[name] != text || !utf8.ValidString(got[name]) {
				t.Fatalf("member %q is %q, want %q", name, got[name], text)
			}
		}
	})
}

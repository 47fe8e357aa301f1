package cbor

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func raw(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// value reads the encoded item as the value of a map's only key.
func value(t *testing.T, digits string) Item {
	t.Helper()
	m, err := Whole(append([]byte{0xa1, 0x00}, raw(t, digits)...))
	if err != nil {
		t.Fatalf("%s: %v", digits, err)
	}
	return m.Label(0)
}

func TestIntegersAreRead(t *testing.T) {
	t.Parallel()
	for digits, want := range map[string]int64{
		"00": 0, "17": 23, "18 18": 24, "18 ff": 255, "19 0100": 256, "19 ffff": 65535, "1a 00010000": 65536,
		"1b 0000000100000000": 1 << 32, "1b 7fffffffffffffff": 1<<63 - 1,
		"20": -1, "37": -24, "38 18": -25, "39 0100": -257, "3b 7fffffffffffffff": -1 << 63,
	} {
		if got, ok := value(t, digits).Int(); !ok || got != want {
			t.Errorf("%s is %d, %v; want %d", digits, got, ok, want)
		}
	}
}

func TestStringsMapsAndArraysAreRead(t *testing.T) {
	t.Parallel()
	if b, ok := value(t, "43 010203").Bytes(); !ok || !bytes.Equal(b, []byte{1, 2, 3}) {
		t.Errorf("byte string: %x, %v", b, ok)
	}
	if s, ok := value(t, "63 e284a2").Text(); !ok || s != "™" {
		t.Errorf("text: %q, %v", s, ok)
	}
	if v, ok := value(t, "f5").Bool(); !ok || !v {
		t.Errorf("true: %v, %v", v, ok)
	}
	if v, ok := value(t, "f4").Bool(); !ok || v {
		t.Errorf("false: %v, %v", v, ok)
	}
	items, ok := value(t, "83 01 8102 a10304").Array()
	if !ok || len(items) != 3 || !bytes.Equal(items[1], []byte{0x81, 2}) {
		t.Fatalf("array: %x, %v", items, ok)
	}
	m, ok := items[2].Map()
	if !ok || len(m) != 1 || !bytes.Equal(m.Label(3), []byte{4}) {
		t.Errorf("map: %v, %v", m, ok)
	}
	if empty, ok := value(t, "80").Array(); !ok || len(empty) != 0 {
		t.Errorf("empty array: %v, %v", empty, ok)
	}
}

func TestMembersAreFoundByTheirKey(t *testing.T) {
	t.Parallel()
	m, rest, err := ReadMap(raw(t, "a4 6161 01 01 02 20 03 6162 f6 ff"))
	if err != nil || !bytes.Equal(rest, []byte{0xff}) {
		t.Fatalf("rest %x, %v", rest, err)
	}
	if !bytes.Equal(m.Text("a"), []byte{1}) || !bytes.Equal(m.Label(1), []byte{2}) || !bytes.Equal(m.Label(-1), []byte{3}) {
		t.Errorf("members are %x", m)
	}
	if m.Text("c") != nil || m.Label(7) != nil || m.Text("") != nil {
		t.Error("a member that is not there was found")
	}
}

func TestItemsOfAnotherTypeAreNotTakenForOneAnother(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(Item) bool{
		"int":   func(i Item) bool { _, ok := i.Int(); return ok },
		"bytes": func(i Item) bool { _, ok := i.Bytes(); return ok },
		"text":  func(i Item) bool { _, ok := i.Text(); return ok },
		"bool":  func(i Item) bool { _, ok := i.Bool(); return ok },
		"map":   func(i Item) bool { _, ok := i.Map(); return ok },
		"array": func(i Item) bool { _, ok := i.Array(); return ok },
	}
	items := map[string][]string{
		"int": {"00", "20", "1903e8"}, "bytes": {"40", "4100"}, "text": {"60", "6161"}, "bool": {"f4", "f5"},
		"map": {"a0", "a10000"}, "array": {"80", "8100"}, "null": {"f6"},
	}
	for kind, encoded := range items {
		for _, digits := range encoded {
			item := value(t, digits)
			for name, is := range kinds {
				if is(item) != (name == kind) {
					t.Errorf("%s taken for %s: %v", digits, name, is(item))
				}
			}
		}
	}
	for name, is := range kinds {
		if is(nil) {
			t.Errorf("an item that is not there is taken for %s", name)
		}
	}
	// Items that were not read from a map are no more than bytes.
	for _, digits := range []string{"1bffffffffffffffff", "1b8000000000000000", "82 01", "81 01 02", "8141", "9f01ff", "42 01", "41 0102", "9900ff", "a1 00"} {
		for name, is := range kinds {
			if is(Item(raw(t, digits))) {
				t.Errorf("%s, never checked, is taken for %s", digits, name)
			}
		}
	}
}

func TestWhatHasTwoMeaningsIsRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("81", MaxDepth-1) + "00"
	maps := strings.Repeat("a100", MaxDepth) + "00"
	many := "a1 00 98 41" + strings.Repeat("00", MaxItems+1)
	wide := "b8 41"
	for i := range MaxItems + 1 {
		wide += hex.EncodeToString(appendInt(nil, int64(i))) + "00"
	}
	for name, c := range map[string]struct {
		digits string
		want   error
	}{
		"nothing":                         {"", ErrShort},
		"a map without its pair":          {"a1", ErrShort},
		"a key without its value":         {"a1 00", ErrShort},
		"a head without its number":       {"a1 00 19 01", ErrShort},
		"a string longer than the input":  {"a1 00 42 01", ErrShort},
		"a length beyond the address":     {"a1 00 5b ffffffffffffffff", ErrShort},
		"an array that ends early":        {"a1 00 82 00", ErrShort},
		"an indefinite map":               {"bf ff", ErrLength},
		"an indefinite string":            {"a1 00 5f 41 00 ff", ErrLength},
		"an indefinite array":             {"a1 00 9f ff", ErrLength},
		"a reserved head":                 {"a1 00 1c", ErrLength},
		"a number one byte too wide":      {"a1 00 18 17", ErrMinimal},
		"a number two bytes too wide":     {"a1 00 19 00ff", ErrMinimal},
		"a number four bytes too wide":    {"a1 00 1a 0000ffff", ErrMinimal},
		"a number eight bytes too wide":   {"a1 00 1b 00000000ffffffff", ErrMinimal},
		"a length too wide":               {"a1 00 58 01 00", ErrMinimal},
		"an integer beyond 63 bits":       {"a1 00 1b 8000000000000000", ErrRange},
		"a negative one beyond 64 bits":   {"a1 00 3b 8000000000000000", ErrRange},
		"a tag":                           {"a1 00 c0 00", ErrKind},
		"a half float":                    {"a1 00 f9 0000", ErrKind},
		"a double":                        {"a1 00 fb 0000000000000000", ErrKind},
		"undefined":                       {"a1 00 f7", ErrKind},
		"an unknown simple value":         {"a1 00 e0", ErrKind},
		"a wide simple value":             {"a1 00 f8 ff", ErrKind},
		"text that is not UTF-8":          {"a1 00 61 ff", ErrUTF8},
		"arrays too deep":                 {"a1 00 81" + deep, ErrDeep},
		"maps too deep":                   {"a1 00" + maps, ErrDeep},
		"an array of 65":                  {many, ErrMany},
		"a map of 65":                     {wide, ErrMany},
		"a map of 2^64 - 1 pairs":         {"bb ffffffffffffffff", ErrMany},
		"a key that is a byte string":     {"a1 41 00 00", ErrKey},
		"a key that is a map":             {"a1 a0 00", ErrKey},
		"a key that is null":              {"a1 f6 00", ErrKey},
		"the same integer key twice":      {"a2 01 00 01 00", ErrDuplicate},
		"the same text key twice":         {"a2 6161 00 6161 01", ErrDuplicate},
		"the same key twice, nested":      {"a1 00 81 a2 01 00 01 00", ErrDuplicate},
		"an array where a map should be":  {"80", ErrNotMap},
		"an integer where a map should":   {"00", ErrNotMap},
		"a byte behind the map":           {"a0 00", ErrTrailing},
		"a second map behind the map":     {"a0 a0", ErrTrailing},
		"a fault in a map inside the map": {"a1 00 a1 00 f7", ErrKind},
		"a fault in a key":                {"a1 61 ff 00", ErrUTF8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Whole(raw(t, c.digits)); !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
		})
	}
}

func TestTheBoundsThemselvesAreFine(t *testing.T) {
	t.Parallel()
	wide := "b8 40"
	for i := range MaxItems {
		wide += hex.EncodeToString(appendInt(nil, int64(i))) + "00"
	}
	for _, digits := range []string{
		"a1 00" + strings.Repeat("81", MaxDepth-1) + "00",
		strings.Repeat("a100", MaxDepth-1) + "a0",
		"a1 00 98 40" + strings.Repeat("00", MaxItems),
		wide,
		"a2 02 00 01 00", // the order of keys is not demanded
	} {
		if _, err := Whole(raw(t, digits)); err != nil {
			t.Errorf("%.40s…: %v", digits, err)
		}
	}
}

func TestMapsAreWritten(t *testing.T) {
	t.Parallel()
	got := EncodeMap([]any{1, int64(7), 3, -49, -1, bytes.Repeat([]byte{9}, 300), -300, []byte{}, 255, 65535, -70001, int64(1) << 32})
	want := raw(t, "a6 01 07 03 3830 20 59012c"+strings.Repeat("09", 300)+"39012b 40 18ff 19ffff 3a00011170 1b0000000100000000")
	if !bytes.Equal(got, want) {
		t.Errorf("encoded %x, want %x", got, want)
	}
	if _, err := Whole(got); err != nil {
		t.Error(err)
	}
}

// FuzzRead looks for panics, and for an encoding that can be read in two ways.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"\xa0", "\xa2\x01\x02\x61a\x83\x20\x41\x00\xf5", "\xbf\xff", "\xa1\x18\x01\x00", "\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "\xa1\x00\x82\xa0\x80"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, rest, err := ReadMap(data)
		if err != nil {
			return
		}
		// What was read reads the same alone, and no prefix of it does.
		alone := data[:len(data)-len(rest)]
		if again, err := Whole(alone); err != nil || len(again) != len(m) {
			t.Errorf("%x alone: %v", alone, err)
		}
		if _, err := Whole(alone[:len(alone)-1]); err == nil {
			t.Errorf("%x can be cut", alone)
		}
		for _, p := range m {
			number, isInt := p.Key.Int()
			text, isText := p.Key.Text()
			if isInt == isText {
				t.Errorf("key %x is of no type, or of two", p.Key)
			}
			if found := m.Label(number); isInt && !bytes.Equal(found, p.Value) {
				t.Errorf("label %d finds %x", number, found)
			}
			if found := m.Text(text); isText && !bytes.Equal(found, p.Value) {
				t.Errorf("text %q finds %x", text, found)
			}
		}
	})
}

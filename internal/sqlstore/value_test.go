package sqlstore

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

func TestUsesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	at := time.UnixMicro(1_900_000_000_123_456).UTC()
	for name, uses := range map[string][]mapae.Use{
		"none":                nil,
		"a passkey":           {{Method: mapae.MethodPasskey, At: at, Credential: []byte{0, 255, 254, 62, 63}, UserVerified: true}},
		"a method of its own": {{Method: "quotes \" and \\ <&> ✓\u2028", At: at}},
		"several":             {{Method: mapae.MethodPassword, At: at}, {Method: mapae.MethodTOTP}, {}},
		"long ago":            {{At: time.UnixMicro(-1).UTC()}},
	} {
		text, err := usesText(uses)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := usesOf([]byte(text)); err != nil || !reflect.DeepEqual(got, uses) {
			t.Errorf("%s: %s is read as %+v, %v; want %+v", name, text, got, err, uses)
		}
	}
	newer := `[{"method":"passkey","at":7,"device":{"name":["x"]}}]`
	if got, err := usesOf([]byte(newer)); err != nil || len(got) != 1 || got[0].At != moment(7) {
		t.Errorf("what a newer program wrote is read as %+v, %v", got, err)
	}
}

func TestAHashOfAnotherLengthIsRefusedAndAModelIsNot(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		var hash bytes32
		if err := hash.ScanBytes(bytes.Repeat([]byte{7}, n)); (err == nil) != (n == 32) || err == nil && (hash[0] != 7 || hash[31] != 7) {
			t.Errorf("%d bytes as a hash: %x, %v", n, hash, err)
		}
		var model bytes16
		if err := model.ScanBytes(bytes.Repeat([]byte{7}, n)); err != nil || bytes.Count(model[:], []byte{7}) != min(n, 16) {
			t.Errorf("%d bytes as a model: %x, %v", n, model, err)
		}
	}
}

// What a store lends is overwritten as soon as a destination has looked at it.
func TestDestinationsKeepNothingOfWhatTheyAreShown(t *testing.T) {
	t.Parallel()
	var id raw
	var methods uses
	var transports list
	for text, into := range map[string]interface{ ScanBytes([]byte) error }{
		`id`: &id, `[{"method":"own","credential":"aWQ="}]`: &methods, `["usb","nfc"]`: &transports,
	} {
		lent := []byte(text)
		if err := into.ScanBytes(lent); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		copy(lent, bytes.Repeat([]byte("x"), len(lent)))
	}
	if id != "id" || len(methods) != 1 || methods[0].Method != "own" || string(methods[0].Credential) != "id" || !slices.Equal(transports, list{"usb", "nfc"}) {
		t.Errorf("%q, %+v, %q", id, methods, transports)
	}
}

func TestADamagedColumnIsAnErrorThatSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		`x`:                                 "expected '['",
		`[{"method":"passkey"`:              "expected ','",
		`[{"method":"passkey"}] `:           "",
		`[{"method":"passkey"}]]`:           "data after the value",
		`[{"method":1}]`:                    "expected '\"'",
		`[{"at":"7"}]`:                      "no number of microseconds",
		`[{"at":7.5}]`:                      "no number of microseconds",
		`[{"at":9223372036854775808}]`:      "no number of microseconds",
		`[{"credential":"_w"}]`:             "not base64",
		`[{"credential":"/x=="}]`:           "not base64", // spare bits
		`[{"user_verified":1}]`:             "neither true nor false",
		`[{"user_verified":null}]`:          "neither true nor false",
		`[{"at":1,"at":2}]`:                 "duplicate member",
		"[{\"method\":\"\xff\"}]":           "invalid UTF-8",
		strings.Repeat("[", 100):            "expected '{'",
		`[{"x":` + strings.Repeat("[", 100): "nested too deeply",
	} {
		_, err := usesOf([]byte(text))
		if why == "" && err != nil || why != "" && (err == nil || !strings.Contains(err.Error(), why)) {
			t.Errorf("%s: %v, want %q", text, err, why)
		}
	}
	for _, text := range []string{`{}`, `["usb",1]`, `["usb"`, `null`} {
		if got, err := listOf([]byte(text)); err == nil {
			t.Errorf("%s is the list %q", text, got)
		}
	}
}

package extension

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/mapae/mapae/internal/cbor"
)

var update = flag.Bool("update", false, "write the golden files of testdata instead of comparing with them")

func TestInputsMarshalAsTheDictionaries(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]Inputs{
		"registration": {
			CredProps: true, AppIDExclude: "https://example.com/u2f.json", PRF: &PRF{}, LargeBlob: LargeBlob{Support: "preferred"},
			CredProtect: ProtectionRequired, EnforceCredProtect: true, MinPinLength: true,
			Other: map[string]any{"uvm": true},
		},
		"protection-optional":        {CredProtect: ProtectionOptional},
		"protection-id-list":         {CredProtect: ProtectionOptionalWithIDList},
		"enforcing-nothing":          {CredProps: true, EnforceCredProtect: true},
		"registration-prf-evaluated": {PRF: &PRF{First: []byte{0xff, 0xfe}}},
		"authentication": {
			AppID: "https://example.com/u2f.json", LargeBlob: LargeBlob{Read: true},
			PRF: &PRF{First: []byte("one"), Second: []byte("two"), ByCredential: map[string]PRFFor{"\xfb\xff": {First: []byte("three"), Second: []byte{}}}},
		},
		"blob-written": {LargeBlob: LargeBlob{Write: []byte{1, 2, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.MarshalIndent(in.Map(), "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			path := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want, err := os.ReadFile(path); err != nil || string(want) != string(got) {
				t.Errorf("%s (%v), run with -update to rewrite:\n got %s\nwant %s", path, err, got, want)
			}
		})
	}
}

func TestNothingAskedForIsNoMember(t *testing.T) {
	t.Parallel()
	if m := (Inputs{}).Map(); m != nil {
		t.Errorf("inputs are %v", m)
	}
	other := map[string]any{"uvm": true}
	if (Inputs{CredProps: true, Other: other}).Map(); len(other) != 1 {
		t.Errorf("the caller's map was changed: %v", other)
	}
}

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

func TestOutputsAreRead(t *testing.T) {
	t.Parallel()
	signed := func(items ...any) []byte { return textMap(items) }
	for name, c := range map[string]struct {
		client, authenticator string
		want                  Outputs
	}{
		"nothing at all": {"", "", Outputs{}},
		"nothing":        {"{}", "\xa0", Outputs{}},
		"every output of a client": {
			`{"credProps":{"rk":true},"appid":false,"appidExclude":true,"prf":{"enabled":true,"results":{"first":"AQ","second":"Ag"}},"largeBlob":{"supported":true,"written":false,"blob":"Aw"},"uvm":[[2,4,2]]}`, "",
			Outputs{Discoverable: yes(), AppID: no(), AppIDExclude: yes(), PRFEnabled: yes(), PRFFirst: []byte{1}, PRFSecond: []byte{2},
				BlobSupported: yes(), BlobWritten: no(), Blob: []byte{3}, OtherClient: map[string][]byte{"uvm": []byte("[[2,4,2]]")}},
		},
		"outputs of the wrong type": {
			`{"credProps":true,"appid":"yes","appidExclude":1,"prf":[],"largeBlob":null}`, "", Outputs{},
		},
		"members of the wrong type": {
			`{"credProps":{"rk":"true"},"prf":{"enabled":1,"results":{"first":"A","second":5}},"largeBlob":{"supported":"no","written":null,"blob":"AA=="}}`, "", Outputs{},
		},
		"results that are no object": {`{"prf":{"results":"AQ"}}`, "", Outputs{}},
		"no object":                  {"[]", "", Outputs{ClientUnreadable: true}},
		"every output of an authenticator": {
			"", string(signed("credProtect", 3, "minPinLength", 6, "hmac-secret", true)),
			Outputs{CredProtect: ProtectionRequired, MinPinLength: 6, OtherAuthenticator: map[string][]byte{"hmac-secret": {0xf5}}},
		},
		"numbers out of their range": {"", string(signed("credProtect", 4, "minPinLength", 64)), Outputs{}},
		"numbers below their range":  {"", string(signed("credProtect", 0, "minPinLength", -1)), Outputs{}},
		"numbers of the wrong type":  {"", string(signed("credProtect", true, "minPinLength", "6")), Outputs{}},
		"a key that is no text":      {"", "\xa1\x01\x02", Outputs{}},
		"no map":                     {"", "\x80", Outputs{AuthenticatorUnreadable: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var client, authenticator []byte
			if c.client != "" {
				client = []byte(c.client)
			}
			if c.authenticator != "" {
				authenticator = []byte(c.authenticator)
			}
			if got := Read(client, authenticator); !reflect.DeepEqual(got, c.want) {
				t.Errorf("outputs are %+v, want %+v", got, c.want)
			}
		})
	}
}

// textMap encodes a map with text keys and values that are int, true or text.
func textMap(items []any) []byte {
	text := func(s string) []byte { return append([]byte{0x60 | byte(len(s))}, s...) }
	out := []byte{0xa0 | byte(len(items)/2)}
	for _, item := range items {
		switch v := item.(type) {
		case int:
			out = append(out, cbor.EncodeMap([]any{0, v})[2:]...)
		case bool:
			out = append(out, 0xf5)
		case string:
			out = append(out, text(v)...)
		}
	}
	return out
}

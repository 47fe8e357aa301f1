package webauthn_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// A badInput is one input of a row of bad-inputs.tsv, and the check that must
// refuse it; no check where the row says that it is accepted.
type badInput struct {
	row, name string
	check     webauthn.Check
	run       func(t *testing.T) error
}

func badInputs() []badInput {
	var all []badInput
	for _, group := range [][]badInput{
		badJSON(), badBase64(), badRegistrationClientData(), badAssertionClientData(),
		badCBOR(), badAuthData(), badCounters(), badKeys(), badSignatures(),
	} {
		all = append(all, group...)
	}
	return all
}

func TestBadInputs(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, c := range badInputs() {
		rows[c.row] = true
		t.Run(c.row+" "+c.name, func(t *testing.T) {
			t.Parallel()
			wantCheck(t, c.run(t), c.check)
		})
	}
	t.Logf("proven: %d", len(rows))
}

// elsewhere are the rows of the groups that this package takes part in, but
// that others must prove.
var elsewhere = map[string]string{
	"BI-074": "names of passkeys are the domain's",
	"BI-076": "names of passkeys are the domain's",
	"BI-077": "e-mail addresses are the domain's",
	"BI-088": "a path is read by the HTTP face",
	"BI-095": "which ceremony a challenge belongs to is the domain's",
	"BI-211": "TestFlags",
	"BI-212": "TestFlags",
	"BI-275": "TestEveryBitOfAnAssertionCounts",
	"BI-277": "TestEveryBitOfAnAssertionCounts",
	"BI-286": "Wycheproof is run where its module is required",
}

// differing are the rows whose verdict is another here, and why.
var differing = map[string]string{
	"BI-109": "Level 3 ignores tokenBinding", "BI-134": "Level 3 ignores tokenBinding",
	"BI-214": "DESIGN: a change of BE is tolerated and reported by default; the row is the strict setting, which its case uses",
	"BI-254": "leading zeros are refused",
}

var checkOfName = map[string]webauthn.Check{
	"ErrEncoding": webauthn.CheckEncoding, "ErrType": webauthn.CheckType, "ErrChallenge": webauthn.CheckChallenge,
	"ErrOrigin": webauthn.CheckOrigin, "ErrCrossOrigin": webauthn.CheckCrossOrigin, "ErrTopOrigin": webauthn.CheckTopOrigin,
	"ErrRPIDHash": webauthn.CheckRPIDHash, "ErrUP": webauthn.CheckUserPresent, "ErrUV": webauthn.CheckUserVerified,
	"ErrBackupFlags": webauthn.CheckBackupFlags, "ErrAlg": webauthn.CheckAlgorithm, "ErrKey": webauthn.CheckKey,
	"ErrCredentialID": webauthn.CheckCredentialID, "ErrAllowList": webauthn.CheckAllowList, "ErrUserHandle": webauthn.CheckUserHandle,
	"ErrSignature": webauthn.CheckSignature, "ErrCounter": webauthn.CheckCounter, "ErrExtension": webauthn.CheckExtension,
	"-": "",
}

// TestBadInputsCoverTheTable holds the cases against the table itself: no row
// without a case, no case with another reason than its row.
func TestBadInputsCoverTheTable(t *testing.T) {
	t.Parallel()
	cases := map[string][]badInput{}
	for _, c := range badInputs() {
		cases[c.row] = append(cases[c.row], c)
	}
	checked := 0
	for line := range strings.Lines(string(dataFile(t, "bad-inputs.tsv"))) {
		row := strings.Split(line, "\t")
		if len(row) < 8 || !strings.Contains("JBDCAKS", row[1]) || !strings.Contains(row[2], "verifier") {
			continue
		}
		checked++
		id, name := row[0], row[7]
		if len(cases[id]) == 0 && elsewhere[id] == "" {
			t.Errorf("%s %s: no case", id, row[3])
		}
		// Some rows say more than one verdict; there the case says which it is.
		if want, known := checkOfName[name]; known && differing[id] == "" {
			sure := false
			for _, c := range cases[id] {
				sure = sure || c.check == want
			}
			if len(cases[id]) > 0 && !sure {
				t.Errorf("%s %s: no case is refused for %q", id, row[3], want)
			}
		}
	}
	if checked < 150 {
		t.Errorf("%d rows checked; the table has more", checked)
	}
}

// registering returns the error of a registration by an authenticator that
// setup has changed.
func registering(setup func(a *webauthntest.Authenticator), change ...func(w *webauthn.RegistrationWant)) func(*testing.T) error {
	return func(t *testing.T) error {
		a := newKey("bad registration")
		setup(a)
		want := registrationWant()
		for _, f := range change {
			f(&want)
		}
		_, err := finishRegistration(create(t, a, want.Algorithms...), want)
		return err
	}
}

// signingIn returns the error of an assertion by an authenticator that setup
// has changed after it had registered. A counter that did not grow is an error.
func signingIn(setup func(a *webauthntest.Authenticator), change ...func(w *webauthn.AssertionWant)) func(*testing.T) error {
	return signingInWith(webauthn.ES256, setup, change...)
}

func signingInWith(alg webauthn.Algorithm, setup func(a *webauthntest.Authenticator), change ...func(w *webauthn.AssertionWant)) func(*testing.T) error {
	return func(t *testing.T) error {
		a := newKey("bad assertion")
		c := registered(t, a, alg)
		setup(a)
		want := assertionWant()
		for _, f := range change {
			f(&want)
		}
		result, err := finishAssertion(get(t, a), c, want)
		if err == nil && result.CounterRegressed {
			return &webauthn.Error{Step: "7.2.22", Check: webauthn.CheckCounter}
		}
		return err
	}
}

// registrationBody and assertionBody return the error for a body that edit changed.
func registrationBody(edit func(body string) string) func(*testing.T) error {
	return func(t *testing.T) error {
		body := create(t, newKey("bad body"), webauthn.ES256)
		_, err := finishRegistration([]byte(edit(string(body))), registrationWant())
		return err
	}
}

func assertionBody(edit func(body string) string) func(*testing.T) error {
	return func(t *testing.T) error {
		a := newKey("bad body")
		c := registered(t, a, webauthn.ES256)
		_, err := finishAssertion([]byte(edit(string(get(t, a)))), c, assertionWant())
		return err
	}
}

// members returns an edit of a JSON object by its members. The object in the
// member "response" is a map of its own.
func members(change func(m map[string]any)) func(string) string {
	return func(body string) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			panic(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
}

func inResponse(name string, value any) func(string) string {
	return members(func(m map[string]any) { set(m["response"].(map[string]any), name, value) })
}

func atTop(name string, value any) func(string) string {
	return members(func(m map[string]any) { set(m, name, value) })
}

type absent struct{}

func set(m map[string]any, name string, value any) {
	if value == (absent{}) {
		delete(m, name)
		return
	}
	m[name] = value
}

func replace(old, new string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, old) {
			panic("nothing to replace: " + old)
		}
		return strings.Replace(s, old, new, 1)
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decodeText(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

// raw is CBOR that is encoded already.
type raw []byte

// cbor encodes an int, string, []byte or raw.
func cbor(v any) []byte {
	switch v := v.(type) {
	case int:
		if v < 0 {
			return cborHead(1, uint64(-1-v))
		}
		return cborHead(0, uint64(v))
	case string:
		return append(cborHead(3, uint64(len(v))), v...)
	case []byte:
		return append(cborHead(2, uint64(len(v))), v...)
	case raw:
		return v
	}
	panic("no CBOR for this")
}

func cborHead(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
}

// cborMap encodes a map of alternating keys and values.
func cborMap(items ...any) []byte {
	out := cborHead(5, uint64(len(items)/2))
	for _, item := range items {
		out = append(out, cbor(item)...)
	}
	return out
}

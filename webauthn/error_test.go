package webauthn_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mapae/mapae/webauthn"
)

func TestAnErrorSaysStepCheckGotAndWant(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for want, e := range map[string]*webauthn.Error{
		`webauthn: step 7.2.12: origin: got "https://evil.example\n", want https://example.com`: {
			Step: "7.2.12", Check: webauthn.CheckOrigin, Got: "https://evil.example\n", Want: "https://example.com"},
		`webauthn: step 7.1.13: encoding: cause`:          {Step: "7.1.13", Check: webauthn.CheckEncoding, Err: cause},
		`webauthn: step 7.2.21: signature: want x, cause`: {Step: "7.2.21", Check: webauthn.CheckSignature, Want: "x", Err: cause},
		`webauthn: step 7.2.21: signature`:                {Step: "7.2.21", Check: webauthn.CheckSignature},
	} {
		if got := e.Error(); got != want {
			t.Errorf("error = %s\n want %s", got, want)
		}
	}
	if !errors.Is(&webauthn.Error{Err: cause}, cause) {
		t.Error("the cause can't be found")
	}
}

func TestAnErrorNeverCarriesLargeInput(t *testing.T) {
	t.Parallel()
	for _, edit := range []func(string) string{
		clientEdit("origin", "https://"+strings.Repeat("e", 4000)),
		clientEdit("type", strings.Repeat("é", 2000)),
		clientEdit("challenge", strings.Repeat("A", 4000)),
		clientEdit("topOrigin", strings.Repeat("\x00", 1000)),
		atTop("type", strings.Repeat("x", 40_000)),
		members(func(m map[string]any) { m["id"] = strings.Repeat("x", 30_000) }),
	} {
		err := assertionBody(edit)(t)
		var e *webauthn.Error
		if !errors.As(err, &e) {
			t.Fatalf("not refused: %v", err)
		}
		if len(e.Got) > 110 || len(e.Want) > 110 || len(err.Error()) > 1000 {
			t.Errorf("got %d bytes, want %d, message %d", len(e.Got), len(e.Want), len(err.Error()))
		}
	}
}

// clientEdit returns an edit of a body that sets a member of its client data.
func clientEdit(name, value string) func(string) string {
	return members(func(m map[string]any) {
		response := m["response"].(map[string]any)
		var data []byte
		if b, err := decodeText(response["clientDataJSON"].(string)); err == nil {
			data = b
		}
		response["clientDataJSON"] = b64([]byte(atTop(name, value)(string(data))))
	})
}

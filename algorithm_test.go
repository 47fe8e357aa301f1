package mapae_test

import (
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// toy is a further algorithm with one key and one signature.
type toy struct{}

const toyAlgorithm webauthn.Algorithm = -70001

func (toy) Algorithm() webauthn.Algorithm { return toyAlgorithm }
func (toy) JudgeKey([]byte) error         { return nil }
func (toy) Verify(public, _, signature []byte) bool {
	return string(public) == "key" && string(signature) == "signed"
}

// withToy is a passkey method that offers toy.
func withToy() mapae.Passkey {
	return mapae.Passkey{Algorithms: []webauthn.Algorithm{toyAlgorithm, webauthn.ES256}, Verifiers: []webauthn.AlgorithmVerifier{toy{}}}
}

func TestAPasskeyOfAFurtherAlgorithmSignsUpAndIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mapae.Config) { c.Methods = []mapae.Method{withToy()} })
	a := webauthntest.New(origin)
	a.Forge.PublicKey = func([]byte) []byte { return []byte("\xa3\x01\x07\x03\x3a\x00\x01\x11\x70\x20\x43key") }
	a.Forge.Signature = func([]byte) []byte { return []byte("signed") }
	c := browser(1)
	in := w.signUp(c, a, "ann@example.com")
	if again := w.signIn(c, a); again.User.ID != in.User.ID {
		t.Errorf("signed in as %v", again.User)
	}
	step := must(w.BeginSignUp(w.ctx, c, mapae.SignUpRequest{Login: "bob@example.com", Name: "Bob"}))(t)
	if body := string(options(t, step.Options)); !strings.Contains(body, `"pubKeyCredParams":[{"type":"public-key","alg":-70001},{"type":"public-key","alg":-7}]`) {
		t.Errorf("options are %s", body)
	}
	a.Forge.Signature = func([]byte) []byte { return []byte("forged") }
	_, err := w.FinishSignIn(w.ctx, c, w.answer(c, a))
	wantCode(t, err, mapae.CodeAuthenticationFailed)
}

func TestAnAlgorithmWithoutItsVerifierIsNoConfiguration(t *testing.T) {
	t.Parallel()
	p := withToy()
	p.Verifiers = nil
	_, err := mapae.New(mapae.Config{Store: memory.New(), Secrets: []mapae.RootKey{mapae.NewRootKey()},
		RP: mapae.RelyingParty{ID: rpID, Origins: []string{origin}}, Methods: []mapae.Method{p}})
	if err == nil || !strings.Contains(err.Error(), "-70001") {
		t.Errorf("error is %v", err)
	}
}

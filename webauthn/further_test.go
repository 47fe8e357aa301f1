package webauthn_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// toy is an algorithm whose only key is "key" and whose only signature is "signed".
type toy struct{}

const toyAlgorithm webauthn.Algorithm = -70001

func (toy) Algorithm() webauthn.Algorithm { return toyAlgorithm }

func (toy) JudgeKey(public []byte) error {
	if string(public) != "key" {
		return errors.New("not the key")
	}
	return nil
}

func (toy) Verify(public, message, signature []byte) bool {
	return string(public) == "key" && len(message) >= 37+32 && string(signature) == "signed"
}

func toyKey(items ...any) func(*webauthntest.Authenticator) {
	return publicKey(func([]byte) []byte { return cborMap(items...) })
}

func withToy(w *webauthn.RegistrationWant) {
	w.Algorithms = append([]webauthn.Algorithm{toyAlgorithm}, every...)
	w.Verifiers = []webauthn.AlgorithmVerifier{toy{}}
}

func TestAFurtherAlgorithmPlugsIn(t *testing.T) {
	t.Parallel()
	const key, algorithm = webauthn.CheckKey, webauthn.CheckAlgorithm
	const alg = int(toyAlgorithm)
	register := func(setup func(*webauthntest.Authenticator), change ...func(*webauthn.RegistrationWant)) error {
		a := newKey("toy")
		setup(a)
		want := registrationWant()
		for _, f := range change {
			f(&want)
		}
		_, err := finishRegistration(create(t, a, webauthn.ES256), want)
		return err
	}
	for name, c := range map[string]struct {
		check webauthn.Check
		err   error
	}{
		"its key":                      {"", register(toyKey(1, 7, 3, alg, -1, []byte("key")), withToy)},
		"without the verifier":         {algorithm, register(toyKey(1, 7, 3, alg, -1, []byte("key")))},
		"where it was not offered":     {algorithm, register(toyKey(1, 7, 3, alg, -1, []byte("key")), withToy, func(w *webauthn.RegistrationWant) { w.Algorithms = every })},
		"another key type":             {key, register(toyKey(1, 2, 3, alg, -1, []byte("key")), withToy)},
		"no public key":                {key, register(toyKey(1, 7, 3, alg), withToy)},
		"a public key that is a text":  {key, register(toyKey(1, 7, 3, alg, -1, "key"), withToy)},
		"a key that the verifier bars": {key, register(toyKey(1, 7, 3, alg, -1, []byte("other")), withToy)},
		"a private part":               {key, register(toyKey(1, 7, 3, alg, -1, []byte("key"), -2, []byte("d")), withToy)},
		"an algorithm of neither":      {algorithm, register(toyKey(1, 7, 3, alg-1, -1, []byte("key")), withToy)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantCheck(t, c.err, c.check)
		})
	}
}

func TestAFurtherAlgorithmSignsIn(t *testing.T) {
	t.Parallel()
	a := newKey("toy")
	toyKey("unknown", 1, 1, 7, 3, int(toyAlgorithm), -1, []byte("key"))(a)
	want := registrationWant()
	withToy(&want)
	v := &verifier{typ: "Basic"}
	want.Attestation = v
	made, err := finishRegistration(create(t, a, webauthn.ES256), want)
	if err != nil {
		t.Fatal(err)
	}
	c := &made.Credential
	if c.Algorithm != toyAlgorithm || !bytes.Equal(c.PublicKey, cborMap(1, 7, 3, int(toyAlgorithm), -1, []byte("key"))) {
		t.Errorf("record is of algorithm %v with key %x", c.Algorithm, c.PublicKey)
	}
	if v.asked.Key != nil || v.asked.SignedBySelf(nil) || !v.asked.SignedBySelf([]byte("signed")) {
		t.Errorf("attestation was told of key %v", v.asked.Key)
	}
	for signature, check := range map[string]webauthn.Check{"signed": "", "forged": webauthn.CheckSignature, "": webauthn.CheckEncoding} {
		a.Forge.Signature = func([]byte) []byte { return []byte(signature) }
		want := assertionWant()
		want.Verifiers = []webauthn.AlgorithmVerifier{toy{}}
		_, err := finishAssertion(get(t, a), c, want)
		wantCheck(t, err, check)
	}
	_, err = finishAssertion(get(t, a), c, assertionWant())
	if a.Forge.Signature = nil; checkOf(t, err) == "" {
		t.Error("signed in without the verifier")
	}
}

// impostor claims to verify an algorithm that the package verifies itself.
type impostor struct{}

func (impostor) Algorithm() webauthn.Algorithm { return webauthn.ES256 }
func (impostor) JudgeKey([]byte) error         { return nil }
func (impostor) Verify(_, _, _ []byte) bool    { return true }

func TestAPlugInCannotReplaceTheCore(t *testing.T) {
	t.Parallel()
	a := newKey("impostor")
	toyKey(1, 7, 3, int(webauthn.ES256), -1, []byte("key"))(a)
	want := registrationWant()
	want.Verifiers = []webauthn.AlgorithmVerifier{impostor{}}
	_, err := finishRegistration(create(t, a, webauthn.ES256), want)
	wantCheck(t, err, webauthn.CheckKey)
}

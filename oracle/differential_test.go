package oracle

import (
	"errors"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

func explained(d disagreement) bool {
	list := stricter
	if d.ours == nil {
		list = laxer
	}
	for _, known := range list {
		if known.fits(d) {
			return true
		}
	}
	return false
}

// compare fails the test where the two differ in a way that is not listed.
func compare(t *testing.T, registration bool, body []byte, ours, theirs error) {
	t.Helper()
	if (ours == nil) == (theirs == nil) {
		return
	}
	d := disagreement{registration: registration, body: body}
	if theirs != nil {
		d.theirs = tell(theirs)
	}
	if ours != nil {
		d.ours = refusal(t, ours)
	}
	if !explained(d) {
		t.Errorf("registration %v\nours:   %v\ntheirs: %v\nbody:   %s", registration, ours, d.theirs, body)
	}
}

func refusal(t *testing.T, err error) *webauthn.Error {
	t.Helper()
	var e *webauthn.Error
	if !errors.As(err, &e) {
		t.Fatalf("our error is a %T: %v", err, err)
	}
	return e
}

// FuzzDifferential changes honest responses, mostly before they are signed, and
// holds our verdict against that of go-webauthn.
func FuzzDifferential(f *testing.F) {
	p := newPeer(f)
	algorithms := []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA, webauthn.ES384, webauthn.RS256, webauthn.PS256}
	var fixtures []fixture
	for _, alg := range algorithms {
		fixtures = append(fixtures, newFixture(f, p, alg, ""))
	}
	f.Add(byte(0), []byte{})
	f.Add(byte(1), []byte{partFlags, 0, 0x04, 0, 0, 0})
	f.Add(byte(2), []byte{partMembers, 0, 0, 0, 0, 5, '"', 'a', '"', ':', '1'})
	f.Add(byte(3), []byte{partSignature, 0, 9, 1, 0, 1, 0})
	f.Add(byte(4), []byte{partBody, 0, 2, 0, 0, 1, ' '})
	f.Add(byte(5), []byte{partKey, 0, 4, 1, 0, 1, 0x27})
	f.Add(byte(7), []byte{partObject, 0, 0, 0, 1, 1, 0})
	f.Add(byte(9), []byte{partAuthData, 0, 0, 0, 1, 1, 0, partOrigin, 0, 8, 1, 0, 1, 'E'})
	f.Add(byte(130), []byte{partExtensions, 0, 0, 0, 0, 1, 0xa0})
	f.Fuzz(func(t *testing.T, mode byte, script []byte) {
		fixture := fixtures[int(mode>>1)%len(fixtures)]
		verify, all := mode&0x80 != 0, readMutations(script)
		if mode&1 == 0 {
			a := fixture.clone("assertion")
			forge(a, all)
			body := editBody(get(t, a), all)
			compare(t, false, body, signInOurs(body, &fixture.ours, verify), p.signIn(body, fixture.theirs, verify))
			return
		}
		a := newDevice("registration")
		if mode&0x40 != 0 {
			a.Attestation = webauthntest.AttestationPackedSelf
		}
		forge(a, all)
		body := editBody(create(t, a, []webauthn.Algorithm{webauthn.ES256, webauthn.EdDSA}[mode>>1&1]), all)
		_, ours := registerOurs(body, verify)
		_, other := p.register(body, verify)
		compare(t, true, body, ours, other)
	})
}

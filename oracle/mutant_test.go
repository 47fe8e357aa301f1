package oracle

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	theirs "github.com/go-webauthn/webauthn/webauthn"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

func cose(a webauthn.Algorithm) webauthncose.COSEAlgorithmIdentifier {
	return webauthncose.COSEAlgorithmIdentifier(a)
}

// The parts of a response that an edit may change. Those up to partExtensions
// are changed before the authenticator signs, so that the change gets past the
// signature.
const (
	partClientData = iota
	partAuthData
	partKey
	partFlags
	partMembers
	partOrigin
	partExtensions
	partSignature
	partObject
	partBody
	parts
)

// mutation is one edit: at a place of a part, remove some bytes and insert others.
type mutation struct {
	part, at, remove int
	insert           []byte
}

// readMutations reads edits of six bytes and what they insert.
func readMutations(script []byte) (all []mutation) {
	for len(script) >= 6 && len(all) < 6 {
		m := mutation{part: int(script[0]) % parts, at: int(script[1])<<8 | int(script[2]), remove: int(script[3])}
		n := min(int(script[5]), len(script)-6)
		if script[4]&1 == 1 { // from the end
			m.at = -1 - m.at
		}
		m.insert = script[6 : 6+n]
		script = script[6+n:]
		all = append(all, m)
	}
	return all
}

func (m mutation) edit(b []byte) []byte {
	at := m.at
	if at < 0 {
		at = max(0, len(b)+1+at)
	}
	at = min(at, len(b))
	end := min(at+m.remove, len(b))
	return slices.Concat(b[:at], m.insert, b[end:])
}

// forge lets the authenticator make the edits.
func forge(a *webauthntest.Authenticator, all []mutation) {
	edits := func(part int) func([]byte) []byte {
		return func(b []byte) []byte {
			b = bytes.Clone(b)
			for _, m := range all {
				if m.part == part {
					b = m.edit(b)
				}
			}
			return b
		}
	}
	a.Forge.ClientData = edits(partClientData)
	a.Forge.AuthData = edits(partAuthData)
	a.Forge.PublicKey = edits(partKey)
	a.Forge.Signature = edits(partSignature)
	a.Forge.AttestationObject = edits(partObject)
	for _, m := range all {
		switch m.part {
		case partFlags:
			a.Forge.Flags = func(f byte) byte { return f ^ byte(m.at) }
		case partMembers:
			a.Forge.Members = string(m.insert)
		case partOrigin:
			a.Forge.Origin = string(edits(partOrigin)([]byte(origin)))
		case partExtensions:
			a.Forge.Extensions = bytes.Clone(m.insert)
		}
	}
}

// editBody makes the edits of the JSON itself.
func editBody(body []byte, all []mutation) []byte {
	for _, m := range all {
		if m.part == partBody {
			body = m.edit(body)
		}
	}
	return body
}

// fixture is a credential that both sides have taken.
type fixture struct {
	device *webauthntest.Authenticator
	ours   webauthn.Credential
	theirs theirs.Credential
}

// newDevice returns an authenticator whose every output depends on seed alone.
func newDevice(seed string) *webauthntest.Authenticator {
	var s [32]byte
	copy(s[:], seed)
	a := webauthntest.New(origin)
	a.Rand = rand.NewChaCha8(s)
	return a
}

// clone returns a device that can be forged without touching the fixture's.
func (f fixture) clone(seed string) *webauthntest.Authenticator {
	a := f.device.Clone()
	a.Rand = newDevice(seed).Rand
	return a
}

func newFixture(t testing.TB, p peer, alg webauthn.Algorithm, attestation webauthntest.Attestation) fixture {
	t.Helper()
	a := newDevice("fixture")
	a.Attestation = attestation
	body := create(t, a, alg)
	ours, err := registerOurs(body, true)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.register(body, true)
	if err != nil {
		t.Fatal(tell(err))
	}
	return fixture{a, ours.Credential, *c}
}

func create(t testing.TB, a *webauthntest.Authenticator, alg webauthn.Algorithm) []byte {
	t.Helper()
	options, err := json.Marshal(webauthn.CreationOptions{
		RP: webauthn.RPEntity{ID: rpID, Name: "Example"}, User: webauthn.UserEntity{ID: userHandle, Name: "ann@example.com", DisplayName: "Ann"},
		Challenge: challenge, Algorithms: []webauthn.Algorithm{alg}, Extensions: map[string]any{"credProps": true},
	})
	if err != nil {
		t.Fatal(err)
	}
	body, err := a.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func get(t testing.TB, a *webauthntest.Authenticator) []byte {
	t.Helper()
	options, err := json.Marshal(webauthn.RequestOptions{RPID: rpID, Challenge: challenge})
	if err != nil {
		t.Fatal(err)
	}
	body, err := a.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

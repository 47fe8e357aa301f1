package webauthn

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/mapae/mapae/internal/strictjson"
)

// RelyingParty is what both ceremonies compare a response with. All
// comparisons are of whole strings, byte for byte.
type RelyingParty struct {
	ID      string   // the RP ID
	Origins []string // such as "https://example.com", or "android:apk-key-hash:…" for an Android app

	// CrossOrigin accepts ceremonies inside a frame of another origin. Where the
	// client tells the origin of the top-level page, that must be in TopOrigins.
	CrossOrigin bool
	TopOrigins  []string
}

// AndroidOrigin returns the origin of an Android app, from the SHA-256 of the
// certificate that signs it. (An app on iOS has the origin "https://" + RP ID.)
func AndroidOrigin(certificate [32]byte) string {
	return "android:apk-key-hash:" + encode64(certificate[:])
}

// clientData is CollectedClientData (§5.8.1) as it was found. What is wrong
// with single members is remembered and not judged yet, so that the challenge
// can be read whatever the others are like.
type clientData struct {
	kind, challenge, origin, topOrigin member
	crossOrigin                        bool
	fault                              error // a member that is there twice, or not of its type
}

// A member is a string member of client data.
type member struct {
	value []byte
	is    bool // it was there and was a string
	again bool // it was there more than once
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// readClientData reads client data: UTF-8 decode strips a byte order mark,
// unknown members and any order are fine. It fails where raw is not one JSON
// object.
func readClientData(raw []byte) (clientData, error) {
	var c clientData
	s := strictjson.New(bytes.TrimPrefix(raw, byteOrderMark))
	m := s.Object()
	m.AllowAgain = true
	for m.Next() {
		if m.Again {
			c.fault = fmt.Errorf("duplicate member %q", cut(string(m.Name)))
		}
		switch string(m.Name) {
		case "type":
			c.kind.read(s, m.Again)
		case "challenge":
			c.challenge.read(s, m.Again)
		case "origin":
			c.origin.read(s, m.Again)
		case "topOrigin":
			if c.topOrigin.read(s, m.Again); !c.topOrigin.is {
				c.fault = errors.New("topOrigin is not a string")
			}
		case "crossOrigin":
			value := string(s.Raw())
			if c.crossOrigin = value == "true"; !c.crossOrigin && value != "false" {
				c.fault = errors.New("crossOrigin is not a boolean")
			}
		default:
			s.Raw()
		}
	}
	return c, s.End()
}

func (f *member) read(s *strictjson.Scanner, again bool) {
	if s.Peek() != '"' {
		s.Raw()
		*f = member{again: again}
		return
	}
	*f = member{s.Text(), true, again}
}

func (f member) String() string {
	if !f.is {
		return "no string"
	}
	return string(f.value)
}

// challengeOf decodes the challenge of client data; step is where the caller
// compares it.
func challengeOf(raw []byte, step string) ([]byte, error) {
	c, err := readClientData(raw)
	if err != nil {
		return nil, refuseCause(step, CheckChallenge, err)
	}
	if !c.challenge.is || c.challenge.again || len(c.challenge.value) == 0 {
		return nil, refuse(step, CheckChallenge, c.challenge.String(), "one base64url string")
	}
	b, err := strictjson.DecodeBase64(c.challenge.value)
	if err != nil {
		return nil, refuseCause(step, CheckChallenge, err)
	}
	return b, nil
}

// A ceremony holds what differs between §7.1 and §7.2 for the steps that they
// share: the type of client data and the numbers of the steps.
type ceremony struct {
	kind                                                             string
	parse, typ, challenge, origin, crossOrigin, topOrigin            string
	authData, rpIDHash, userPresent, userVerified, backup, extension string
}

var registration = ceremony{
	kind:  "webauthn.create",
	parse: "7.1.6", typ: "7.1.7", challenge: "7.1.8", origin: "7.1.9", crossOrigin: "7.1.10", topOrigin: "7.1.11",
	authData: "7.1.13", rpIDHash: "7.1.14", userPresent: "7.1.15", userVerified: "7.1.16", backup: "7.1.17", extension: "7.1.28",
}

var authentication = ceremony{
	kind:  "webauthn.get",
	parse: "7.2.9", typ: "7.2.10", challenge: "7.2.11", origin: "7.2.12", crossOrigin: "7.2.13", topOrigin: "7.2.14",
	authData: "7.2.7", rpIDHash: "7.2.15", userPresent: "7.2.16", userVerified: "7.2.17", backup: "7.2.18", extension: "7.2.23",
}

// verifyClientData makes the steps 7.1.5 to 7.1.11, which are 7.2.8 to 7.2.14
// of an authentication.
func (k *ceremony) verifyClientData(raw []byte, rp *RelyingParty, challenge []byte) (*clientData, error) {
	// 7.1.5, 7.2.8: let JSONtext be the result of UTF-8 decode.
	// 7.1.6, 7.2.9: let C be the result of parsing it.
	c, err := readClientData(raw)
	if err != nil {
		return nil, refuseCause(k.parse, CheckEncoding, err)
	}
	if c.fault != nil {
		return nil, refuseCause(k.parse, CheckEncoding, c.fault)
	}

	// 7.1.7, 7.2.10: C.type is the string of this ceremony.
	if !c.kind.is || string(c.kind.value) != k.kind {
		return nil, refuse(k.typ, CheckType, c.kind.String(), k.kind)
	}

	// 7.1.8, 7.2.11: C.challenge is the base64url of the challenge of the options.
	want := base64.RawURLEncoding.AppendEncode(make([]byte, 0, 256), challenge)
	if len(want) == 0 || !c.challenge.is || subtle.ConstantTimeCompare(c.challenge.value, want) != 1 {
		return nil, refuse(k.challenge, CheckChallenge, c.challenge.String(), string(want))
	}

	// 7.1.9, 7.2.12: C.origin is an origin of the relying party.
	if !c.origin.is || !slices.Contains(rp.Origins, string(c.origin.value)) {
		return nil, refuse(k.origin, CheckOrigin, c.origin.String(), list(rp.Origins))
	}

	// 7.1.10, 7.2.13: if C.crossOrigin is true, the relying party expects to be framed.
	if c.crossOrigin && !rp.CrossOrigin {
		return nil, refuse(k.crossOrigin, CheckCrossOrigin, "true", "false")
	}

	// 7.1.11, 7.2.14: if C.topOrigin is there, the ceremony was cross-origin and
	// the page around it is an expected one.
	if c.topOrigin.is {
		if !c.crossOrigin || !slices.Contains(rp.TopOrigins, string(c.topOrigin.value)) {
			return nil, refuse(k.topOrigin, CheckTopOrigin, c.topOrigin.String(), list(rp.TopOrigins))
		}
	}
	return &c, nil
}

func list(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	return fmt.Sprintf("one of %q", values)
}

package oracle

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	theirs "github.com/go-webauthn/webauthn/webauthn"

	"github.com/mapae/mapae/webauthn"
)

const (
	rpID   = "example.com"
	origin = "https://example.com"
)

var (
	challenge  = []byte("0123456789abcdef0123456789abcdef")
	userHandle = []byte("user-handle-of-32-bytes-01234567")
	every      = []webauthn.Algorithm{
		webauthn.ES256, webauthn.EdDSA, webauthn.ES384, webauthn.ES512,
		webauthn.RS256, webauthn.RS384, webauthn.RS512, webauthn.PS256, webauthn.PS384, webauthn.PS512,
	}
)

// peer is go-webauthn set to the policy that ours is compared under.
type peer struct{ *theirs.WebAuthn }

func newPeer(t testing.TB) peer {
	t.Helper()
	w, err := theirs.New(&theirs.Config{
		RPID: rpID, RPDisplayName: "Example", RPOrigins: []string{origin},
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		t.Fatal(err)
	}
	return peer{w}
}

// account is the one user of the comparison.
type account struct{ credentials []theirs.Credential }

func (account) WebAuthnID() []byte                         { return userHandle }
func (account) WebAuthnName() string                       { return "ann@example.com" }
func (account) WebAuthnDisplayName() string                { return "Ann" }
func (a account) WebAuthnCredentials() []theirs.Credential { return a.credentials }

func session(verify bool) theirs.SessionData {
	s := theirs.SessionData{
		Challenge: protocol.URLEncodedBase64(challenge).String(), RelyingPartyID: rpID, UserID: userHandle,
		UserVerification: protocol.VerificationPreferred,
	}
	for _, a := range every {
		s.CredParams = append(s.CredParams, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: cose(a)})
	}
	if verify {
		s.UserVerification = protocol.VerificationRequired
	}
	return s
}

// register returns the peer's verdict; a panic is a refusal.
func (p peer) register(body []byte, verify bool) (c *theirs.Credential, err error) {
	defer recovered(&err)
	parsed, err := protocol.ParseCredentialCreationResponseBytes(body)
	if err != nil {
		return nil, err
	}
	return p.CreateCredential(account{}, session(verify), parsed)
}

// signIn returns the peer's verdict on a sign-in without a name: the account is
// the one that the response names.
func (p peer) signIn(body []byte, c theirs.Credential, verify bool) (err error) {
	defer recovered(&err)
	parsed, err := protocol.ParseCredentialRequestResponseBytes(body)
	if err != nil {
		return err
	}
	s := session(verify)
	s.UserID = nil
	find := func(_, handle []byte) (theirs.User, error) {
		if string(handle) != string(userHandle) {
			return nil, errors.New("nobody has this handle")
		}
		return account{[]theirs.Credential{c}}, nil
	}
	_, _, err = p.ValidatePasskeyLogin(find, s, parsed)
	return err
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
}

// tell is the peer's error with all that it knows.
func tell(err error) string {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := fmt.Sprintf("%s: %s: %s", e.Type, e.Details, e.DevInfo)
	if e.Err != nil {
		text += ": " + tell(e.Err)
	}
	return text
}

// registerOurs and signInOurs return the verdict of Mapae on the same body.
func registerOurs(body []byte, verify bool) (*webauthn.Registration, error) {
	r, err := webauthn.ParseRegistration(body)
	if err != nil {
		return nil, err
	}
	return webauthn.VerifyRegistration(r, webauthn.RegistrationWant{
		RelyingParty: party(), Challenge: challenge, Algorithms: every, UserVerification: verification(verify),
	})
}

func signInOurs(body []byte, c *webauthn.Credential, verify bool) error {
	a, err := webauthn.ParseAssertion(body)
	if err != nil {
		return err
	}
	_, err = webauthn.VerifyAssertion(a, c, webauthn.AssertionWant{
		RelyingParty: party(), Challenge: challenge, UserID: userHandle, UserVerification: verification(verify), StrictBackup: true,
	})
	return err
}

func party() webauthn.RelyingParty {
	return webauthn.RelyingParty{ID: rpID, Origins: []string{origin}}
}

func verification(required bool) webauthn.UserVerification {
	if required {
		return webauthn.UserVerificationRequired
	}
	return webauthn.UserVerificationPreferred
}

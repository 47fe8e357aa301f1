package load

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/mapae/mapae/webauthntest"
)

// Routes that are called.
const (
	OptionsPath       = "/api/auth/passkey/options"
	VerifyPath        = "/api/auth/passkey/verify"
	signUpOptionsPath = "/api/auth/signup/passkey/options"
	signUpFinishPath  = "/api/auth/signup/passkey/complete"
)

// Errors of a server that lets nobody sign up by a passkey alone.
var (
	ErrProvesAddresses = errors.New("the server mails a code to whoever signs up")
	errNoChallenge     = errors.New("the server answered options without a challenge")
)

// Account is a passkey (ES256), with all that stays the same from sign-in to
// sign-in. Its counter stays zero, as synced passkeys have it.
type Account struct {
	Key            *ecdsa.PrivateKey
	authData       []byte
	before, middle []byte // of the body: up to client data, and from there to the signature
	after          []byte
}

// NewAccount is the account of a credential, whose key is for ES256.
func NewAccount(c *webauthntest.Credential) Account {
	rp := sha256.Sum256([]byte(c.RPID))
	flags := webauthntest.FlagUP | webauthntest.FlagUV | webauthntest.FlagBE | webauthntest.FlagBS
	authData := append(append(rp[:], flags), 0, 0, 0, 0)
	id, text := encode(c.ID), encode
	return Account{
		Key: c.Key.(*ecdsa.PrivateKey), authData: authData,
		before: fmt.Appendf(nil, `{"credential":{"id":"%s","rawId":"%s","type":"public-key","authenticatorAttachment":"platform","clientExtensionResults":{},"response":{"clientDataJSON":"`, id, id),
		middle: fmt.Appendf(nil, `","authenticatorData":"%s","userHandle":"%s","signature":"`, text(authData), text(c.UserHandle)),
		after:  []byte(`"}}}`),
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// respond appends the body of verify for a challenge, as text, to out.
func (a *Account) respond(out, challenge []byte, origin string) ([]byte, error) {
	clientData := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":"%s","origin":"%s","crossOrigin":false}`, challenge, origin)
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(append(slices.Clip(a.authData), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.Key, digest[:])
	if err != nil {
		return nil, err
	}
	out = base64.RawURLEncoding.AppendEncode(append(out, a.before...), clientData)
	out = base64.RawURLEncoding.AppendEncode(append(out, a.middle...), signature)
	return append(out, a.after...), nil
}

// SignIn is one sign-in by a discoverable passkey: options, signature, verify.
func (c *Conn) SignIn(ctx context.Context, a *Account) error {
	options, err := c.Get(ctx, OptionsPath)
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(options, []byte(`"challenge":"`))
	challenge, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return errNoChallenge
	}
	if c.body, err = a.respond(c.body[:0], challenge, c.target.Origin); err != nil {
		return err
	}
	return c.finish(c.Post(ctx, VerifyPath, "", c.body))
}

// LastBody returns what SignIn posted last, for who wants to post it again.
func (c *Conn) LastBody() []byte { return bytes.Clone(c.body) }

// finish demands that an answer says that it was a success.
func (c *Conn) finish(answer []byte, err error) error {
	if err == nil && !bytes.HasPrefix(answer, []byte(`{"success":true`)) {
		err = &Answer{Status: 200, Body: bytes.Clone(answer)}
	}
	return err
}

// perAddress is how many sign-ups come from one address: as many as the limit
// of a server lets through in an hour.
const perAddress = 20

// SignUp makes an account by the API with a passkey made here. It says that the
// request was forwarded for the i-th of many people, of whom twenty have one
// address: a server that trusts its own machine as a proxy keeps its limits by
// address and lets all of them in. run makes the e-mail addresses of one run
// differ from another's. ErrProvesAddresses; an *Answer.
func (c *Conn) SignUp(ctx context.Context, run string, i int) (Account, error) {
	n := i / perAddress
	from := fmt.Sprintf("X-Forwarded-For: 10.%d.%d.%d\r\n", n>>16&0xff, n>>8&0xff, n&0xff)
	body, err := c.Post(ctx, signUpOptionsPath, from, fmt.Appendf(nil, `{"email":"load-%s-%d@example.com","name":"User %d"}`, run, i, i))
	if err != nil {
		return Account{}, err
	}
	var step struct {
		Ticket       string `json:"ticket"`
		CodeRequired bool   `json:"email_code_required"`
		Options      struct {
			PublicKey json.RawMessage `json:"publicKey"`
		} `json:"creation_options"`
	}
	if err := json.Unmarshal(body, &step); err != nil {
		return Account{}, err
	}
	if step.CodeRequired {
		return Account{}, ErrProvesAddresses
	}
	key := webauthntest.New(c.target.Origin)
	key.Algorithms = []webauthntest.Algorithm{webauthntest.ES256}
	credential, err := key.Create(step.Options.PublicKey)
	if err != nil {
		return Account{}, err
	}
	if err := c.finish(c.Post(ctx, signUpFinishPath, from+"Mapae-Ticket: "+step.Ticket+"\r\n", fmt.Appendf(nil, `{"credential":%s}`, credential))); err != nil {
		return Account{}, err
	}
	return NewAccount(key.Credentials()[0]), nil
}

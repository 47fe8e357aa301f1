package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Passkey is one of the user's passkeys.
type Passkey struct {
	ID             string // credential ID, base64url
	Name           string
	CreatedAt      time.Time  `json:"created_at"`
	LastUsedAt     *time.Time `json:"last_used_at"` // nil: never
	FirstFactor    bool       `json:"first_factor"`
	Synced         bool
	BackupEligible bool `json:"backup_eligible"`
	AAGUID         string
	Provider       *string // name of the model; nil: it is not known
	Kind           *string // "platform", "password_manager" or "security_key"; nil: it is not known
	Transports     []string
	Current        bool // used in this session
}

// credentialBody is the body of every request that finishes a ceremony.
type credentialBody struct {
	Credential json.RawMessage `json:"credential"`
	Name       string          `json:"name,omitempty"`
	Action     string          `json:"action,omitempty"`
}

// publicKey holds options as a page hands them to the browser.
type publicKey struct {
	PublicKey json.RawMessage `json:"publicKey"`
}

// optionsAnswer is the answer of every request that begins one.
type optionsAnswer struct {
	Ticket   string
	Creation publicKey `json:"creation_options"`
	Request  publicKey `json:"request_options"`
}

func (c *Client) begin(ctx context.Context, method, path, ticket string, in any) (optionsAnswer, error) {
	var out optionsAnswer
	err := c.call(ctx, method, path, ticket, in, &out)
	return out, err
}

// SignUp makes an account with its first passkey, and signs in.
func (c *Client) SignUp(ctx context.Context, email, name string) (SignedIn, error) {
	return c.SignUpInvited(ctx, email, name, "")
}

// SignUpInvited is SignUp with an invitation.
func (c *Client) SignUpInvited(ctx context.Context, email, name, invitation string) (SignedIn, error) {
	ticket, options, err := c.BeginSignUp(ctx, email, name, invitation)
	if err != nil {
		return SignedIn{}, err
	}
	credential, err := c.key.Create(options)
	if err != nil {
		return SignedIn{}, err
	}
	return c.FinishSignUp(ctx, ticket, credential)
}

// BeginSignUp returns a ticket and creation options.
func (c *Client) BeginSignUp(ctx context.Context, email, name, invitation string) (ticket string, options []byte, err error) {
	in := struct {
		Email      string `json:"email"`
		Name       string `json:"name"`
		Invitation string `json:"invitation,omitempty"`
	}{email, name, invitation}
	out, err := c.begin(ctx, http.MethodPost, "/api/auth/signup/passkey/options", "", in)
	return out.Ticket, out.Creation.PublicKey, err
}

// FinishSignUp posts what the authenticator made of BeginSignUp's options.
func (c *Client) FinishSignUp(ctx context.Context, ticket string, credential []byte) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/signup/passkey/complete", ticket, credentialBody{Credential: credential})
}

// SignIn signs in with a passkey of the authenticator, into its account.
func (c *Client) SignIn(ctx context.Context) (SignedIn, error) { return c.SignInAs(ctx, "") }

// SignInAs signs in into the account of that e-mail address only.
func (c *Client) SignInAs(ctx context.Context, email string) (SignedIn, error) {
	options, err := c.BeginSignIn(ctx, email)
	if err != nil {
		return SignedIn{}, err
	}
	credential, err := c.key.Get(options)
	if err != nil {
		return SignedIn{}, err
	}
	return c.FinishSignIn(ctx, credential)
}

// BeginSignIn returns request options; email may be empty.
func (c *Client) BeginSignIn(ctx context.Context, email string) (options []byte, err error) {
	in := struct {
		Email string `json:"email,omitempty"`
	}{email}
	out, err := c.begin(ctx, http.MethodPost, "/api/auth/passkey/options", "", in)
	return out.Request.PublicKey, err
}

// BeginAutofill returns request options as a sign-in page asks for them when
// it opens.
func (c *Client) BeginAutofill(ctx context.Context) (options []byte, err error) {
	out, err := c.begin(ctx, http.MethodGet, "/api/auth/passkey/options", "", nil)
	return out.Request.PublicKey, err
}

// FinishSignIn posts what the authenticator made of request options.
func (c *Client) FinishSignIn(ctx context.Context, credential []byte) (SignedIn, error) {
	return c.enter(ctx, http.MethodPost, "/api/auth/passkey/verify", "", credentialBody{Credential: credential})
}

// AddedPasskey is a passkey that was made just now.
type AddedPasskey struct {
	Passkey
	RecoveryCodes []string // to be shown once; nil: none were made
}

// AddPasskey makes a further passkey with the authenticator that is given,
// which may be another device. An empty name: the server chooses one.
func (c *Client) AddPasskey(ctx context.Context, key Authenticator, name string) (AddedPasskey, error) {
	options, err := c.BeginAddPasskey(ctx)
	if err != nil {
		return AddedPasskey{}, err
	}
	credential, err := key.Create(options)
	if err != nil {
		return AddedPasskey{}, err
	}
	return c.FinishAddPasskey(ctx, credential, name)
}

// BeginAddPasskey returns creation options; the session has to be fresh.
func (c *Client) BeginAddPasskey(ctx context.Context) (options []byte, err error) {
	out, err := c.begin(ctx, http.MethodGet, "/api/webauthn/register/options/", "", nil)
	return out.Creation.PublicKey, err
}

// BeginUpgrade returns creation options for a passkey that the browser may make
// without asking (conditional create).
func (c *Client) BeginUpgrade(ctx context.Context) (options []byte, err error) {
	out, err := c.begin(ctx, http.MethodGet, "/api/webauthn/register/options/?mediation=conditional", "", nil)
	return out.Creation.PublicKey, err
}

// FinishAddPasskey posts what an authenticator made of BeginAddPasskey's
// options.
func (c *Client) FinishAddPasskey(ctx context.Context, credential []byte, name string) (AddedPasskey, error) {
	var out struct {
		Passkey       Passkey
		RecoveryCodes []string `json:"recovery_codes"`
	}
	err := c.call(ctx, http.MethodPost, "/api/webauthn/register/complete/", "", credentialBody{Credential: credential, Name: name}, &out)
	return AddedPasskey{out.Passkey, out.RecoveryCodes}, err
}

// Passkeys returns the user's passkeys, newest first.
func (c *Client) Passkeys(ctx context.Context) ([]Passkey, error) {
	var out struct{ Passkeys []Passkey }
	err := c.read(ctx, "/api/webauthn/", &out)
	return out.Passkeys, err
}

// RenamePasskey gives a passkey another name, of 1 to 64 characters.
func (c *Client) RenamePasskey(ctx context.Context, id, name string) (Passkey, error) {
	in := struct {
		Name string `json:"name"`
	}{name}
	var out struct{ Passkey Passkey }
	err := c.call(ctx, http.MethodPatch, "/api/webauthn/"+id+"/", "", in, &out)
	return out.Passkey, err
}

// RemovePasskey removes a passkey; the session has to be fresh.
func (c *Client) RemovePasskey(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/webauthn/"+id+"/", "", nil, &struct{}{})
}

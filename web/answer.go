package web

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	write(w, body)
	return nil
}

// write writes a body that is JSON.
func write(w http.ResponseWriter, body []byte) {
	w.Header()["Content-Type"] = []string{"application/json"}
	_, _ = w.Write(body) // the client is gone where it fails
}

// stamp is a time as JSON has it: ISO 8601, UTC, milliseconds. Package time
// writes RFC 3339 without them faster than any other layout.
func stamp(t time.Time) string {
	t = t.UTC()
	text := t.AppendFormat(make([]byte, 0, 24), time.RFC3339)
	milli := t.Nanosecond() / 1e6
	return string(append(text[:len(text)-1], '.', '0'+byte(milli/100), '0'+byte(milli/10%10), '0'+byte(milli%10), 'Z'))
}

// optionalStamp is t as JSON has it, null where there is none.
func optionalStamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := stamp(t)
	return &text
}

// done is the answer of what has nothing more to say.
type done struct {
	Success bool         `json:"success"`
	Signals *signalsJSON `json:"signals,omitempty"`
}

// answerRequest and answerCreation carry options the way that
// parseRequestOptionsFromJSON and parseCreationOptionsFromJSON want them, one
// level down.
func answerRequest(w http.ResponseWriter, o *webauthn.RequestOptions) error {
	return answerOptions(w, `{"success":true,"request_options":{"publicKey":`, o)
}

func answerCreation(w http.ResponseWriter, o *webauthn.CreationOptions) error {
	return answerOptions(w, `{"success":true,"creation_options":{"publicKey":`, o)
}

// answerOptions writes options as they marshal themselves, between what goes
// before them and two brackets: inside of a struct encoding/json would read them
// once more, which costs as much again.
func answerOptions(w http.ResponseWriter, before string, o json.Marshaler) error {
	options, err := o.MarshalJSON()
	if err != nil {
		return fmt.Errorf("encode options: %w", err)
	}
	write(w, slices.Concat([]byte(before), options, []byte("}}")))
	return nil
}

// userJSON is a user in answers to that user.
type userJSON struct {
	ID    string `json:"id"` // user handle, base64url
	Login string `json:"login"`
	Email string `json:"email,omitempty"`
	Name  string `json:"name"`
}

func showUser(u mapae.User) userJSON {
	return userJSON{ID: u.ID.String(), Login: u.Login, Email: u.Email, Name: u.Name}
}

type useJSON struct {
	Method       mapae.MethodName `json:"method"`
	At           string           `json:"at"`
	Credential   string           `json:"credential,omitempty"` // ID, base64url
	UserVerified bool             `json:"user_verified"`
}

// sessionJSON is a session in answers to its user; its token is never in it.
type sessionJSON struct {
	ID                string    `json:"id"`
	CreatedAt         string    `json:"created_at"`
	SeenAt            string    `json:"seen_at"`
	IdleEndsAt        string    `json:"idle_ends_at"` // unless it is used before
	EndsAt            string    `json:"ends_at"`      // whatever happens
	Methods           []useJSON `json:"methods"`
	AAL               int       `json:"aal"`
	PhishingResistant bool      `json:"phishing_resistant"`
	AMR               []string  `json:"amr"`
	App               bool      `json:"app"`
	Address           string    `json:"address"`
	UserAgent         string    `json:"user_agent"`
	Current           bool      `json:"current"`
}

func showSession(s mapae.Session, current mapae.SessionID) sessionJSON {
	out := sessionJSON{
		ID: s.ID.String(), CreatedAt: stamp(s.CreatedAt), SeenAt: stamp(s.SeenAt), IdleEndsAt: stamp(s.IdleEndsAt), EndsAt: stamp(s.EndsAt),
		Methods: []useJSON{}, AAL: s.AAL(), PhishingResistant: s.PhishingResistant(), AMR: s.AMR(),
		App: s.App, Address: s.Address, UserAgent: s.UserAgent, Current: s.ID == current,
	}
	for _, u := range s.Uses {
		out.Methods = append(out.Methods, useJSON{u.Method, stamp(u.At), encode64(u.Credential), u.UserVerified})
	}
	return out
}

// sessionAnswer ends a sign-up, a sign-in and a step-up.
type sessionAnswer struct {
	Success bool        `json:"success"`
	Token   string      `json:"token,omitempty"` // for apps
	Session sessionJSON `json:"session"`
	User    userJSON    `json:"user"`

	RecoveryCodes []string `json:"recovery_codes,omitempty"` // made with the first passkey, shown once
	Ticket        string   `json:"ticket,omitempty"`         // of a step-up for an action

	Suggest []mapae.Suggestion `json:"suggest,omitempty"` // what to offer next
	Signals *signalsJSON       `json:"signals,omitempty"` // of a change of address
}

// passkeyJSON is a passkey in answers to its user.
type passkeyJSON struct {
	ID             string   `json:"id"` // credential ID, base64url
	Name           string   `json:"name"`
	CreatedAt      string   `json:"created_at"`
	LastUsedAt     *string  `json:"last_used_at"`
	FirstFactor    bool     `json:"first_factor"`
	Synced         bool     `json:"synced"`          // a copy is kept outside the device, as last reported
	BackupEligible bool     `json:"backup_eligible"` // such a copy may exist
	AAGUID         string   `json:"aaguid"`
	Provider       *string  `json:"provider"` // name of the model that the AAGUID names, as people know it
	Kind           *string  `json:"kind"`     // and what it is: a mapae.ModelKind. Null both: the model is not known
	Transports     []string `json:"transports"`
	Current        bool     `json:"current"` // used in this session
}

func (s *Site) showPasskey(c mapae.Credential, cur *mapae.Current) passkeyJSON {
	out := passkeyJSON{
		ID: encode64(c.ID), Name: c.Name, CreatedAt: stamp(c.CreatedAt), FirstFactor: c.FirstFactor, Synced: c.BackupState,
		BackupEligible: c.BackupEligible, AAGUID: c.AAGUID.String(), Transports: append([]string{}, c.Transports...),
		LastUsedAt: optionalStamp(c.LastUsedAt),
		Current:    slices.ContainsFunc(cur.Session.Uses, func(u mapae.Use) bool { return slices.Equal(u.Credential, c.ID) }),
	}
	if m, ok := s.auth.Model(c.AAGUID); ok {
		kind := string(m.Kind)
		out.Provider, out.Kind = &m.Name, &kind
	}
	return out
}

type passkeyAnswer struct {
	Success       bool        `json:"success"`
	Passkey       passkeyJSON `json:"passkey"`
	RecoveryCodes []string    `json:"recovery_codes,omitempty"` // shown once
}

// encode64 is b as base64url without padding; what is short takes no memory but
// its text.
func encode64(b []byte) string {
	return string(base64.RawURLEncoding.AppendEncode(make([]byte, 0, 256), b))
}

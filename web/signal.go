package web

import (
	"net/http"
	"slices"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// signalsJSON are what a password manager is to be told after a change: the
// arguments of the Signal API (Level 3 §5.1.10), by the name of the function
// that takes each as it stands.
type signalsJSON struct {
	Accepted *acceptedSignal `json:"signalAllAcceptedCredentials,omitempty"`
	Details  *detailsSignal  `json:"signalCurrentUserDetails,omitempty"`
	Unknown  *unknownSignal  `json:"signalUnknownCredential,omitempty"`
}

// acceptedSignal names every passkey of a user: a password manager hides or
// removes those that it does not name.
type acceptedSignal struct {
	RPID   string   `json:"rpId"`
	UserID string   `json:"userId"`
	All    []string `json:"allAcceptedCredentialIds"`
}

type detailsSignal struct {
	RPID        string `json:"rpId"`
	UserID      string `json:"userId"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
}

type unknownSignal struct {
	RPID string `json:"rpId"`
	ID   string `json:"credentialId"`
}

func (s *Site) rpID() string { return s.auth.Config().RP.ID }

// signalAccepted names all passkeys of u, which own are, for this RP ID. Where
// there are none it says nothing: an empty list takes all away, and only who
// deletes an account means that.
func (s *Site) signalAccepted(u mapae.User, own []mapae.Credential) *signalsJSON {
	var all []string
	for _, c := range own {
		if c.RPID == s.rpID() {
			all = append(all, encode64(c.ID))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &signalsJSON{Accepted: &acceptedSignal{s.rpID(), u.ID.String(), all}}
}

// signalRemoved says that the passkey id is gone: by all that are left, or by
// its own name where there are none or they can't be read.
func (s *Site) signalRemoved(r *http.Request, cur mapae.Current, id []byte) *signalsJSON {
	own, err := s.auth.Passkeys(r.Context(), cur)
	if left := s.signalAccepted(cur.User, own); err == nil && left != nil {
		return left
	}
	return s.signalUnknown(id)
}

// signalDeleted says that no passkey of u is accepted any more.
func (s *Site) signalDeleted(u mapae.User) *signalsJSON {
	return &signalsJSON{Accepted: &acceptedSignal{s.rpID(), u.ID.String(), []string{}}}
}

// signalDetails tells what u is called now, as creation options do.
func (s *Site) signalDetails(u mapae.User) *signalsJSON {
	return &signalsJSON{Details: &detailsSignal{s.rpID(), u.ID.String(), u.Login, u.Name}}
}

func (s *Site) signalUnknown(id []byte) *signalsJSON {
	return &signalsJSON{Unknown: &unknownSignal{s.rpID(), encode64(id)}}
}

// unknownError is a passkey_unknown that names the passkey. Nobody can guess
// the ID of one that exists, so naming it tells nothing.
type unknownError struct {
	id  []byte
	err error
}

func (e *unknownError) Error() string { return e.err.Error() }
func (e *unknownError) Unwrap() error { return e.err }

// naming returns err, with the passkey of credential where it is unknown.
func naming(credential []byte, err error) error {
	if err == nil || codeOf(err) != mapae.CodePasskeyUnknown {
		return err
	}
	response, unreadable := webauthn.ParseAssertion(credential)
	if unreadable != nil {
		return err
	}
	return &unknownError{slices.Clone(response.ID), err}
}

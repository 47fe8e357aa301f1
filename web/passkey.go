package web

import (
	"net/http"
	"net/url"

	"github.com/mapae/mapae"
)

// autofillOptions answers request options that live as long as a sign-in page
// may stand open.
func (s *Site) autofillOptions(w http.ResponseWriter, r *http.Request) error {
	return s.beginSignIn(w, r, mapae.SignInRequest{Autofill: true})
}

// signInOptions answers request options for a button; with an email only that
// account may answer, which nothing in the options tells.
func (s *Site) signInOptions(w http.ResponseWriter, r *http.Request) error {
	var req mapae.SignInRequest
	if err := readJSON(r, member{name: "email", text: &req.Login, optional: true}); err != nil {
		return err
	}
	return s.beginSignIn(w, r, req)
}

func (s *Site) beginSignIn(w http.ResponseWriter, r *http.Request, req mapae.SignInRequest) error {
	o, err := s.auth.BeginSignIn(r.Context(), s.bind(w, r), req)
	if err != nil {
		return err
	}
	return answerRequest(w, o)
}

// signIn finishes a sign-in: a session, or the second step that is due.
func (s *Site) signIn(w http.ResponseWriter, r *http.Request) error {
	var credential []byte
	if err := readJSON(r, member{name: "credential", object: &credential}); err != nil {
		return err
	}
	step, err := s.auth.FinishSignIn(r.Context(), on(r).client, credential)
	return s.goOnWith(w, r, &step, naming(credential, err))
}

// passkeys answers the user's passkeys, newest first.
func (s *Site) passkeys(w http.ResponseWriter, r *http.Request) error {
	cur := on(r).current
	own, err := s.auth.Passkeys(r.Context(), *cur)
	if err != nil {
		return err
	}
	list := make([]passkeyJSON, len(own))
	for i, c := range own {
		list[i] = s.showPasskey(c, cur)
	}
	return answer(w, struct {
		Success  bool          `json:"success"`
		Passkeys []passkeyJSON `json:"passkeys"`
		Signals  *signalsJSON  `json:"signals,omitempty"`
	}{true, list, s.signalAccepted(cur.User, own)})
}

// addPasskeyOptions answers the creation options of a further passkey.
func (s *Site) addPasskeyOptions(w http.ResponseWriter, r *http.Request) error {
	conditional, err := readMediation(r)
	if err != nil {
		return err
	}
	ex := on(r)
	o, err := s.auth.BeginAddPasskey(r.Context(), ex.client, *ex.current, conditional)
	if err != nil {
		return err
	}
	return answerCreation(w, o)
}

// readMediation reads ?mediation=conditional.
func readMediation(r *http.Request) (conditional bool, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return false, badRequest("mediation", "the query can't be read")
	}
	switch values := query["mediation"]; {
	case len(values) == 0:
		return false, nil
	case len(values) == 1 && values[0] == "conditional":
		return true, nil
	}
	return false, badRequest("mediation", "its only value is conditional")
}

// addPasskey finishes adding a passkey.
func (s *Site) addPasskey(w http.ResponseWriter, r *http.Request) error {
	var credential []byte
	var name string
	if err := readJSON(r, member{name: "credential", object: &credential}, member{name: "name", text: &name, optional: true}); err != nil {
		return err
	}
	ex := on(r)
	c, codes, err := s.auth.FinishAddPasskey(r.Context(), ex.client, *ex.current, credential, name)
	if err != nil {
		return err
	}
	return answer(w, passkeyAnswer{true, s.showPasskey(c, ex.current), codes})
}

// renamePasskey changes the name of one of the user's passkeys.
func (s *Site) renamePasskey(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var name string
	if err := readJSON(r, member{name: "name", text: &name}); err != nil {
		return err
	}
	ex := on(r)
	c, err := s.auth.RenamePasskey(r.Context(), ex.client, *ex.current, id, name)
	if err != nil {
		return err
	}
	return answer(w, passkeyAnswer{Success: true, Passkey: s.showPasskey(c, ex.current)})
}

// removePasskey removes one of the user's passkeys.
func (s *Site) removePasskey(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	ex := on(r)
	if err := s.auth.RemovePasskey(r.Context(), ex.client, *ex.current, id); err != nil {
		return err
	}
	return answer(w, done{true, s.signalRemoved(r, *ex.current, id)})
}

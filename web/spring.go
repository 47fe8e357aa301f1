package web

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/strictjson"
)

// Spring returns handlers for the routes of Spring Security's webAuthn(), by
// their patterns, so that a front end written for it goes on as it is:
//
//	for pattern, h := range site.Spring() {
//		mux.Handle(pattern, h)
//	}
//
// They are a second face of the same flows, at the root of the origin whatever
// Config.Base is, and for browsers only. There is no second step in that
// format: where one is due the answer is 401 and no session is made. Recovery
// codes can't be shown in it either: they wait for the next passkey that is
// added otherwise. Behind [Site.Protect] name "/login/webauthn",
// "/webauthn/authenticate" and "/webauthn/authenticate/options" as public.
func (s *Site) Spring() map[string]http.Handler { return s.mounted(s.springRoutes()) }

func (s *Site) springRoutes() []row {
	rows := []row{
		{post, "/webauthn/register/options", options, signedIn, fresh, nothing, small, s.springCreationOptions},
		{post, "/webauthn/register", api, signedIn, stale, failures, large, s.springRegister},
		{del, "/webauthn/register/{id}", api, signedIn, fresh, nothing, small, s.springRemove},
		{post, "/webauthn/authenticate/options", options, anyone, stale, nothing, small, s.springRequestOptions},
		{post, "/webauthn/authenticate", api, anyone, stale, failures, large, s.springAuthenticate},
		{post, "/login/webauthn", api, anyone, stale, failures, large, s.springAuthenticate},
	}
	for i, row := range rows {
		rows[i].handle = func(w http.ResponseWriter, r *http.Request) error {
			if on(r).client.App {
				return badRequest(clientHeader, "the route is for browsers")
			}
			return row.handle(w, r)
		}
	}
	return rows
}

// springCreationOptions answers creation options as they are, with nothing
// around them.
func (s *Site) springCreationOptions(w http.ResponseWriter, r *http.Request) error {
	if err := readJSON(r); err != nil {
		return err
	}
	ex := on(r)
	o, err := s.auth.BeginAddPasskey(r.Context(), ex.client, *ex.current, false)
	if err != nil {
		return err
	}
	return answer(w, o)
}

// springRegister finishes adding a passkey.
func (s *Site) springRegister(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	credential, label, err := readSpringRegistration(body)
	if err != nil {
		return err
	}
	ex := on(r)
	if _, err := s.auth.FinishAddPasskeySilently(r.Context(), ex.client, *ex.current, credential, label); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}

// readSpringRegistration takes the credential and its label out of
// {"publicKey":{"credential":{…},"label":"…"}}. What has no such member is the
// credential itself, without a label.
func readSpringRegistration(body []byte) (credential []byte, label string, err error) {
	credential = body
	var wrapped []byte
	s := strictjson.New(body)
	for m := s.Object(); m.Next(); {
		if string(m.Name) == "publicKey" {
			wrapped = s.RawObject()
		} else {
			s.Raw()
		}
	}
	if err := s.End(); err != nil {
		return nil, "", &mapae.Error{Code: mapae.CodeBadRequest, Err: err}
	}
	if wrapped == nil {
		return credential, "", nil
	}
	credential = nil
	s = strictjson.New(wrapped)
	for m := s.Object(); m.Next(); {
		switch string(m.Name) {
		case "credential":
			credential = s.RawObject()
		case "label":
			label = string(s.Text())
		default:
			s.Raw()
		}
	}
	if err := s.End(); err != nil {
		return nil, "", &mapae.Error{Code: mapae.CodeBadRequest, Field: "publicKey", Err: err}
	}
	if credential == nil {
		return nil, "", missing("credential")
	}
	return credential, label, nil
}

// springRemove removes one of the user's passkeys.
func (s *Site) springRemove(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	ex := on(r)
	if err := s.auth.RemovePasskey(r.Context(), ex.client, *ex.current, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// springRequestOptions answers request options as they are.
func (s *Site) springRequestOptions(w http.ResponseWriter, r *http.Request) error {
	if err := readJSON(r); err != nil {
		return err
	}
	o, err := s.auth.BeginSignIn(r.Context(), s.bind(w, r), mapae.SignInRequest{Autofill: true})
	if err != nil {
		return err
	}
	o.Timeout = 5 * time.Minute // of a dialogue; autofill, which has none, may take as long as the challenge lives
	return answer(w, o)
}

// springAuthenticate finishes a sign-in.
func (s *Site) springAuthenticate(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	credential, err := readSpringAssertion(body)
	if err != nil {
		return err
	}
	step, err := s.auth.FinishSignIn(r.Context(), on(r).client, credential)
	switch {
	case err != nil:
		return err
	case step.Second != nil:
		return &mapae.Error{Code: mapae.CodeSecondFactorRequired}
	}
	s.handOver(w, r, step.Admitted)
	return answer(w, struct {
		RedirectURL   string `json:"redirectUrl"`
		Authenticated bool   `json:"authenticated"`
	}{"/", true})
}

// readSpringAssertion returns the credential that is the body. Spring's own
// front end calls its member type credType; where there is only that one it is
// taken for the other.
func readSpringAssertion(body []byte) ([]byte, error) {
	var kind, credType []byte
	s := strictjson.New(body)
	for m := s.Object(); m.Next(); {
		switch value := s.Raw(); string(m.Name) {
		case "type":
			kind = value
		case "credType":
			credType = value
		}
	}
	if err := s.End(); err != nil {
		return nil, &mapae.Error{Code: mapae.CodeBadRequest, Err: err}
	}
	if kind != nil || credType == nil {
		return body, nil
	}
	rest := body[bytes.IndexByte(body, '{')+1:] // at least credType stands in it
	return slices.Concat([]byte(`{"type":`), credType, []byte(","), rest), nil
}

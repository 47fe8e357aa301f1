package web

import (
	"net/http"
	"strings"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/strictjson"
)

// readSession returns the live session that r carries: an app's in its bearer
// token, a browser's in its cookie. Neither is taken for the other, and two
// session cookies are none: the one that was planted can't be told apart.
func (s *Site) readSession(r *http.Request) (mapae.Current, error) {
	ex := on(r)
	token := ex.bearer
	if !ex.client.App {
		token = ex.cookie("")
	}
	if token == "" {
		return mapae.Current{}, mapae.ErrUnauthenticated
	}
	cur, err := s.auth.Session(r.Context(), token)
	if err != nil {
		return mapae.Current{}, err
	}
	if cur.Session.App != ex.client.App {
		return mapae.Current{}, mapae.ErrUnauthenticated
	}
	return cur, nil
}

// cookie returns the value of the one cookie that is named as the session's
// with the mark behind it (none: the session's own), or nothing. Of two, the one
// that was planted can't be told apart.
func (ex *exchange) cookie(mark string) (value string) {
	if ex.origin == nil {
		return ""
	}
	found := 0
	for _, c := range ex.cookies {
		name, ok := strings.CutPrefix(c.Name, ex.origin.cookie)
		if ok && name == mark {
			found++
			if !c.Quoted {
				value = c.Value
			}
		}
	}
	if found != 1 {
		return ""
	}
	return value
}

// setCookie sets a cookie of this origin alone, that scripts can't read. A
// negative maxAge removes it.
func (o *origin) setCookie(w http.ResponseWriter, name, value string, maxAge int, sameSite http.SameSite) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge, Secure: o.secure, HttpOnly: true, SameSite: sameSite,
	})
}

// A browser keeps who has signed in with it in a cookie of its own, as
// mapae.Admitted says, for as long as browsers keep cookies: 400 days.
const (
	deviceMark = "-device" // behind the session cookie's name
	deviceLife = 400 * 24 * 60 * 60
)

// handOver gives the client its session's token: a browser in a cookie that
// lives as long as the session can, an app in the answer.
func (s *Site) handOver(w http.ResponseWriter, r *http.Request, a mapae.Admitted) sessionAnswer {
	ex := on(r)
	ex.current = &mapae.Current{User: a.User, Session: a.Session}
	answer := sessionAnswer{Success: true, Session: showSession(a.Session, a.Session.ID), User: showUser(a.User),
		RecoveryCodes: a.RecoveryCodes, Ticket: a.Ticket, Suggest: a.Suggest}
	if ex.client.App {
		answer.Token = a.Token
		return answer
	}
	if a.Device != "" {
		ex.origin.setCookie(w, ex.origin.cookie+deviceMark, a.Device, deviceLife, http.SameSiteLaxMode)
	}
	life := int(a.Session.EndsAt.Sub(s.now()).Seconds())
	ex.origin.setCookie(w, ex.origin.cookie, a.Token, max(life, 1), http.SameSiteLaxMode)
	return answer
}

// session answers what the client is signed in with.
func (s *Site) session(w http.ResponseWriter, r *http.Request) error {
	cur := on(r).current
	return answer(w, sessionAnswer{Success: true, Session: showSession(cur.Session, cur.Session.ID), User: showUser(cur.User)})
}

// sessions answers the user's live sessions, newest first.
func (s *Site) sessions(w http.ResponseWriter, r *http.Request) error {
	cur := on(r).current
	all, err := s.auth.Sessions(r.Context(), *cur)
	if err != nil {
		return err
	}
	list := make([]sessionJSON, len(all))
	for i, one := range all {
		list[i] = showSession(one, cur.Session.ID)
	}
	return answer(w, struct {
		Success  bool          `json:"success"`
		Sessions []sessionJSON `json:"sessions"`
	}{true, list})
}

// endOtherSessions ends all sessions of the user but this one, which goes on
// under a new token.
func (s *Site) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	a, err := s.auth.EndOtherSessions(r.Context(), ex.client, *ex.current)
	if err != nil {
		return err
	}
	return answer(w, s.handOver(w, r, a))
}

// endSession ends one session of the user.
func (s *Site) endSession(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := s.auth.EndSession(r.Context(), ex.client, *ex.current, mapae.SessionID(id)); err != nil {
		return err
	}
	if mapae.SessionID(id) == ex.current.Session.ID {
		s.dropSession(w, r)
	}
	return answer(w, done{Success: true})
}

// signOut ends this session.
func (s *Site) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.endCurrent(w, r); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}

// endCurrent ends the session of r and takes its cookie back.
func (s *Site) endCurrent(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	if err := s.auth.SignOut(r.Context(), ex.client, *ex.current); err != nil {
		return err
	}
	s.dropSession(w, r)
	return nil
}

func (s *Site) dropSession(w http.ResponseWriter, r *http.Request) {
	if ex := on(r); !ex.client.App {
		ex.origin.setCookie(w, ex.origin.cookie, "", -1, http.SameSiteLaxMode)
	}
}

// pathID decodes the {id} of the route: base64url without padding. What is no
// ID is not found.
func pathID(r *http.Request) ([]byte, error) {
	id, err := strictjson.DecodeBase64([]byte(r.PathValue("id")))
	if err != nil || len(id) == 0 {
		return nil, mapae.ErrMissing
	}
	return id, nil
}

package idptest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// Social plays the protocol of a provider that has OAuth 2.0 and a user-info
// call of its own, by the paths that it has.
type Social struct {
	*desk
	URL    string
	server *httptest.Server
}

// paths are where a provider answers.
type paths struct{ authorize, token string }

func newSocial(t testing.TB, client Client, person Person, at paths, info map[string]func(Person) any, mayRedeem func(*http.Request, grant) bool) *Social {
	t.Helper()
	s := &Social{desk: newDesk(client, person)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+at.authorize, func(w http.ResponseWriter, r *http.Request) {
		code, wrong := s.authorize(r.URL.Query(), time.Now())
		if wrong != "" {
			http.Error(w, wrong, http.StatusBadRequest)
			return
		}
		sendBack(w, r, url.Values{"code": {code}, "state": {r.URL.Query().Get("state")}})
	})
	mux.HandleFunc("POST "+at.token, func(w http.ResponseWriter, r *http.Request) {
		g, access, wrong := s.redeem(r)
		if wrong == "" && mayRedeem != nil && !mayRedeem(r, g) {
			wrong = "invalid_request"
		}
		if wrong != "" { // all three say it with 200
			Answer(w, http.StatusOK, map[string]any{"error": wrong, "error_description": "no"})
			return
		}
		Answer(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "bearer", "expires_in": "3600"})
	})
	for path, tell := range info {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			g, ok := s.bearer(r)
			if !ok {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			Answer(w, http.StatusOK, tell(g.person))
		})
	}
	s.server = httptest.NewServer(s.around(mux))
	t.Cleanup(s.server.Close)
	s.URL = s.server.URL
	return s
}

// RoundTrip sends a request for the provider's real address here, so that the
// constructors are tested with the addresses that they have.
func (s *Social) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = to.Scheme, to.Host, ""
	return http.DefaultTransport.RoundTrip(r)
}

// NewGitHub plays a GitHub Enterprise Server, and github.com for its transport.
func NewGitHub(t testing.TB, client Client, person Person) *Social {
	user := func(p Person) any {
		id, _ := strconv.ParseInt(p.Subject, 10, 64)
		return map[string]any{"id": id, "login": "octo", "name": p.Name, "email": nil, "two_factor_authentication": true}
	}
	emails := func(p Person) any {
		return []map[string]any{
			{"email": "other@example.org", "primary": false, "verified": true, "visibility": nil},
			{"email": p.Email, "primary": true, "verified": p.Verified, "visibility": "private"},
		}
	}
	return newSocial(t, client, person, paths{"/login/oauth/authorize", "/login/oauth/access_token"}, map[string]func(Person) any{
		"/api/v3/user": user, "/api/v3/user/emails": emails, "/user": user, "/user/emails": emails,
	}, nil)
}

// NewKakao plays kauth.kakao.com and kapi.kakao.com.
func NewKakao(t testing.TB, client Client, person Person) *Social {
	return newSocial(t, client, person, paths{"/oauth/authorize", "/oauth/token"}, map[string]func(Person) any{
		"/v2/user/me": func(p Person) any {
			id, _ := strconv.ParseInt(p.Subject, 10, 64)
			return map[string]any{"id": id, "connected_at": "2026-01-01T00:00:00Z", "kakao_account": map[string]any{
				"profile_nickname_needs_agreement": false, "profile": map[string]any{"nickname": p.Name},
				"has_email": p.Email != "", "is_email_valid": true, "is_email_verified": p.Verified, "email": p.Email,
			}}
		},
	}, nil)
}

// NewNaver plays nid.naver.com and openapi.naver.com. Naver wants the state
// with the code.
func NewNaver(t testing.TB, client Client, person Person) *Social {
	return newSocial(t, client, person, paths{"/oauth2.0/authorize", "/oauth2.0/token"}, map[string]func(Person) any{
		"/v1/nid/me": func(p Person) any {
			return map[string]any{"resultcode": "00", "message": "success", "response": map[string]any{"id": p.Subject, "email": p.Email, "name": p.Name}}
		},
	}, func(r *http.Request, g grant) bool { return r.PostForm.Get("state") == g.state })
}

package federated_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/federated"
	"github.com/mapae/mapae/internal/idptest"
)

// social is one of the providers that have protocols of their own.
type social struct {
	name     string
	play     func(testing.TB, idptest.Client, idptest.Person) *idptest.Social
	make     func(*http.Client) (mapae.Provider, error)
	token    string // path
	info     string // path
	verified bool   // the provider says so
}

func socials() []social {
	c := registered
	return []social{
		{"github", idptest.NewGitHub, func(h *http.Client) (mapae.Provider, error) {
			return federated.GitHub{ClientID: c.ID, ClientSecret: c.Secret, HTTP: h}.Provider()
		}, "/login/oauth/access_token", "/user", true},
		{"kakao", idptest.NewKakao, func(h *http.Client) (mapae.Provider, error) {
			return federated.Kakao{ClientID: c.ID, ClientSecret: c.Secret, HTTP: h}.Provider()
		}, "/oauth/token", "/v2/user/me", true},
		{"naver", idptest.NewNaver, func(h *http.Client) (mapae.Provider, error) {
			return federated.Naver{ClientID: c.ID, ClientSecret: c.Secret, HTTP: h}.Provider()
		}, "/oauth2.0/token", "/v1/nid/me", false},
	}
}

func TestGitHubKakaoAndNaverTellWhoSomebodyIs(t *testing.T) {
	t.Parallel()
	for _, s := range socials() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			idp := s.play(t, registered, kim)
			p, err := s.make(&http.Client{Transport: idp})
			if err != nil {
				t.Fatal(err)
			}
			if p.Name() != s.name || p.Label() == "" || !strings.HasPrefix(p.Issuer(), "https://") {
				t.Errorf("it is %s %s %s", p.Name(), p.Label(), p.Issuer())
			}
			got, err := around(t, p, idp, newTrip())
			if want := (mapae.Profile{Subject: "4711", Email: "kim@example.com", EmailVerified: s.verified, Name: "Kim"}); err != nil || got != want {
				t.Errorf("profile is %+v, %v, want %+v", got, err, want)
			}
			idp.SignIn(idptest.Person{Subject: "4711", Email: "kim@example.com", Name: "Kim"})
			if got, err := around(t, p, idp, newTrip()); err != nil || got.EmailVerified {
				t.Errorf("of an unproven address: %+v, %v", got, err)
			}
		})
	}
}

func TestGitHubKakaoAndNaverAreRefusedForTheirReason(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
	}
	for _, s := range socials() {
		for name, c := range map[string]struct {
			path   string
			h      http.HandlerFunc
			reason string // empty: down
		}{
			"a code that is over":      {s.token, answer(200, `{"error":"bad_verification_code"}`), "code"},
			"a wrong secret":           {s.token, answer(200, `{"error":"incorrect_client_credentials"}`), ""},
			"a provider that is down":  {s.token, answer(502, `{"error":"invalid_grant"}`), ""},
			"no access token":          {s.token, answer(200, `{}`), ""},
			"a token that is not good": {s.info, answer(401, `{}`), "user_info"},
			"user info that is down":   {s.info, answer(500, `{}`), ""},
			"user info of nobody":      {s.info, answer(200, `{}`), ""},
			"user info twice":          {s.info, answer(200, `{"id":1,"id":2,"resultcode":"00"}`), ""},
			"an id that is text":       {s.info, answer(200, `{"id":"4711","resultcode":"01"}`), ""},
			"user info of 1 MB":        {s.info, answer(200, `{"x":"`+strings.Repeat("x", 1<<20)+`"}`), ""},
		} {
			t.Run(s.name+": "+name, func(t *testing.T) {
				t.Parallel()
				idp := s.play(t, registered, kim)
				p, err := s.make(&http.Client{Transport: idp})
				if err != nil {
					t.Fatal(err)
				}
				idp.Replace(c.path, c.h)
				_, err = around(t, p, idp, newTrip())
				if c.reason == "" {
					wantDown(t, err, "")
				} else {
					wantRefused(t, err, c.reason)
				}
			})
		}
		t.Run(s.name+": an answer of another", func(t *testing.T) {
			t.Parallel()
			idp := s.play(t, registered, kim)
			p, err := s.make(&http.Client{Transport: idp})
			if err != nil {
				t.Fatal(err)
			}
			back := there(t, p, idp, newTrip())
			_, err = p.Finish(t.Context(), newTrip(), mapae.ProviderAnswer{Code: back.Get("code"), Issuer: "https://evil.example"})
			wantRefused(t, err, mapae.ReasonMixedUp)
			if idp.Calls(s.token) != 0 {
				t.Error("the code was sent")
			}
			if _, err = p.Finish(t.Context(), newTrip(), mapae.ProviderAnswer{Code: back.Get("code"), Issuer: p.Issuer()}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNaverWantsTheStateWithTheCode(t *testing.T) {
	t.Parallel()
	idp := idptest.NewNaver(t, registered, kim)
	p, err := federated.Naver{ClientID: registered.ID, ClientSecret: registered.Secret, HTTP: &http.Client{Transport: idp}}.Provider()
	if err != nil {
		t.Fatal(err)
	}
	trip := newTrip()
	back := there(t, p, idp, trip)
	trip.State = "another"
	_, err = p.Finish(t.Context(), trip, mapae.ProviderAnswer{Code: back.Get("code")})
	wantRefused(t, err, "code")
}

func TestAnEnterpriseServerIsAskedAtItsOwnAddress(t *testing.T) {
	t.Parallel()
	idp := idptest.NewGitHub(t, registered, kim)
	p, err := federated.GitHub{URL: idp.URL + "/", ClientID: registered.ID, ClientSecret: registered.Secret}.Provider()
	if err != nil {
		t.Fatal(err)
	}
	got, err := around(t, p, http.DefaultTransport, newTrip())
	if err != nil || got.Email != kim.Email || p.Issuer() != idp.URL || idp.Calls("/api/v3/user/emails") != 1 {
		t.Errorf("%+v, %v, issuer %s", got, err, p.Issuer())
	}
}

// apple is an OpenID provider at Apple's address, and its constructor's result.
func apple(t *testing.T) (*idptest.OpenID, *ecdsa.PrivateKey, mapae.Provider) {
	t.Helper()
	const issuer = "https://appleid.apple.com"
	idp := idptest.NewOpenID(t, idptest.Client{ID: "com.example.web", RedirectURI: callback}, kim)
	idp.Document = func(d map[string]any) {
		for name, value := range d {
			if text, ok := value.(string); ok {
				d[name] = strings.Replace(text, idp.URL, issuer, 1)
			}
		}
		d["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"}
		delete(d, "authorization_response_iss_parameter_supported")
	}
	idp.Claims = func(claims map[string]any) {
		claims["iss"], claims["email_verified"] = issuer, "true"
		delete(claims, "name")
	}
	key := otherKey(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	at := &idptest.Social{URL: idp.URL}
	p, err := federated.Apple{ClientID: "com.example.web", TeamID: "TEAM567890", KeyID: "KEY4567890", HTTP: &http.Client{Transport: at},
		Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}.Provider()
	if err != nil {
		t.Fatal(err)
	}
	return idp, key, p
}

func TestAppleGetsASecretThatWeSign(t *testing.T) {
	t.Parallel()
	idp, key, p := apple(t)
	secret := ""
	trip := newTrip()
	to, err := p.Start(t.Context(), trip)
	if q := mustQuery(t, to); err != nil || q.Get("response_mode") != "form_post" || q.Get("scope") != "openid name email" {
		t.Fatalf("people are sent to %s, %v", to, err)
	}
	idp.Replace("/token", func(w http.ResponseWriter, r *http.Request) {
		secret = r.FormValue("client_secret")
		idptest.Answer(w, 400, map[string]any{"error": "invalid_grant"})
	})
	_, err = p.Finish(t.Context(), trip, mapae.ProviderAnswer{Code: "x"})
	wantRefused(t, err, "code")
	signed, err := jose.ParseSignedCompact(secret, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(key.Public())
	if err != nil {
		t.Fatalf("the secret %s: %v", secret, err)
	}
	var claims struct {
		Iss, Sub, Aud string
		Iat, Exp      int64
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Iss != "TEAM567890" || claims.Sub != "com.example.web" || claims.Aud != "https://appleid.apple.com" ||
		claims.Iat != trip.At.Unix() || claims.Exp != trip.At.Add(5*time.Minute).Unix() || signed.Signatures[0].Header.KeyID != "KEY4567890" {
		t.Errorf("the secret says %s, key %s", payload, signed.Signatures[0].Header.KeyID)
	}
}

func TestAppleTellsTheNameBesideTheCode(t *testing.T) {
	t.Parallel()
	idp, _, p := apple(t)
	for user, want := range map[string]string{
		`{"name":{"firstName":"Kim","lastName":"Lee"},"email":"evil@example.com"}`: "Kim Lee",
		`{"name":{"firstName":"Kim"}}`:                                             "Kim", `{"name":"Kim"}`: "", `{`: "", "": "", `{"name":{"firstName":1}}`: "",
	} {
		trip := newTrip()
		code := appleCode(t, idp, p, trip)
		got, err := p.Finish(t.Context(), trip, mapae.ProviderAnswer{Code: code, User: user})
		if err != nil || got.Name != want || got.Email != kim.Email || !got.EmailVerified {
			t.Errorf("user %s: %+v, %v, want the name %q", user, got, err, want)
		}
	}
}

// appleCode reads the code from the form that the provider's page posts.
func appleCode(t *testing.T, idp *idptest.OpenID, p mapae.Provider, trip mapae.ProviderTrip) string {
	t.Helper()
	to, err := p.Start(t.Context(), trip)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(strings.Replace(to, "https://appleid.apple.com", idp.URL, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var page strings.Builder
	if _, err := io.Copy(&page, answer.Body); err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(page.String(), `name="code" value="`)
	code, _, _ := strings.Cut(rest, `"`)
	if !ok || code == "" {
		t.Fatalf("no code in %s", &page)
	}
	return code
}

package federated_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/federated"
	"github.com/mapae/mapae/internal/idptest"
)

const callback = "https://example.com/api/auth/federated/test/callback"

var (
	registered = idptest.Client{ID: "client-1", Secret: "hush", RedirectURI: callback}
	kim        = idptest.Person{Subject: "4711", Email: "kim@example.com", Verified: true, Name: "Kim"}
)

// newTrip is a trip that begins now.
func newTrip() mapae.ProviderTrip {
	return mapae.ProviderTrip{RedirectURI: callback, State: strings.Repeat("s", 60), Nonce: strings.Repeat("n", 43), Verifier: strings.Repeat("v", 43), At: time.Now()}
}

// there sends a browser to the provider, where somebody is signed in, and
// returns what it comes back with.
func there(t *testing.T, p mapae.Provider, via http.RoundTripper, trip mapae.ProviderTrip) url.Values {
	t.Helper()
	to, err := p.Start(t.Context(), trip)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", to, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := via.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(answer.Header.Get("Location"), callback+"?") || back.Query().Get("state") != trip.State {
		t.Fatalf("the provider answers %s and sends to %q, want %s with the state", answer.Status, back, callback)
	}
	return back.Query()
}

// around goes to the provider and back, and finishes.
func around(t *testing.T, p mapae.Provider, via http.RoundTripper, trip mapae.ProviderTrip) (mapae.Profile, error) {
	t.Helper()
	back := there(t, p, via, trip)
	return p.Finish(t.Context(), trip, mapae.ProviderAnswer{Code: back.Get("code"), Issuer: back.Get("iss")})
}

// openID is an OpenID provider and its constructor's result, after the changes.
func openID(t *testing.T, change ...func(*idptest.OpenID, *federated.OIDC)) (*idptest.OpenID, mapae.Provider) {
	t.Helper()
	idp := idptest.NewOpenID(t, registered, kim)
	set := federated.OIDC{Name: "test", Label: "Test", Issuer: idp.URL, ClientID: registered.ID, ClientSecret: registered.Secret}
	for _, f := range change {
		f(idp, &set)
	}
	p, err := set.Provider()
	if err != nil {
		t.Fatal(err)
	}
	return idp, p
}

// wantRefused demands a refusal for that reason.
func wantRefused(t *testing.T, err error, reason string) {
	t.Helper()
	var refused *mapae.ProviderError
	if !errors.As(err, &refused) || refused.Reason != reason || refused.Error() == "" {
		t.Errorf("error is %v, want a refusal with the reason %q", err, reason)
	}
}

// wantDown demands an error that says nothing about the person.
func wantDown(t *testing.T, err error, text string) {
	t.Helper()
	var refused *mapae.ProviderError
	if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), text) {
		t.Errorf("error is %v, want one with %q that is no refusal", err, text)
	}
}

func TestSomebodySignsInAtAnOpenIDProvider(t *testing.T) {
	t.Parallel()
	idp, p := openID(t)
	for range 2 {
		got, err := around(t, p, http.DefaultTransport, newTrip())
		if want := (mapae.Profile{Subject: "4711", Email: "kim@example.com", EmailVerified: true, Name: "Kim"}); err != nil || got != want {
			t.Fatalf("profile is %+v, %v, want %+v", got, err, want)
		}
	}
	for path, want := range map[string]int{"/.well-known/openid-configuration": 1, "/keys": 1, "/token": 2, "/userinfo": 0} {
		if got := idp.Calls(path); got != want {
			t.Errorf("%s was asked %d times in two sign-ins, want %d", path, got, want)
		}
	}
}

func TestTheSecretGoesWhereTheProviderWantsIt(t *testing.T) {
	t.Parallel()
	for method, inHeader := range map[string]bool{"client_secret_basic": true, "client_secret_post": false} {
		idp, p := openID(t, func(idp *idptest.OpenID, _ *federated.OIDC) {
			idp.Document = func(d map[string]any) { d["token_endpoint_auth_methods_supported"] = []string{method} }
		})
		back := there(t, p, http.DefaultTransport, newTrip())
		idp.Replace("/token", func(w http.ResponseWriter, r *http.Request) {
			if id, secret, basic := r.BasicAuth(); basic != inHeader || basic && (id != registered.ID || secret != registered.Secret) || !basic && r.FormValue("client_secret") != registered.Secret {
				t.Errorf("%s: the header has %v %q", method, basic, id)
			}
			idptest.Answer(w, 400, map[string]any{"error": "invalid_grant"})
		})
		_, err := p.Finish(t.Context(), newTrip(), mapae.ProviderAnswer{Code: back.Get("code"), Issuer: back.Get("iss")})
		wantRefused(t, err, "code")
	}
}

func TestAFreshProofIsAskedForAndChecked(t *testing.T) {
	t.Parallel()
	idp, p := openID(t)
	trip := newTrip()
	trip.Since = trip.At
	to, err := p.Start(t.Context(), trip)
	if q := mustQuery(t, to); err != nil || q.Get("prompt") != "login" || q.Get("max_age") != "0" {
		t.Errorf("a fresh proof is asked for by %s, %v", to, err)
	}
	if _, err := around(t, p, http.DefaultTransport, trip); err != nil {
		t.Error(err)
	}
	for _, when := range []any{time.Now().Add(-time.Hour).Unix(), nil, "now"} {
		idp.Claims = func(claims map[string]any) { claims["auth_time"] = when }
		_, err := around(t, p, http.DefaultTransport, trip)
		wantRefused(t, err, "fresh")
	}
}

func mustQuery(t *testing.T, text string) url.Values {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestWhatTheIDTokenLacksIsAskedOfUserInfo(t *testing.T) {
	t.Parallel()
	idp, p := openID(t)
	idp.Claims = func(claims map[string]any) { delete(claims, "email"); delete(claims, "email_verified") }
	got, err := around(t, p, http.DefaultTransport, newTrip())
	if err != nil || got.Email != "kim@example.com" || !got.EmailVerified || got.Subject != "4711" {
		t.Errorf("profile is %+v, %v", got, err)
	}
	idp.Replace("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		idptest.Answer(w, 200, map[string]any{"sub": "4712", "email": "lee@example.com", "email_verified": true})
	})
	_, err = around(t, p, http.DefaultTransport, newTrip())
	wantRefused(t, err, "subject")
}

func TestOnlyTrueIsVerified(t *testing.T) { // BI-446
	t.Parallel()
	idp, p := openID(t)
	for _, verified := range []any{"true", 1, "1", nil, false, []bool{true}, map[string]bool{"true": true}} {
		idp.Claims = func(claims map[string]any) { claims["email_verified"] = verified }
		got, err := around(t, p, http.DefaultTransport, newTrip())
		if err != nil || got.EmailVerified || got.Email == "" {
			t.Errorf("email_verified is %v: %+v, %v", verified, got, err)
		}
	}
	idp.Claims = func(claims map[string]any) { delete(claims, "email_verified"); claims["Email_Verified"] = true }
	if got, err := around(t, p, http.DefaultTransport, newTrip()); err != nil || got.EmailVerified {
		t.Errorf("a member of another name counts: %+v, %v", got, err)
	}
}

func TestANewKeyOfTheProviderIsFetchedAtOnce(t *testing.T) {
	t.Parallel()
	idp, p := openID(t)
	if _, err := around(t, p, http.DefaultTransport, newTrip()); err != nil {
		t.Fatal(err)
	}
	idp.Key = otherKey(t)
	if _, err := around(t, p, http.DefaultTransport, newTrip()); err != nil || idp.Calls("/keys") != 2 {
		t.Errorf("after a change of key: %v, %d calls", err, idp.Calls("/keys"))
	}
}

func TestConstructorsNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	read := func([]byte) (mapae.Profile, error) { return mapae.Profile{}, nil }
	good := federated.OAuth2{Name: "x", AuthURL: "https://a.example", TokenURL: "https://a.example", UserInfoURL: "https://a.example", ClientID: "c", ClientSecret: "s", Read: read}
	with := func(f func(*federated.OAuth2)) federated.OAuth2 { o := good; f(&o); return o }
	for want, c := range map[string]interface {
		Provider() (mapae.Provider, error)
	}{
		`Issuer "http://id.example.com" is not https`:     federated.OIDC{Name: "x", Issuer: "http://id.example.com", ClientID: "c", ClientSecret: "s"},
		`Issuer "" is not a URL`:                          federated.OIDC{Name: "x", ClientID: "c", ClientSecret: "s"},
		`Issuer "https://u@id.example.com" is not a URL`:  federated.OIDC{Name: "x", Issuer: "https://u@id.example.com", ClientID: "c", ClientSecret: "s"},
		"google: ClientID or ClientSecret is missing":     federated.Google{ClientID: "c"},
		"kakao: ClientID or ClientSecret is missing":      federated.Kakao{ClientSecret: "s"},
		"naver: ClientID or ClientSecret is missing":      federated.Naver{},
		"github: AuthURL \"http://x.example/login":        federated.GitHub{URL: "http://x.example", ClientID: "c", ClientSecret: "s"},
		"apple: Key: not in PEM":                          federated.Apple{ClientID: "c"},
		"x: Read is missing":                              with(func(o *federated.OAuth2) { o.Read = nil }),
		`x: TokenURL "file:///etc/passwd" is not a URL`:   with(func(o *federated.OAuth2) { o.TokenURL = "file:///etc/passwd" }),
		`x: UserInfoURL "ftp://a.example" is not https`:   with(func(o *federated.OAuth2) { o.UserInfoURL = "ftp://a.example" }),
		`x: AuthURL "https://a.example#x" is not a URL`:   with(func(o *federated.OAuth2) { o.AuthURL = "https://a.example#x" }),
		`x: AuthURL "http://localhost.evil.example" is n`: with(func(o *federated.OAuth2) { o.AuthURL = "http://localhost.evil.example" }),
	} {
		if p, err := c.Provider(); err == nil || !strings.Contains(err.Error(), want) || p != nil {
			t.Errorf("%+v: %v, %v, want %q", c, p, err, want)
		}
	}
	if _, err := good.Provider(); err != nil {
		t.Error(err)
	}
}

// hang answers nothing for as long as somebody waits.
func hang(r *http.Request) {
	_ = r.ParseForm() // a server sees that a client is gone once it has read the body
	<-r.Context().Done()
}

// TestAProviderThatIsDownIsNoRefusal: too much, too slow, broken and elsewhere.
func TestAProviderThatIsDownIsNoRefusal(t *testing.T) { // BI-454
	t.Parallel()
	big := func(w http.ResponseWriter, _ *http.Request) {
		idptest.Answer(w, 200, map[string]any{"issuer": strings.Repeat("x", 1<<20), "access_token": "x"})
	}
	slow := func(_ http.ResponseWriter, r *http.Request) { hang(r) }
	away := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	}
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/token2", http.StatusTemporaryRedirect)
	}
	broken := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusServiceUnavailable)
	}
	noJSON := func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }
	misconfigured := func(w http.ResponseWriter, _ *http.Request) {
		idptest.Answer(w, 401, map[string]any{"error": "invalid_client"})
	}
	for name, h := range map[string]http.HandlerFunc{"1 MB": big, "slow": slow, "to a file": away, "elsewhere": elsewhere, "broken": broken, "no JSON": noJSON, "our secret is wrong": misconfigured} {
		for _, path := range []string{"/.well-known/openid-configuration", "/keys", "/token", "/userinfo"} {
			t.Run(name+" at "+path, func(t *testing.T) {
				t.Parallel()
				if path != "/token" && name == "our secret is wrong" {
					return
				}
				idp, p := openID(t)
				idp.Claims = func(claims map[string]any) { delete(claims, "email") } // so that all are asked
				federated.Hurry(p, 200*time.Millisecond)
				idp.Replace(path, h)
				if path == "/.well-known/openid-configuration" {
					_, err := p.Start(t.Context(), newTrip())
					wantDown(t, err, "discovery: ")
				} else {
					_, err := around(t, p, http.DefaultTransport, newTrip())
					wantDown(t, err, map[string]string{"/keys": "keys: ", "/token": "token endpoint: ", "/userinfo": "user info: "}[path])
				}
				if n := idp.Calls("/token2"); n != 0 {
					t.Errorf("a redirect was followed %d times", n)
				}
				idp.Replace(path, nil)
				if _, err := around(t, p, http.DefaultTransport, newTrip()); err != nil {
					t.Errorf("when the provider is back: %v", err)
				}
			})
		}
	}
}

func TestWhoGaveUpWaitsForNoProvider(t *testing.T) {
	t.Parallel()
	idp, p := openID(t)
	trip := newTrip()
	back := there(t, p, http.DefaultTransport, trip)
	ctx, cancel := context.WithCancel(t.Context())
	idp.Replace("/token", func(_ http.ResponseWriter, r *http.Request) { cancel(); hang(r) })
	_, err := p.Finish(ctx, trip, mapae.ProviderAnswer{Code: back.Get("code"), Issuer: back.Get("iss")})
	wantDown(t, err, "context canceled")
}

func TestADiscoveryDocumentOfSomebodyElseIsNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"another issuer":      {func(d map[string]any) { d["issuer"] = "https://evil.example" }, "did not match"},
		"an issuer with a /":  {func(d map[string]any) { d["issuer"] = d["issuer"].(string) + "/" }, "did not match"},
		"keys without https":  {func(d map[string]any) { d["jwks_uri"] = "http://evil.example/keys" }, "is not https"},
		"no token endpoint":   {func(d map[string]any) { delete(d, "token_endpoint") }, "is not a URL"},
		"a file for sign-in":  {func(d map[string]any) { d["authorization_endpoint"] = "file:///etc/passwd" }, "is not a URL"},
		"user info elsewhere": {func(d map[string]any) { d["userinfo_endpoint"] = "http://10.0.0.1/" }, "is not https"},
	} {
		_, p := openID(t, func(idp *idptest.OpenID, _ *federated.OIDC) { idp.Document = c.change })
		_, err := p.Start(t.Context(), newTrip())
		if wantDown(t, err, c.want); t.Failed() {
			t.Fatal(name)
		}
	}
}

package idptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// KeyID is the kid of the provider's key.
const KeyID = "key-1"

// OpenID is an OpenID provider at an address of this machine. Its members are
// set before it is asked.
type OpenID struct {
	*desk
	URL string            // the issuer
	Key *ecdsa.PrivateKey // ES256
	Now func() time.Time  // nil: time.Now

	// What it does wrong; nil: nothing.
	Claims   func(claims map[string]any)        // changes those of an ID token before it is signed
	Token    func(claims map[string]any) string // makes the ID token, however
	Answer   func(answer url.Values)            // changes what it sends back by way of the browser
	Document func(document map[string]any)      // changes the discovery document
}

// NewOpenID starts a provider that knows client and at which person is signed
// in. It ends with the test.
func NewOpenID(t testing.TB, client Client, person Person) *OpenID {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &OpenID{desk: newDesk(client, person), Key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", o.document)
	mux.HandleFunc("GET /keys", o.keys)
	mux.HandleFunc("GET /authorize", o.authorizePage)
	mux.HandleFunc("POST /token", o.token)
	mux.HandleFunc("GET /userinfo", o.userInfo)
	server := httptest.NewServer(o.around(mux))
	t.Cleanup(server.Close)
	o.URL = server.URL
	return o
}

func (o *OpenID) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

func (o *OpenID) document(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{
		"issuer": o.URL, "authorization_endpoint": o.URL + "/authorize", "token_endpoint": o.URL + "/token",
		"userinfo_endpoint": o.URL + "/userinfo", "jwks_uri": o.URL + "/keys", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		"authorization_response_iss_parameter_supported": true, "code_challenge_methods_supported": []string{"S256"},
	}
	if o.Document != nil {
		o.Document(document)
	}
	Answer(w, http.StatusOK, document)
}

func (o *OpenID) keys(w http.ResponseWriter, _ *http.Request) {
	Answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: o.Key.Public(), KeyID: KeyID, Algorithm: "ES256", Use: "sig"}}})
}

func (o *OpenID) authorizePage(w http.ResponseWriter, r *http.Request) {
	code, wrong := o.authorize(r.URL.Query(), o.now())
	if wrong != "" {
		http.Error(w, wrong, http.StatusBadRequest)
		return
	}
	answer := url.Values{"code": {code}, "state": {r.URL.Query().Get("state")}, "iss": {o.URL}}
	if o.Answer != nil {
		o.Answer(answer)
	}
	sendBack(w, r, answer)
}

func (o *OpenID) token(w http.ResponseWriter, r *http.Request) {
	g, access, wrong := o.redeem(r)
	if wrong != "" {
		Answer(w, http.StatusBadRequest, map[string]any{"error": wrong})
		return
	}
	now := o.now()
	claims := map[string]any{
		"iss": o.URL, "sub": g.person.Subject, "aud": o.client.ID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"nonce": g.nonce, "auth_time": g.authenticated.Unix(), "name": g.person.Name,
	}
	if g.person.Email != "" {
		claims["email"], claims["email_verified"] = g.person.Email, g.person.Verified
	}
	if o.Claims != nil {
		o.Claims(claims)
	}
	raw := ""
	if o.Token != nil {
		raw = o.Token(claims)
	} else {
		raw = o.Sign(claims)
	}
	Answer(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": raw})
}

// Sign signs claims with the provider's key.
func (o *OpenID) Sign(claims map[string]any) string {
	return Sign(jose.ES256, o.Key, map[jose.HeaderKey]any{"kid": KeyID}, claims)
}

// Sign signs claims by alg under a key, with more members of the header.
func Sign(alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		panic(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return raw
}

func (o *OpenID) userInfo(w http.ResponseWriter, r *http.Request) {
	g, ok := o.bearer(r)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	Answer(w, http.StatusOK, map[string]any{"sub": g.person.Subject, "email": g.person.Email, "email_verified": g.person.Verified, "name": g.person.Name})
}

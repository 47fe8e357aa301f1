package federated_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/federated"
	"github.com/mapae/mapae/internal/idptest"
)

func otherKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAnIDTokenIsRefusedForItsReason(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
	}
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for name, c := range map[string]struct {
		change func(map[string]any)
		reason string // empty: taken
	}{
		"as it is":                        {func(map[string]any) {}, ""},
		"of another issuer":               {set("iss", "https://evil.example"), "issuer"},
		"without an issuer":               {set("iss", nil), "issuer"},
		"of an issuer with a slash":       {func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" }, "issuer"},
		"for another client":              {set("aud", "client-2"), "audience"},
		"for nobody":                      {set("aud", nil), "audience"},
		"for a client in upper case":      {set("aud", "CLIENT-1"), "audience"},
		"for us among others":             {func(c map[string]any) { c["aud"] = []string{"client-2", "client-1"}; c["azp"] = "client-1" }, ""},
		"for several, issued to nobody":   {set("aud", []string{"client-2", "client-1"}), "party"},
		"issued to another":               {set("azp", "client-2"), "party"},
		"issued to a number":              {set("azp", 1), "party"},
		"expired":                         {set("exp", at(-3*time.Minute)), "expired"}, // BI-442
		"expired a moment ago":            {set("exp", at(-time.Minute)), ""},
		"without an end":                  {set("exp", nil), "expired"},
		"with an end that is no number":   {set("exp", []int{1}), "claims"},
		"with an end of long ago":         {set("exp", 0), "expired"},
		"from the future":                 {set("iat", at(3*time.Minute)), "issued"},
		"without a beginning":             {set("iat", nil), "issued"},
		"not yet good":                    {set("nbf", at(3*time.Minute)), "issued"},
		"with another nonce":              {set("nonce", strings.Repeat("m", 43)), "nonce"},
		"without a nonce":                 {set("nonce", nil), "nonce"},
		"without a subject":               {set("sub", nil), "subject"},
		"with an empty subject":           {set("sub", ""), "subject"},
		"with a long subject":             {set("sub", strings.Repeat("x", 256)), "subject"},
		"with the longest subject":        {set("sub", strings.Repeat("x", 255)), ""},
		"with members that nobody knows":  {set("x", map[string]any{"a": []int{1}}), ""},
		"of a person without address":     {set("email", ""), ""},
		"of a person signed in long ago":  {set("auth_time", 1), ""},
		"with claims that lie elsewhere":  {set("_claim_names", map[string]string{"email": "src"}), "claims"},
		"with the old access token's sum": {set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), ""}, // only the code flow is used
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp, p := openID(t)
			idp.Claims = c.change
			got, err := around(t, p, http.DefaultTransport, newTrip())
			if c.reason == "" {
				if err != nil || got.Subject == "" {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			wantRefused(t, err, c.reason)
			if got != (mapae.Profile{}) {
				t.Errorf("a refusal has the profile %+v", got)
			}
		})
	}
}

func TestATokenThatTheProviderDidNotSignIsRefused(t *testing.T) { // BI-443
	t.Parallel()
	idp, p := openID(t, func(idp *idptest.OpenID, _ *federated.OIDC) {
		idp.Document = func(d map[string]any) {
			d["id_token_signing_alg_values_supported"] = []string{"ES256", "HS256", "none"}
		}
	})
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(idp.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	sign := func(alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any) func(map[string]any) string {
		return func(claims map[string]any) string { return idptest.Sign(alg, key, header, claims) }
	}
	other := otherKey(t)
	kid := map[jose.HeaderKey]any{"kid": idptest.KeyID}
	for name, c := range map[string]struct {
		token  func(map[string]any) string
		reason string
	}{
		"none": {func(claims map[string]any) string {
			return encode([]byte(`{"alg":"none"}`)) + "." + strings.Split(idp.Sign(claims), ".")[1] + "."
		}, "algorithm"},
		"None": {func(claims map[string]any) string {
			return encode([]byte(`{"alg":"None"}`)) + "." + strings.Split(idp.Sign(claims), ".")[1] + "."
		}, "algorithm"},
		"no signature": {func(claims map[string]any) string {
			return strings.Join(strings.Split(idp.Sign(claims), ".")[:2], ".") + "."
		}, "signature"},
		"HS256 with the public key":    {sign(jose.HS256, public, kid), "algorithm"},
		"HS256 with the secret":        {sign(jose.HS256, []byte(strings.Repeat("hush", 8)), kid), "algorithm"},
		"an algorithm of nobody's":     {sign(jose.RS256, rsaKey, kid), "algorithm"},
		"another key":                  {sign(jose.ES256, other, kid), "signature"},
		"an unknown kid":               {sign(jose.ES256, other, map[jose.HeaderKey]any{"kid": "key-2"}), "signature"},
		"no kid":                       {sign(jose.ES256, other, nil), "signature"},
		"jku":                          {sign(jose.ES256, other, map[jose.HeaderKey]any{"kid": idptest.KeyID, "jku": idp.URL + "/evil"}), "signature"},
		"x5u":                          {sign(jose.ES256, other, map[jose.HeaderKey]any{"kid": idptest.KeyID, "x5u": idp.URL + "/evil"}), "signature"},
		"a changed claim":              {func(claims map[string]any) string { return swapPayload(idp.Sign(claims), `{"sub":"1"}`) }, "signature"},
		"nothing":                      {func(map[string]any) string { return "" }, "claims"},
		"no token":                     {func(map[string]any) string { return "x" }, "algorithm"},
		"two tokens":                   {func(claims map[string]any) string { return idp.Sign(claims) + "." + idp.Sign(claims) }, "signature"},
		"a payload that is no object":  {func(map[string]any) string { return signRaw(t, idp.Key, `[]`) }, "claims"},
		"a member that is there twice": {func(claims map[string]any) string { return signRaw(t, idp.Key, `{"sub":"1","sub":"2"}`) }, "claims"},
	} {
		idp.Token = c.token
		_, err := around(t, p, http.DefaultTransport, newTrip())
		if wantRefused(t, err, c.reason); t.Failed() {
			t.Fatal(name)
		}
	}
	if n := idp.Calls("/evil"); n != 0 {
		t.Errorf("keys of a token's own choice were fetched %d times", n)
	}
	// The proof that the rows above fail for what they say.
	idp.Token = nil
	if _, err := around(t, p, http.DefaultTransport, newTrip()); err != nil {
		t.Error(err)
	}
}

// swapPayload puts another payload under a signature.
func swapPayload(raw, payload string) string {
	parts := strings.Split(raw, ".")
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(payload))
	return strings.Join(parts, ".")
}

// signRaw signs a payload byte for byte.
func signRaw(t *testing.T, key *ecdsa.PrivateKey, payload string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{"kid": idptest.KeyID}})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestACodeIsGoodOnceAndForWhoAskedForIt(t *testing.T) { // BI-439
	t.Parallel()
	_, p := openID(t)
	for name, change := range map[string]func(*mapae.ProviderTrip){
		"another verifier":     func(trip *mapae.ProviderTrip) { trip.Verifier = strings.Repeat("w", 43) },
		"no verifier":          func(trip *mapae.ProviderTrip) { trip.Verifier = "" },
		"another redirect URI": func(trip *mapae.ProviderTrip) { trip.RedirectURI += "/" },
	} {
		trip := newTrip()
		back := there(t, p, http.DefaultTransport, trip)
		change(&trip)
		_, err := p.Finish(t.Context(), trip, mapae.ProviderAnswer{Code: back.Get("code"), Issuer: back.Get("iss")})
		if wantRefused(t, err, "code"); t.Failed() {
			t.Fatal(name)
		}
	}
	trip := newTrip()
	back := there(t, p, http.DefaultTransport, trip)
	answer := mapae.ProviderAnswer{Code: back.Get("code"), Issuer: back.Get("iss")}
	if _, err := p.Finish(t.Context(), trip, answer); err != nil {
		t.Fatal(err)
	}
	_, err := p.Finish(t.Context(), trip, answer)
	wantRefused(t, err, "code")
}

func TestAnAnswerOfAnotherProviderIsNeverExchanged(t *testing.T) { // BI-440
	t.Parallel()
	idp, p := openID(t)
	evil, _ := openID(t)
	trip := newTrip()
	code := there(t, p, http.DefaultTransport, trip).Get("code")
	for _, iss := range []string{evil.URL, "", idp.URL + "/", strings.ToUpper(idp.URL)} {
		_, err := p.Finish(t.Context(), trip, mapae.ProviderAnswer{Code: code, Issuer: iss})
		wantRefused(t, err, mapae.ReasonMixedUp)
	}
	if n := idp.Calls("/token"); n != 0 {
		t.Errorf("the code was sent %d times", n)
	}
	// A provider that does not promise an iss may leave it out, and send no other.
	idp, p = openID(t, func(idp *idptest.OpenID, _ *federated.OIDC) {
		idp.Document = func(d map[string]any) { delete(d, "authorization_response_iss_parameter_supported") }
	})
	code = there(t, p, http.DefaultTransport, trip).Get("code")
	_, err := p.Finish(t.Context(), trip, mapae.ProviderAnswer{Code: code, Issuer: evil.URL})
	wantRefused(t, err, mapae.ReasonMixedUp)
	if _, err := p.Finish(t.Context(), trip, mapae.ProviderAnswer{Code: code}); err != nil {
		t.Errorf("without iss: %v", err)
	}
	_ = idp
}

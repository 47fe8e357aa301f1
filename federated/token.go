package federated

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/mapae/mapae"
)

// algorithms are those of ID tokens that are taken: signatures by a key pair.
// With none, or a secret that both sides have, a token proves nothing here.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// maxSubject bounds a subject identifier (OpenID Connect Core §2), in bytes.
const maxSubject = 255

// verify returns the claims of an ID token that came straight from the token
// endpoint. The steps are those of OpenID Connect Core §3.1.3.7.
func (p *oidcProvider) verify(ctx context.Context, d *discovered, trip mapae.ProviderTrip, raw string) (object, error) {
	if raw == "" {
		return nil, refuse("claims", "the token endpoint gave no ID token")
	}
	// 6 to 8: signature and algorithm; the key is one of the discovery document's,
	// whatever the token's header says.
	payload, err := p.signed(ctx, d, raw)
	if err != nil {
		return nil, err
	}
	claims, err := readObject(payload)
	if err != nil {
		return nil, refuse("claims", "ID token: %w", err)
	}
	return claims, p.check(claims, trip)
}

// signed returns the payload of the token once its signature is good.
func (p *oidcProvider) signed(ctx context.Context, d *discovered, raw string) ([]byte, error) {
	taken := slices.DeleteFunc(slices.Clone(algorithms), func(alg string) bool { return !slices.Contains(d.Algorithms, alg) })
	if d.Algorithms == nil {
		taken = []string{oidc.RS256}
	}
	if alg := algorithmOf(raw); !slices.Contains(taken, alg) {
		return nil, refuse("algorithm", "ID token is signed by %q, want one of %q", alg, taken)
	}
	keys := &watchedKeys{KeySet: d.keys}
	config := &oidc.Config{SupportedSigningAlgs: taken, SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true} // check does them
	token, err := oidc.NewVerifier(p.set.Issuer, keys, config).Verify(ctx, raw)
	switch {
	case keys.unreachable != nil:
		return nil, keys.unreachable
	case err != nil && keys.good:
		return nil, refuse("claims", "ID token: %w", err)
	case err != nil:
		return nil, refuse("signature", "ID token: %w", err)
	}
	var payload json.RawMessage
	return payload, errors.Join(token.Claims(&payload), ctx.Err())
}

// check holds the claims against what was asked for.
func (p *oidcProvider) check(claims object, trip mapae.ProviderTrip) error {
	iss, sub, party, audience := claims.text("iss"), claims.text("sub"), claims.text("azp"), claims.texts("aud")
	// 2.
	if iss != p.set.Issuer {
		return refuse("issuer", "iss is %q, want %q", iss, p.set.Issuer)
	}
	// 3.
	if !slices.Contains(audience, p.set.ClientID) {
		return refuse("audience", "aud is %q, want %q", audience, p.set.ClientID)
	}
	// 4 and 5.
	if claims.has("azp") && party != p.set.ClientID || len(audience) > 1 && party == "" {
		return refuse("party", "azp is %q among the audience %q, want %q", party, audience, p.set.ClientID)
	}
	// 9 and 10.
	now := float64(trip.At.Unix())
	if exp, ok := claims.date("exp"); !ok || exp+clockSkew.Seconds() <= now {
		return refuse("expired", "exp is %s, it is %v", claims["exp"], trip.At)
	}
	if iat, ok := claims.date("iat"); !ok || iat-clockSkew.Seconds() > now {
		return refuse("issued", "iat is %s, it is %v", claims["iat"], trip.At)
	}
	if nbf, ok := claims.date("nbf"); claims.has("nbf") && (!ok || nbf-clockSkew.Seconds() > now) {
		return refuse("issued", "nbf is %s, it is %v", claims["nbf"], trip.At)
	}
	// 11.
	if subtle.ConstantTimeCompare([]byte(claims.text("nonce")), []byte(trip.Nonce)) == 0 {
		return refuse("nonce", "nonce is not the one that was asked for")
	}
	// 13.
	if err := p.checkFresh(claims, trip.Since); err != nil {
		return err
	}
	if sub == "" || len(sub) > maxSubject {
		return refuse("subject", "sub has %d bytes, want 1 to %d", len(sub), maxSubject)
	}
	return nil
}

// checkFresh demands that the person proved themselves since then, where that
// was asked for. Who was asked by max_age must say when it was.
func (p *oidcProvider) checkFresh(claims object, since time.Time) error {
	if since.IsZero() || !claims.has("auth_time") && p.freshly().Get("max_age") == "" {
		return nil
	}
	if at, ok := claims.date("auth_time"); !ok || at+clockSkew.Seconds() < float64(since.Unix()) {
		return refuse("fresh", "auth_time is %s, want after %v", claims["auth_time"], since)
	}
	return nil
}

// algorithmOf is the alg of a token's header, or nothing.
func algorithmOf(raw string) string {
	head, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return ""
	}
	header, err := readObject(text)
	if err != nil {
		return ""
	}
	return header.text("alg")
}

// watchedKeys tells keys that could not be fetched from a signature that is
// wrong, which the verifier's error does not.
type watchedKeys struct {
	oidc.KeySet
	good        bool
	unreachable error
}

func (k *watchedKeys) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, raw)
	k.good = err == nil
	if cause := errors.Unwrap(err); cause != nil {
		k.unreachable = fmt.Errorf("keys: %w", cause)
	}
	return payload, err
}

// Package federated owns signing in with an account of somewhere else: the
// protocols OpenID Connect and OAuth 2.0 as a client speaks them. It never
// decides who gets in: that is package mapae, which it hands a [mapae.Profile].
//
// Each provider is a struct literal, and its method Provider checks it:
//
//	google, err := federated.Google{ClientID: "…", ClientSecret: "…"}.Provider()
//	…
//	Methods: []mapae.Method{mapae.Passkey{}, mapae.Federated{google}},
//
// [Google], [Apple], [GitHub], [Kakao] and [Naver] know what their providers
// want. [OIDC] takes every provider that has an OpenID Connect discovery
// document, [OAuth2] every other that has a user-info call.
//
// Whatever the provider: the authorization code is asked for with PKCE (RFC
// 7636, S256), state and, in OpenID Connect, a nonce; the redirect URI is exact;
// an iss in the answer must be the provider's (RFC 9207). Answers are read up to
// 256 KiB, no redirect is followed, a call takes 5 seconds at most and all calls
// of one sign-in 9. Nothing is asked before somebody signs in.
//
// What a provider answers falls into two classes. A [mapae.ProviderError] means
// that the answer was read and is refused, with a word that says why: mixed_up,
// issuer, code, algorithm, signature, audience, party, expired, issued, nonce, fresh,
// subject, claims, user_info. Any other error means that the provider is out of
// reach or answers what nobody could use; it says nothing about the person.
package federated

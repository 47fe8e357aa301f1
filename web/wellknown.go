package web

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/mapae/mapae/webauthn"
)

// WellKnown is what the site says under /.well-known/ to browsers, password
// managers and the makers of apps, beside the origins and related origins that
// mapae.RelyingParty has.
type WellKnown struct {
	// AppleApps are the apps for iOS and macOS that may use the passkeys of
	// the RP ID: a team ID, a dot and a bundle ID, "ABCDE12345.com.example.app".
	AppleApps []string
	// AndroidApps are the package names of the Android apps that may,
	// "com.example.app". Their signing certificates are those that
	// RP.Origins has as "android:apk-key-hash:…".
	AndroidApps []string
	// Account is the path of the page where people manage how they sign in.
	// Empty: the site's own /account.
	Account string
}

var (
	appleApp   = regexp.MustCompile(`^[A-Z0-9]{10}\.[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)
	androidApp = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)
)

// Check returns an error that names every mistake in k; origins are those of
// the relying party. [New] panics with it.
func (k WellKnown) Check(origins []string) error {
	var wrong []error
	for _, app := range k.AppleApps {
		if !appleApp.MatchString(app) {
			wrong = append(wrong, fmt.Errorf("WellKnown.AppleApps: %q is not a team ID, a dot and a bundle ID, such as ABCDE12345.com.example.app", app))
		}
	}
	for _, app := range k.AndroidApps {
		if !androidApp.MatchString(app) {
			wrong = append(wrong, fmt.Errorf("WellKnown.AndroidApps: %q is not a package name, such as com.example.app", app))
		}
	}
	if len(k.AndroidApps) > 0 && len(fingerprints(origins)) == 0 {
		wrong = append(wrong, errors.New("WellKnown.AndroidApps: RP.Origins has no android:apk-key-hash:… of the certificate that signs them"))
	}
	if k.Account != "" && localPath(k.Account) != k.Account {
		wrong = append(wrong, fmt.Errorf("WellKnown.Account: %q is not a path of this origin", k.Account))
	}
	return errors.Join(wrong...)
}

// fingerprints returns the SHA-256 of the certificates that are behind Android
// origins, the way that Digital Asset Links have them: AB:CD:…
func fingerprints(origins []string) []string {
	var all []string
	for _, origin := range origins {
		text, ok := strings.CutPrefix(origin, "android:apk-key-hash:")
		sum, err := base64.RawURLEncoding.DecodeString(text)
		if !ok || err != nil {
			continue
		}
		pairs := make([]string, len(sum))
		for i := range sum {
			pairs[i] = strings.ToUpper(hex.EncodeToString(sum[i : i+1]))
		}
		all = append(all, strings.Join(pairs, ":"))
	}
	return all
}

// WellKnown returns handlers for the paths below /.well-known/, by their
// patterns, to mount at the root of the origin where Config.Base is not that:
//
//	for pattern, h := range site.WellKnown() {
//		mux.Handle(pattern, h)
//	}
//
// Other paths there, such as acme-challenge, stay the host's. With an empty
// Config.Base the site itself answers at these paths. They answer at any host:
// the RP ID's may be another one than that of the pages. What nothing is
// configured for is not found.
func (s *Site) WellKnown() map[string]http.Handler { return s.mounted(s.wellKnownRoutes()) }

func (s *Site) wellKnownRoutes() []row {
	return []row{
		{get, "/.well-known/webauthn", probe, anyone, stale, nothing, none, s.relatedOrigins},
		{get, "/.well-known/passkey-endpoints", probe, anyone, stale, nothing, none, s.passkeyEndpoints},
		{get, "/.well-known/change-password", probe, anyone, stale, nothing, none, s.changePasswordPage},
		{get, "/.well-known/assetlinks.json", probe, anyone, stale, nothing, none, s.assetLinks},
		{get, "/.well-known/apple-app-site-association", probe, anyone, stale, nothing, none, s.appleAssociation},
	}
}

// relatedOrigins answers the origins of other domains that may use the RP ID
// (Level 3 §5.11).
func (s *Site) relatedOrigins(w http.ResponseWriter, _ *http.Request) error {
	rp := s.auth.Config().RP
	if len(rp.RelatedOrigins) == 0 {
		return errNoRoute
	}
	return answer(w, webauthn.RelatedOrigins{Origins: rp.RelatedOrigins})
}

// passkeyEndpoints answers where passkeys are made and managed
// (https://w3c.github.io/webappsec-passkey-endpoints/passkey-endpoints.html).
func (s *Site) passkeyEndpoints(w http.ResponseWriter, r *http.Request) error {
	page := s.accountURL(r)
	return answer(w, struct {
		Enroll string `json:"enroll"`
		Manage string `json:"manage"`
	}{page, page})
}

// changePasswordPage sends password managers to the page where that is done
// (https://w3c.github.io/webappsec-change-password-url/).
func (s *Site) changePasswordPage(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, s.accountURL(r), http.StatusSeeOther)
	return nil
}

// accountURL is the whole URL of the account page: at the origin asked, or,
// where that is none of ours, at the first.
func (s *Site) accountURL(r *http.Request) string {
	at := s.firstOrigin()
	if o := on(r).origin; o != nil {
		at = o.url
	}
	return at + or(s.cfg.WellKnown.Account, s.url("/account"))
}

// firstOrigin is the first configured origin that is a web page's.
func (s *Site) firstOrigin() string {
	for _, origin := range s.auth.Config().RP.Origins {
		if strings.HasPrefix(origin, "http") {
			return origin
		}
	}
	return ""
}

// assetLink is a statement of Digital Asset Links
// (https://developers.google.com/digital-asset-links/v1/statements).
type assetLink struct {
	Relation []string        `json:"relation"`
	Target   assetLinkTarget `json:"target"`
}

type assetLinkTarget struct {
	Namespace    string   `json:"namespace"`
	Package      string   `json:"package_name"`
	Fingerprints []string `json:"sha256_cert_fingerprints"`
}

// assetLinks answers the Android apps that may use the passkeys of the site.
func (s *Site) assetLinks(w http.ResponseWriter, _ *http.Request) error {
	if len(s.cfg.WellKnown.AndroidApps) == 0 {
		return errNoRoute
	}
	var links []assetLink
	for _, app := range s.cfg.WellKnown.AndroidApps {
		links = append(links, assetLink{
			Relation: []string{"delegate_permission/common.handle_all_urls", "delegate_permission/common.get_login_creds"},
			Target:   assetLinkTarget{"android_app", app, fingerprints(s.auth.Config().RP.Origins)},
		})
	}
	return answer(w, links)
}

// appleAssociation answers the apps for iOS and macOS that may use the passkeys
// of the site.
func (s *Site) appleAssociation(w http.ResponseWriter, _ *http.Request) error {
	if len(s.cfg.WellKnown.AppleApps) == 0 {
		return errNoRoute
	}
	type apps struct {
		Apps []string `json:"apps"`
	}
	return answer(w, struct {
		Credentials apps `json:"webcredentials"`
	}{apps{s.cfg.WellKnown.AppleApps}})
}

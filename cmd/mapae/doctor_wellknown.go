package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// association is a path below /.well-known/ of the RP ID's host that browsers
// or the makers of phones read.
type association struct {
	path    string
	check   string                          // of what is found missing
	missing func(body []byte) (what string) // of what the settings say; empty: nothing
}

// examineWellKnown reads what the RP ID's host says below /.well-known/, which
// may be another program than this one.
func (c *doctorCommand) examineWellKnown(ctx context.Context) (all []mapae.Finding) {
	base := c.wellKnownBase()
	for _, a := range c.associations() {
		r, err := c.ask(ctx, base+a.path, "")
		cure := "let the host of " + base + " pass " + a.path + " on to the server, before what answers everything else"
		switch {
		case err != nil:
			all = append(all, warning("well-known", cure, "%v", err))
		case r.StatusCode != http.StatusOK || !r.isJSON():
			all = append(all, problem("well-known", cure, "%s%s is answered by something else: %s", base, a.path, r.kind()))
		default:
			if what := a.missing(r.body); what != "" {
				all = append(all, problem(a.check, cure+", or add it to what answers there", "%s%s does not list %s", base, a.path, what))
				continue
			}
			all = append(all, well("well-known", "%s%s", base, a.path))
		}
	}
	return all
}

// wellKnownBase is where the RP ID's own pages are: the origin of that host, or
// its https.
func (c *doctorCommand) wellKnownBase() string {
	id := or(c.RPID, c.host())
	for _, text := range c.Origin {
		if at, err := url.Parse(text); err == nil && at.Hostname() == id && strings.HasPrefix(at.Scheme, "http") {
			return text
		}
	}
	return "https://" + id
}

// associations are those that the settings ask for.
func (c *doctorCommand) associations() (all []association) {
	if len(c.RelatedOrigin) > 0 {
		all = append(all, association{"/.well-known/webauthn", "related origins", func(body []byte) string {
			var file webauthn.RelatedOrigins
			_ = json.Unmarshal(body, &file) // of another form: lists nothing
			return absent(c.RelatedOrigin, file.Origins)
		}})
	}
	if len(c.AndroidApp) > 0 {
		all = append(all, association{"/.well-known/assetlinks.json", "association file", func(body []byte) string {
			var file []struct {
				Target struct {
					Package string `json:"package_name"`
				} `json:"target"`
			}
			_ = json.Unmarshal(body, &file)
			var apps []string
			for _, link := range file {
				apps = append(apps, link.Target.Package)
			}
			return absent(c.AndroidApp, apps)
		}})
	}
	if len(c.AppleApp) > 0 {
		all = append(all, association{"/.well-known/apple-app-site-association", "association file", func(body []byte) string {
			var file struct {
				Credentials struct {
					Apps []string `json:"apps"`
				} `json:"webcredentials"`
			}
			_ = json.Unmarshal(body, &file)
			return absent(c.AppleApp, file.Credentials.Apps)
		}})
	}
	return all
}

// absent lists what of want is not in got.
func absent(want, got []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(want), func(w string) bool { return slices.Contains(got, w) }), ", ")
}

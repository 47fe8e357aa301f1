package webauthn

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/mapae/mapae/internal/strictjson"
)

// RelatedOrigins is the document that a relying party serves as JSON under
// https://RPID/.well-known/webauthn: origins that may use its RP ID although
// they are of other domains (§5.11). They must be in RelyingParty.Origins too.
type RelatedOrigins struct {
	Origins []string `json:"origins"`
}

// maxRelatedLabels is how many labels every client supports (§5.11.1).
const maxRelatedLabels = 5

// ParseRelatedOrigins reads such a document, strictly. Unknown members are
// passed over.
func ParseRelatedOrigins(body []byte) (RelatedOrigins, error) {
	var r RelatedOrigins
	there := false
	s := strictjson.New(body)
	for m := s.Object(); m.Next(); {
		if string(m.Name) != "origins" {
			s.Raw()
			continue
		}
		there = true
		s.Array(func() { r.Origins = append(r.Origins, string(s.Text())) })
	}
	if !there {
		s.Fail("no member origins")
	}
	if err := s.End(); err != nil {
		return RelatedOrigins{}, fmt.Errorf("webauthn: related origins: %w", err)
	}
	return r, nil
}

// Check refuses origins that a client would pass over: those that are not
// "https://host" with or without a port, and those past the fifth label. A
// label is what stands before the public suffix: "example" of
// "www.example.co.uk". registrable returns the domain one label below the
// public suffix, as EffectiveTLDPlusOne of golang.org/x/net/publicsuffix does.
func (r RelatedOrigins) Check(registrable func(domain string) (string, error)) error {
	var labels []string
	for _, origin := range r.Origins {
		u, err := url.Parse(origin)
		if err != nil || u.Hostname() == "" || origin != "https://"+u.Host {
			return fmt.Errorf("webauthn: related origin %q: not https://host", origin)
		}
		domain, err := registrable(u.Hostname())
		if err != nil {
			return fmt.Errorf("webauthn: related origin %q: %w", origin, err)
		}
		label, _, _ := strings.Cut(domain, ".")
		if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	if len(labels) > maxRelatedLabels {
		return fmt.Errorf("webauthn: related origins of %d labels %q: clients pass over those past %d", len(labels), labels, maxRelatedLabels)
	}
	return nil
}

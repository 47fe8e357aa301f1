package main

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/mapae/mapae"
)

// diagnosis is a mistake in the settings that has a name and a cure of its own.
type diagnosis struct {
	says  *regexp.Regexp // what the configuration says of it
	check string
	cure  string
}

// diagnoses are those that people make; what none fits is found as "settings".
var diagnoses = []diagnosis{
	{regexp.MustCompile(`IP address`), "ip host", "give the site a domain name, and that as --origin: passkeys are never bound to an address (on your own machine: http://localhost:8080)"},
	{regexp.MustCompile(`does not fit the origin`), "rp id", "leave --rp-id out, or give the host of the origin or a parent domain of it; users with passkeys of another RP ID must make new ones"},
	{regexp.MustCompile(`is not https`), "http origin", "serve the site by https, and give the origin as https://"},
	{regexp.MustCompile(`"https?://[^"/]+/[^"]*" is not an origin`), "origin path", "give scheme, host and port only, as browsers do: nothing behind the host, no slash at the end"},
}

// examineSettings looks at what the settings say among themselves.
func (c *doctorCommand) examineSettings() (all []mapae.Finding) {
	if _, err := c.check(); err != nil {
		for line := range strings.Lines(err.Error()) {
			all = append(all, diagnose(strings.TrimSpace(line)))
		}
	}
	if len(all) == 0 {
		all = append(all, well("settings", "they fit together"))
	}
	return append(all, examineTrust(c.TrustedProxy)...)
}

func diagnose(line string) mapae.Finding {
	for _, d := range diagnoses {
		if d.says.MatchString(line) {
			return problem(d.check, d.cure, "%s", line)
		}
	}
	return problem("settings", "mend it: mapae serve does not start with it", "%s", line)
}

// Networks that are wider than these hold machines of strangers.
const (
	widestIPv4 = 8
	widestIPv6 = 16
)

// examineTrust looks for proxies that could be anybody.
func examineTrust(proxies []netip.Prefix) (all []mapae.Finding) {
	for _, p := range proxies {
		widest := widestIPv6
		if p.Addr().Is4() {
			widest = widestIPv4
		}
		if p.Bits() < widest {
			all = append(all, problem("trusted proxies", "give --trusted-proxy the network of your proxy only, such as 10.0.0.5/32",
				"%s is trusted: anybody can write who they are into X-Forwarded-For, and no limit by address holds", p))
		}
	}
	return all
}

package web

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/mapae/mapae"
)

func TestOnlyWhoHasTheKeysIsToldHowRequestsArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *mapae.Config, c *Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	inquiry, err := w.auth.SealInquiry()
	if err != nil {
		t.Fatal(err)
	}
	by := []edit{header("X-Forwarded-For", "198.51.100.1"), header("X-Forwarded-Proto", "http"), header("X-Forwarded-Host", "www.example.com")}
	var got Arrival
	if err := json.Unmarshal(w.person().send("GET", "/healthz", "", append(by, header("Mapae-Inquiry", inquiry))...).want(t, 200, "").body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Host != "example.com" || got.TLS || got.Peer != w.peer || got.Client != "198.51.100.1" || strings.Join(got.ForwardedFor, " ") != "198.51.100.1" ||
		got.ForwardedProto != "http" || got.ForwardedHost != "www.example.com" || strings.Join(got.TrustedProxies, " ") != "192.0.2.0/24" || got.Now == "" {
		t.Errorf("arrival %+v", got)
	}
	for _, text := range []string{"", "x", inquiry[:40], mapae.TicketPrefix, newWorldInquiry(t)} {
		if a := w.person().send("GET", "/healthz", "", append(by, header("Mapae-Inquiry", text))...); a.StatusCode != 200 || string(a.body) != "ok\n" {
			t.Errorf("%q is answered %d %s", text, a.StatusCode, a.body)
		}
	}
}

// newWorldInquiry is an inquiry under other keys.
func newWorldInquiry(t *testing.T) string {
	t.Helper()
	text, err := newWorld(t).auth.SealInquiry()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

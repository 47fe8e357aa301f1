package web

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/mapae/mapae"
)

func TestPagesLookAsTheirBrandSays(t *testing.T) {
	t.Parallel()
	logo := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>`
	w := newWorld(t, func(_ *mapae.Config, c *Config) {
		c.Brand = Brand{Name: "Acme & Co", Logo: []byte(logo), Accent: "#7a1f5c", AccentDark: "#f0b0d8",
			Terms: "https://acme.example/terms", Privacy: "/privacy", Help: "/help"}
	})
	p := w.person()
	a := p.page("/sign-in")
	for _, want := range []string{"<span>Acme &amp; Co</span>", `<a href="https://acme.example/terms">Terms</a>`, `<a href="/privacy">Privacy</a>`, `<a href="/help">Help</a>`} {
		a.says(t, "the sign-in page", 200, want)
	}
	if regexp.MustCompile(`\sstyle=|<style`).Match(a.body) {
		t.Error("an inline style, which the Content-Security-Policy forbids")
	}
	for pattern, want := range map[string]string{`href="([^"]+\.css)"`: "--accent: #7a1f5c", `src="([^"]+\.svg)"`: logo} {
		asset := p.page(string(regexp.MustCompile(pattern).FindSubmatch(a.body)[1]))
		if !bytes.Contains(asset.body, []byte(want)) {
			t.Errorf("%s: %d without %s", pattern, asset.StatusCode, want)
		}
	}
}

func TestABrandThatCannotBeShownIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		brand  Brand
		reason string
	}{
		"a colour by name":          {Brand{Accent: "red"}, `brand: Accent "red": not a colour`},
		"a colour with a rule":      {Brand{AccentDark: "#fff;}*{x"}, "brand: AccentDark"},
		"a pale colour":             {Brand{Accent: "#ffcc00"}, "contrast with #ffffff is 1.5, less than 4.5"},
		"a deep colour in the dark": {Brand{AccentDark: "#1b5e50"}, "less than 4.5"},
		"a logo that is none":       {Brand{Logo: []byte("GIF89a")}, "brand: Logo: not an SVG image"},
		"a logo of HTML":            {Brand{Logo: []byte("<html/>")}, "brand: Logo: not an SVG image"},
		"a logo too large":          {Brand{Logo: bytes.Repeat([]byte(" "), maxLogo+1)}, "more than 65536"},
		"a link that runs":          {Brand{Help: "javascript:alert(1)"}, "neither an https address nor a path"},
		"a link in the clear":       {Brand{Terms: "http://acme.example"}, "neither an https address nor a path"},
		"a link to another host":    {Brand{Privacy: "//acme.example"}, "neither an https address nor a path"},
	} {
		if err := c.brand.Check(); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want %q", name, err, c.reason)
		}
	}
	for _, pair := range [][2]string{{"#1b5e50", "light"}, {"#8ed2bd", "dark"}} {
		grounds := map[string][]string{"light": lightGrounds, "dark": darkGrounds}[pair[1]]
		if err := checkAccent(pair[0], grounds); err != nil {
			t.Errorf("the stylesheet's own %s: %v", pair[0], err)
		}
	}
	defer func() {
		if said, _ := recover().(string); !strings.Contains(said, "web: brand: Accent") {
			t.Errorf("New panics with %q", said)
		}
	}()
	newWorld(t, func(_ *mapae.Config, c *Config) { c.Brand.Accent = "red" })
}

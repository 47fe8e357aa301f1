package web

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Brand is how the pages show whose they are. The zero value of every member
// leaves what Mapae shows.
type Brand struct {
	// Name stands at the top and in the title of each page. Empty: the name
	// of the relying party.
	Name string

	// Logo is an SVG image of at most 64 KiB, beside the name and in the
	// browser's tab; square is best.
	Logo []byte

	// Accent is the colour of buttons and links, as "#rrggbb": on light pages,
	// where white must be readable on it, and on dark ones, where it must be
	// readable itself (contrast 4.5, WCAG 2.2 §1.4.3).
	Accent, AccentDark string

	// Terms, Privacy and Help are linked at the foot of each page: https
	// addresses, or paths on this origin.
	Terms, Privacy, Help string
}

// maxLogo bounds a logo, in bytes.
const maxLogo = 64 << 10

// rgb is the form of a colour.
var rgb = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// The stylesheet's grounds that an accent stands on, and what stands on it.
var (
	lightGrounds = []string{"#ffffff", "#f6f4ef"}
	darkGrounds  = []string{"#151412", "#1f1d1a", "#0d211b"}
)

// Check returns an error that names the member that can't be used.
func (b Brand) Check() error {
	if b.Logo != nil {
		if err := checkLogo(b.Logo); err != nil {
			return fmt.Errorf("brand: Logo: %w", err)
		}
	}
	for _, c := range []struct {
		name, colour string
		grounds      []string
	}{{"Accent", b.Accent, lightGrounds}, {"AccentDark", b.AccentDark, darkGrounds}} {
		if err := checkAccent(c.colour, c.grounds); err != nil {
			return fmt.Errorf("brand: %s %q: %w", c.name, c.colour, err)
		}
	}
	for _, link := range b.links() {
		u, err := url.Parse(link.To)
		if err != nil || localPath(link.To) == "" && (u.Scheme != "https" || u.Host == "") {
			return fmt.Errorf("brand: %q is neither an https address nor a path", link.To)
		}
	}
	return nil
}

// checkLogo demands well-formed XML whose root is svg.
func checkLogo(logo []byte) error {
	if len(logo) > maxLogo {
		return fmt.Errorf("%d bytes, more than %d", len(logo), maxLogo)
	}
	var svg struct {
		XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	}
	if err := xml.NewDecoder(bytes.NewReader(logo)).Decode(&svg); err != nil {
		return fmt.Errorf("not an SVG image: %w", err)
	}
	return nil
}

// checkAccent demands a colour that can be told from all grounds.
func checkAccent(colour string, grounds []string) error {
	if colour == "" {
		return nil
	}
	if !rgb.MatchString(colour) {
		return errors.New("not a colour such as #1b5e50")
	}
	for _, ground := range grounds {
		if c := contrast(colour, ground); c < 4.5 {
			return fmt.Errorf("its contrast with %s is %.1f, less than 4.5", ground, c)
		}
	}
	return nil
}

// contrast is the contrast ratio of two colours (WCAG 2.2, "contrast ratio").
func contrast(a, b string) float64 {
	la, lb := relativeLuminance(a), relativeLuminance(b)
	return (max(la, lb) + .05) / (min(la, lb) + .05)
}

// relativeLuminance is the relative luminance of a colour (WCAG 2.2).
func relativeLuminance(colour string) float64 {
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return math.NaN() // its form was checked
		}
		c := float64(n) / 255
		if c <= .04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+.055)/1.055, 2.4)
		}
	}
	return sum
}

// style is what the brand adds to the stylesheet.
func (b Brand) style() string {
	var css strings.Builder
	if b.Accent != "" {
		fmt.Fprintf(&css, "@media not all and (prefers-color-scheme: dark) { :root { --accent: %s; } }\n", b.Accent)
	}
	if b.AccentDark != "" {
		fmt.Fprintf(&css, "@media (prefers-color-scheme: dark) { :root { --accent: %s; } }\n", b.AccentDark)
	}
	return css.String()
}

// brandLink is a link at the foot of the pages.
type brandLink struct{ Key, To string }

// links are those that the brand has.
func (b Brand) links() []brandLink {
	var all []brandLink
	for _, link := range []brandLink{{Key: "brand.terms", To: b.Terms}, {Key: "brand.privacy", To: b.Privacy}, {Key: "brand.help", To: b.Help}} {
		if link.To != "" {
			all = append(all, link)
		}
	}
	return all
}

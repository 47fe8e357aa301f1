package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/mapae/mapae/web"
)

// brandSettings are how the pages look.
type brandSettings struct {
	BrandName       string `group:"brand" placeholder:"NAME" help:"What stands at the top of the pages. Default: rp-name."`
	BrandLogo       string `group:"brand" placeholder:"FILE" help:"SVG image of at most 64 KiB beside the name, and in the browser's tab; square is best."`
	BrandAccent     string `group:"brand" placeholder:"#RRGGBB" help:"Colour of buttons and links on light pages; white must be readable on it."`
	BrandAccentDark string `group:"brand" placeholder:"#RRGGBB" help:"Colour of buttons and links on dark pages, where it must be readable."`
	BrandTerms      string `group:"brand" placeholder:"URL" help:"Terms of use, linked at the foot of the pages: an https address, or a path."`
	BrandPrivacy    string `group:"brand" placeholder:"URL" help:"Privacy notice, linked likewise."`
	BrandHelp       string `group:"brand" placeholder:"URL" help:"Help, linked likewise."`
	PageTemplates   string `group:"brand" placeholder:"DIR" help:"Directory with templates that take the place of the shipped ones of the same names."`
}

// maxLogoFile is more than any logo that passes web.Brand.Check, in bytes.
const maxLogoFile = 64<<10 + 1

// brand returns what the settings stand for, or every mistake in them, by
// their names.
func (s *brandSettings) brand() (web.Brand, error) {
	b := web.Brand{Name: s.BrandName, Accent: s.BrandAccent, AccentDark: s.BrandAccentDark, Terms: s.BrandTerms, Privacy: s.BrandPrivacy, Help: s.BrandHelp}
	var unread error
	if s.BrandLogo != "" {
		b.Logo, unread = readLogo(s.BrandLogo)
	}
	err := errors.Join(unread, b.Check())
	if err != nil {
		return b, mistake{errors.New(brandNames.Replace(err.Error()))}
	}
	return b, nil
}

// brandNames says in the words of the settings what web.Brand says in its own.
var brandNames = strings.NewReplacer(
	"brand: Logo: ", "brand-logo: ", "brand: AccentDark ", "brand-accent-dark ", "brand: Accent ", "brand-accent ",
	"brand: ", "brand-terms, brand-privacy or brand-help: ",
)

// readLogo reads a file that passes for a logo by its size.
func readLogo(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("brand-logo: %w", err)
	}
	defer f.Close()
	logo, err := io.ReadAll(io.LimitReader(f, maxLogoFile))
	if err != nil {
		return nil, fmt.Errorf("brand-logo: %w", err)
	}
	return logo, nil
}

// templates returns the directory of templates; nil: there is none.
func (s *brandSettings) templates() (fs.FS, error) {
	if s.PageTemplates == "" {
		return nil, nil
	}
	own := os.DirFS(s.PageTemplates)
	if err := web.CheckTemplates(own); err != nil {
		return nil, mistake{fmt.Errorf("page-templates %s: %s", s.PageTemplates, strings.TrimPrefix(err.Error(), "templates: "))}
	}
	return own, nil
}

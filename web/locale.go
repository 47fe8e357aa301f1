package web

import (
	"embed"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/mapae/mapae"
)

// catalogues has one file a language, named by its BCP 47 tag. English is the
// language of last resort, and the one whose keys all others have.
//
//go:embed locale/*.json
var catalogues embed.FS

// locales is every sentence in every language.
type locales struct {
	bundle  *i18n.Bundle
	tags    []language.Tag // English first
	matcher language.Matcher
}

// embeddedLocales are the embedded catalogues, read once.
var embeddedLocales = sync.OnceValues(newLocales)

// newLocales reads the embedded catalogues.
func newLocales() (*locales, error) {
	l := &locales{bundle: i18n.NewBundle(language.English), tags: []language.Tag{language.English}}
	files, err := catalogues.ReadDir("locale")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		file, err := l.bundle.LoadMessageFileFS(catalogues, path.Join("locale", f.Name()))
		if err != nil {
			return nil, err
		}
		if file.Tag != language.English {
			l.tags = append(l.tags, file.Tag)
		}
	}
	l.matcher = language.NewMatcher(l.tags)
	return l, nil
}

// reader returns the sentences for whoever sent r: in the language that the
// person chose, else in the first of its Accept-Language that there is a
// catalogue for, else in English.
func (l *locales) reader(r *http.Request) reader {
	if tag, ok := l.exact(chosenLanguage(r)); ok {
		return l.in(tag)
	}
	wanted, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		wanted = nil // what can't be read asks for nothing
	}
	_, i, _ := l.matcher.Match(wanted...)
	return l.in(l.tags[i].String())
}

// exact returns the tag of the catalogue that tag names.
func (l *locales) exact(tag string) (string, bool) {
	known := slices.ContainsFunc(l.tags, func(t language.Tag) bool { return t.String() == tag })
	return tag, known
}

// in returns the sentences in the language tag.
func (l *locales) in(tag string) reader {
	return reader{Lang: tag, localizer: i18n.NewLocalizer(l.bundle, tag)}
}

// reader says everything in one language.
type reader struct {
	Lang      string // BCP 47 tag
	localizer *i18n.Localizer
}

// T returns the sentence of key. Pairs of names and values fill its variables.
// A key that no catalogue has is its own sentence.
func (rd reader) T(key string, pairs ...string) string {
	data := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		data[pairs[i]] = pairs[i+1]
	}
	return rd.localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data})
}

// N is T in the plural form that n asks for; Count is n.
func (rd reader) N(key string, n int) string {
	return rd.localize(&i18n.LocalizeConfig{MessageID: key, PluralCount: n, TemplateData: map[string]int{"Count": n}})
}

func (rd reader) localize(c *i18n.LocalizeConfig) string {
	sentence, err := rd.localizer.Localize(c)
	if err != nil {
		return c.MessageID
	}
	return sentence
}

// Date returns the day of t in UTC; the page's script makes it the reader's.
func (rd reader) Date(t time.Time) string { return t.UTC().Format(rd.T("date")) }

// Device names the browser and the system that a User-Agent stands for.
func (rd reader) Device(userAgent string) string {
	browser, system := mapae.BrowserOf(userAgent)
	if browser == "" || system == "" {
		return rd.T("device.unknown")
	}
	return rd.T("device", "Browser", browser, "System", system)
}

// text returns the sentence of key in the language of whoever sent r.
func (s *Site) text(r *http.Request, key string) string { return s.pages.locales.reader(r).T(key) }

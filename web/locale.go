package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
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

// locales is every language that there is.
type locales struct {
	all     []locale // English first
	matcher language.Matcher
}

// locale is one language. Its sentences are read when somebody first wants one:
// most servers meet few of the languages.
type locale struct {
	tag, name string // BCP 47; what the language calls itself
	localizer func() *i18n.Localizer
}

// embeddedLocales are those of the embedded catalogues.
var embeddedLocales = sync.OnceValues(newLocales)

// newLocales reads from each embedded catalogue what its language is.
func newLocales() (*locales, error) {
	files, err := catalogues.ReadDir("locale")
	if err != nil {
		return nil, err
	}
	l := &locales{}
	var tags []language.Tag
	for _, f := range files {
		tag, err := language.Parse(strings.TrimSuffix(f.Name(), ".json"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		one, err := newLocale(tag, path.Join("locale", f.Name()))
		if err != nil {
			return nil, err
		}
		at := len(tags)
		if tag == language.English {
			at = 0
		}
		tags, l.all = slices.Insert(tags, at, tag), slices.Insert(l.all, at, one)
	}
	l.matcher = language.NewMatcher(tags)
	return l, nil
}

// newLocale returns the language tag, which has the embedded catalogue file. Its
// localizer panics where sentences can't be read; tests read them all.
func newLocale(tag language.Tag, file string) (locale, error) {
	text, err := catalogues.ReadFile(file)
	if err != nil {
		return locale{}, err
	}
	var known struct {
		Name string `json:"language.name"`
	}
	if err := json.Unmarshal(text, &known); err != nil {
		return locale{}, fmt.Errorf("%s: %w", file, err)
	}
	return locale{tag.String(), known.Name, sync.OnceValue(func() *i18n.Localizer {
		bundle := i18n.NewBundle(tag)
		if _, err := bundle.LoadMessageFileFS(catalogues, file); err != nil {
			panic(fmt.Errorf("web: %w", err))
		}
		return i18n.NewLocalizer(bundle, tag.String())
	})}, nil
}

// reader returns the sentences for whoever sent r: in the language that the
// person chose, else in the first of its Accept-Language that there is a
// catalogue for, else in English.
func (l *locales) reader(r *http.Request) reader {
	if chosen, ok := l.exact(chosenLanguage(r)); ok {
		return chosen.reader()
	}
	wanted, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		wanted = nil // what can't be read asks for nothing
	}
	_, i, _ := l.matcher.Match(wanted...)
	return l.all[i].reader()
}

// exact returns the language whose tag is tag.
func (l *locales) exact(tag string) (locale, bool) {
	for _, one := range l.all {
		if one.tag == tag {
			return one, true
		}
	}
	return locale{}, false
}

// reader says everything in one language.
type reader struct {
	Lang      string // BCP 47 tag
	localizer func() *i18n.Localizer
}

// reader returns the sentences in this language.
func (l locale) reader() reader { return reader{Lang: l.tag, localizer: l.localizer} }

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
	sentence, err := rd.localizer().Localize(c)
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

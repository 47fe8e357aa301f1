package mail

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// shipped has the sentences, one file a language, named by its BCP 47 tag, and
// the two templates that lay them out.
//
//go:embed locale/*.json template/mail.txt template/mail.html
var shipped embed.FS

// catalogue is every sentence in every language.
type catalogue struct {
	bundle  *i18n.Bundle
	tags    []language.Tag // English first: the language of last resort
	matcher language.Matcher
}

// newCatalogue reads the shipped sentences and puts those of own, which may be
// nil, in their place. Own may have languages that are not shipped.
func newCatalogue(own fs.FS) (*catalogue, error) {
	l := &catalogue{bundle: i18n.NewBundle(language.English), tags: []language.Tag{language.English}}
	for _, from := range []fs.FS{shipped, own} {
		if from == nil {
			continue
		}
		files, err := fs.ReadDir(from, "locale")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, f := range files {
			file, err := l.bundle.LoadMessageFileFS(from, path.Join("locale", f.Name()))
			if err != nil {
				return nil, fmt.Errorf("locale/%s: %w", f.Name(), err)
			}
			if file.Tag == language.Und {
				return nil, fmt.Errorf("locale/%s: the name is no language", f.Name())
			}
			if !slices.Contains(l.tags, file.Tag) {
				l.tags = append(l.tags, file.Tag)
			}
		}
	}
	l.matcher = language.NewMatcher(l.tags)
	return l, nil
}

// in returns the sentences for who asked for the language tag: in that one, in
// one that its readers read, or in English.
func (l *catalogue) in(tag string) words {
	wanted, err := language.Parse(tag)
	if err != nil {
		wanted = language.English // what can't be read asks for nothing
	}
	_, i, _ := l.matcher.Match(wanted)
	lang := l.tags[i].String()
	return words{lang, i18n.NewLocalizer(l.bundle, lang)}
}

// words says everything in one language.
type words struct {
	lang      string
	localizer *i18n.Localizer
}

// say returns the sentence of key. One that no catalogue has is its own
// sentence.
func (w words) say(key string, data map[string]any) string {
	return w.localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data})
}

// count is say in the plural form that n asks for; Count is n.
func (w words) count(key string, n int) string {
	return w.localize(&i18n.LocalizeConfig{MessageID: key, PluralCount: n, TemplateData: map[string]any{"Count": n}})
}

func (w words) localize(c *i18n.LocalizeConfig) string {
	sentence, err := w.localizer.Localize(c)
	if err != nil && sentence == "" {
		return c.MessageID
	}
	return sentence
}

// knows reports whether there is a sentence of key.
func (w words) knows(key string) bool {
	sentence, _ := w.localizer.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: map[string]any{}})
	return sentence != ""
}

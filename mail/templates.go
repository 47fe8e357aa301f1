package mail

import (
	"bytes"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/mapae/mapae"
)

// Templates writes what people read. It is immutable and safe for concurrent
// use; NewTemplates makes one.
type Templates struct {
	sentences *catalogue
	text      *texttemplate.Template // by the name of their file
	html      *htmltemplate.Template
}

// Letter is a mail as its reader sees it.
type Letter struct {
	Lang    string // BCP 47 tag
	Subject string // one line
	Text    string // plain text, lines end in "\n"
	HTML    string // the same; loads nothing from elsewhere
}

// NewTemplates reads the shipped sentences and templates, in the place of which
// those of own come, file by file and sentence by sentence; nil: as shipped.
//
//	locale/fr.json             sentences of a language, or only those that differ
//	template/mail.txt          text/template of all mails; it gets a Content
//	template/mail.html         html/template of all mails
//	template/reset.txt         of mails of that kind only, likewise reset.html
//
// Each mail is written once in each language to see that it can be: an error
// names the file.
func NewTemplates(own fs.FS) (*Templates, error) {
	sentences, err := newCatalogue(own)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	t := &Templates{sentences, texttemplate.New("").Option("missingkey=error"), htmltemplate.New("").Option("missingkey=error")}
	for _, from := range []fs.FS{shipped, own} {
		if from == nil {
			continue
		}
		if err := t.parse(from); err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
	}
	for _, tag := range sentences.tags {
		for _, m := range samples() {
			m.Locale = tag.String()
			if _, err := t.Write(m); err != nil {
				return nil, fmt.Errorf("mail: %s in %s: %w", m.Kind, m.Locale, err)
			}
		}
	}
	return t, nil
}

// parse adds the templates of from, or puts them in the place of earlier ones.
func (t *Templates) parse(from fs.FS) error {
	files, err := fs.ReadDir(from, "template")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range files {
		source, err := fs.ReadFile(from, "template/"+f.Name())
		if err != nil {
			return err
		}
		switch {
		case strings.HasSuffix(f.Name(), ".txt"):
			_, err = t.text.New(f.Name()).Parse(string(source))
		case strings.HasSuffix(f.Name(), ".html"):
			_, err = t.html.New(f.Name()).Parse(string(source))
		default:
			err = fmt.Errorf("template/%s is neither .txt nor .html", f.Name())
		}
		if err != nil {
			return err
		}
	}
	return err
}

// Write says m in its language. An error wraps mapae.ErrUndeliverable: m lacks
// what its kind needs, or a template fails on it.
func (t *Templates) Write(m mapae.Message) (Letter, error) {
	c, err := t.sentences.write(m)
	if err != nil {
		return Letter{}, err
	}
	text, html := t.text.Lookup(string(m.Kind)+".txt"), t.html.Lookup(string(m.Kind)+".html")
	if text == nil {
		text = t.text.Lookup("mail.txt")
	}
	if html == nil {
		html = t.html.Lookup("mail.html")
	}
	var plain, page bytes.Buffer
	if err := errors.Join(text.Execute(&plain, c), html.Execute(&page, c)); err != nil {
		return Letter{}, fmt.Errorf("%w: %w", mapae.ErrUndeliverable, err)
	}
	return Letter{Lang: c.Lang, Subject: c.Subject, Text: plain.String(), HTML: page.String()}, nil
}

// samples has a message of each kind, with all that it can have.
func samples() []mapae.Message {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var all []mapae.Message
	for _, kind := range []mapae.MailKind{
		mapae.MailSignUpCode, mapae.MailSignUpTaken, mapae.MailSignInCode, mapae.MailReauthCode, mapae.MailReset, mapae.MailResetUnable, mapae.MailVerifyEmail,
		mapae.MailInvitation, mapae.MailSignInLink, mapae.MailRecoveryCode, mapae.MailRecovery, mapae.MailNotice, mapae.MailEmailChanged,
	} {
		all = append(all, mapae.Message{
			ID: "sample", To: "kim@example.com", Kind: kind, Site: "Example", Name: "Kim", Code: "ABCD-EFGH", Link: "https://example.com/link?code=1",
			UndoLink: "https://example.com/undo?code=2", EndsAt: at.Add(10 * time.Minute), At: at, Device: "Laptop",
			Event: &mapae.Event{At: at, Type: mapae.EventPasskeyAdded, Address: "192.0.2.1"},
		})
	}
	return all
}

package mail

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

// Content is what a mail says, in one language. Templates lay it out.
type Content struct {
	Kind     mapae.MailKind
	Lang     string // BCP 47 tag
	Site     string
	Subject  string // one line
	Greeting string
	Blocks   []Block
	Fallback string // what stands beside the address of a button
	Footer   string
}

// Block is a part of a mail: exactly one of Text, Code, Link and Facts is set.
type Block struct {
	Text   string
	Code   string
	Link   string // absolute URL; Button and Label are set too
	Button string // what the button does, for HTML
	Label  string // the same as a line before the address, for text
	Facts  []Fact
}

// Fact is a line of a table.
type Fact struct {
	Label, Value string
	Line         string // both, for text
}

// writer collects the content of one message.
type writer struct {
	Content
	m     mapae.Message
	words words
	wrong error // the first member that the message lacks
}

// write says m in its language; an error wraps mapae.ErrUndeliverable.
func (l *catalogue) write(m mapae.Message) (Content, error) {
	w := &writer{m: m, words: l.in(m.Locale)}
	w.Content = Content{Kind: m.Kind, Lang: w.words.lang, Site: m.Site}
	w.Greeting, w.Fallback = w.greeting(), w.words.say("button.fallback", w.data())
	w.Footer = w.words.say("footer", w.data())
	key := string(m.Kind)
	switch m.Kind {
	case mapae.MailSignUpCode, mapae.MailSignInCode, mapae.MailReauthCode, mapae.MailVerifyEmail, mapae.MailRecoveryCode:
		w.code(key)
	case mapae.MailSignUpTaken, mapae.MailResetUnable:
		w.text(key + ".intro")
		w.link(key+".button", m.Link)
		w.text(key + ".ignore")
	case mapae.MailReset, mapae.MailInvitation, mapae.MailSignInLink:
		w.once(key)
	case mapae.MailRecovery:
		w.recovery(key)
	case mapae.MailEmailChanged:
		w.emailChanged(key)
	case mapae.MailNotice:
		key = w.notice()
	default:
		return Content{}, fmt.Errorf("%w: there is no mail of kind %q", mapae.ErrUndeliverable, m.Kind)
	}
	w.Subject = oneLine(w.words.say(key+".subject", w.data()))
	return w.Content, w.wrong
}

// code is a mail with a code to be typed.
func (w *writer) code(key string) {
	if w.m.Code == "" {
		w.lacks("a code")
	}
	w.text(key + ".intro")
	w.Blocks = append(w.Blocks, Block{Code: w.m.Code})
	w.span("code")
	w.text("code.secret")
	w.text(key + ".ignore")
}

// once is a mail with a link that works once.
func (w *writer) once(key string) {
	w.text(key + ".intro")
	w.link(key+".button", w.m.Link)
	w.span("link")
	w.text("link.secret")
	w.text(key + ".ignore")
}

// recovery tells of a recovery that waits. What its owner must do first, comes
// first.
func (w *writer) recovery(key string) {
	if w.m.EndsAt.IsZero() {
		w.lacks("a time")
	}
	w.text(key + ".intro")
	w.text(key + ".cancel")
	w.link(key+".undo", w.m.UndoLink)
	if w.m.Link != "" {
		w.text(key + ".go_on")
		w.link(key+".button", w.m.Link)
	}
}

// emailChanged tells the old address.
func (w *writer) emailChanged(key string) {
	w.text(key + ".intro")
	w.facts("fact.new_email")
	if w.m.UndoLink == "" { // the address was not this one for long
		w.text("notice.doubt")
		return
	}
	if w.m.EndsAt.IsZero() {
		w.lacks("a time")
	}
	w.text(key + ".act")
	w.link(key+".undo", w.m.UndoLink)
}

// notice tells of an event, and returns the key that it has its sentences
// under.
func (w *writer) notice() string {
	if w.m.Event == nil {
		w.lacks("an event")
		return "notice.other"
	}
	key := "notice." + string(w.m.Event.Type)
	switch {
	case w.m.Event.Method == mapae.MethodRecoveryCode && (w.m.Event.Type == mapae.EventSignIn || w.m.Event.Type == mapae.EventReauth):
		key = "notice.recovery_code_used"
	case !w.words.knows(key + ".intro"):
		key = "notice.other"
	}
	w.text(key + ".intro")
	w.facts(factOf(w.m.Event.Type))
	if w.m.Link == "" {
		w.text(w.own(key, "doubt"))
		return key
	}
	w.text(w.own(key, "act"))
	w.link("notice.button", w.m.Link)
	return key
}

// own is the key of what a notice says under that name, or of what all say.
func (w *writer) own(key, name string) string {
	if w.words.knows(key + "." + name) {
		return key + "." + name
	}
	return "notice." + name
}

// factOf is the key of what Message.Device is in a notice of e.
func factOf(e mapae.EventType) string {
	switch e {
	case mapae.EventEmailChanged:
		return "fact.new_email"
	case mapae.EventIdentityLinked, mapae.EventIdentityUnlinked:
		return "fact.provider"
	}
	return "fact.name"
}

// facts tells what it is about, when it was, and from where.
func (w *writer) facts(device string) {
	var list []Fact
	add := func(key, value string) {
		if value = oneLine(value); value != "" {
			label := w.words.say(key, nil)
			list = append(list, Fact{label, value, w.words.say("labelled", map[string]any{"Label": label, "Value": value})})
		}
	}
	add(device, w.m.Device)
	if e := w.m.Event; e == nil {
		add("fact.when", w.date(w.m.At))
	} else {
		add("fact.when", w.date(e.At))
		add("fact.browser", w.browser(*e))
		add("fact.address", e.Address)
	}
	w.Blocks = append(w.Blocks, Block{Facts: list})
}

func (w *writer) browser(e mapae.Event) string {
	browser, system := mapae.BrowserOf(e.UserAgent)
	switch {
	case browser != "" && system != "":
		return w.words.say("browser", map[string]any{"Browser": browser, "System": system})
	case e.App:
		return w.words.say("app", nil)
	}
	return browser + system
}

// text adds a paragraph.
func (w *writer) text(key string) {
	w.Blocks = append(w.Blocks, Block{Text: w.words.say(key, w.data())})
}

// link adds a button to an absolute address.
func (w *writer) link(key, address string) {
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		w.lacks("a link")
	}
	button := w.words.say(key, w.data())
	w.Blocks = append(w.Blocks, Block{Link: address, Button: button, Label: w.words.say("button.text", map[string]any{"Button": button})})
}

// span says for how long what (a code, a link) works: in the largest unit that
// leaves two of it or more.
func (w *writer) span(what string) {
	if w.m.EndsAt.IsZero() {
		return
	}
	life := w.m.EndsAt.Sub(w.m.At)
	unit, n := ".minutes", max(1, int(math.Round(life.Minutes())))
	switch {
	case life >= 48*time.Hour:
		unit, n = ".days", int(life.Hours()/24+0.01)
	case life >= 2*time.Hour:
		unit, n = ".hours", int(life.Hours()+0.01)
	}
	w.Blocks = append(w.Blocks, Block{Text: w.words.count(what+unit, n)})
}

func (w *writer) lacks(what string) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf("%w: a mail of kind %q without %s", mapae.ErrUndeliverable, w.m.Kind, what)
	}
}

// data is what sentences may name.
func (w *writer) data() map[string]any {
	return map[string]any{"Site": w.m.Site, "Date": w.date(w.m.EndsAt)}
}

// date is in UTC: nobody knows where the mail is read.
func (w *writer) date(t time.Time) string { return t.UTC().Format(w.words.say("date", nil)) }

// advertises matches what a mail program turns into a link.
var advertises = regexp.MustCompile(`[/:@\\]|\S\.\S`)

// greeting has the person's name where it is one: who makes an account for
// somebody else's address must not be able to send them an address to open.
func (w *writer) greeting() string {
	if name := oneLine(w.m.Name); name != "" && !advertises.MatchString(name) {
		return w.words.say("greeting.name", map[string]any{"Name": name})
	}
	return w.words.say("greeting", nil)
}

// oneLine is text in which each run of spaces and line breaks is a space.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

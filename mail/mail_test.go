package mail

import (
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mapae/mapae"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tags are the languages that are shipped.
var tags = []string{"en", "ja", "ko", "zh-Hans", "zh-Hant"}

const chromeOnWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"

// letters are messages as flows write them, one of each kind and, of notices,
// one of each event.
func letters() []mapae.Message {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	base := mapae.Message{ID: "0123456789abcdef", To: "kim@example.com", Site: "Example", Name: "Kim", At: at}
	with := func(kind mapae.MailKind, life time.Duration, change func(*mapae.Message)) mapae.Message {
		m := base
		m.Kind, m.EndsAt = kind, at.Add(life)
		change(&m)
		return m
	}
	code := func(m *mapae.Message) { m.Code = "7KQX-2M9D" }
	link := func(m *mapae.Message) { m.Link = "https://example.com/go?code=ml_AbC-_1" }
	stranger := func(m *mapae.Message) { code(m); m.Name = "" }
	all := []mapae.Message{
		with(mapae.MailSignUpCode, 10*time.Minute, stranger), with(mapae.MailSignUpTaken, 0, link), with(mapae.MailSignInCode, time.Minute, code),
		with(mapae.MailReauthCode, 10*time.Minute, code),
		with(mapae.MailReset, 30*time.Minute, link), with(mapae.MailResetUnable, 0, link), with(mapae.MailVerifyEmail, 10*time.Minute, code),
		with(mapae.MailInvitation, 7*24*time.Hour, link), with(mapae.MailSignInLink, 24*time.Hour, link), with(mapae.MailRecoveryCode, 10*time.Minute, code),
		with(mapae.MailRecovery, 72*time.Hour, func(m *mapae.Message) { link(m); m.UndoLink = "https://example.com/cancel?code=ml_x" }),
		with(mapae.MailEmailChanged, 72*time.Hour, func(m *mapae.Message) {
			m.UndoLink, m.Device = "https://example.com/undo-email?code=ml_x", "new@example.com"
		}),
	}
	for _, e := range []mapae.Event{
		{Type: mapae.EventPasskeyAdded}, {Type: mapae.EventPasskeyRemoved}, {Type: mapae.EventTOTPAdded}, {Type: mapae.EventTOTPRemoved},
		{Type: mapae.EventPasswordSet}, {Type: mapae.EventPasswordRemoved}, {Type: mapae.EventPasswordReset}, {Type: mapae.EventRecoveryCodesMade},
		{Type: mapae.EventSignIn, Method: mapae.MethodRecoveryCode}, {Type: "recovery_proof"}, {Type: "recovery_issued"}, {Type: mapae.EventRecovered},
		{Type: mapae.EventCounterRegressed}, {Type: mapae.EventEmailChanged}, {Type: mapae.EventSignIn, Method: mapae.MethodPasskey},
		{Type: mapae.EventIdentityLinked}, {Type: mapae.EventIdentityUnlinked}, {Type: mapae.EventEmailRestored}, {Type: "nobody thought of this"},
	} {
		e.At, e.Address, e.UserAgent = at.Add(-time.Minute), "192.0.2.7", chromeOnWindows
		all = append(all, with(mapae.MailNotice, 7*24*time.Hour, func(m *mapae.Message) {
			link(m)
			m.Event = &e
			switch e.Type {
			case mapae.EventPasskeyAdded, mapae.EventPasskeyRemoved, mapae.EventCounterRegressed:
				m.Device = "iCloud Keychain"
			case mapae.EventIdentityLinked, mapae.EventIdentityUnlinked:
				m.Device = "Kakao"
			case mapae.EventEmailChanged:
				m.Device = "new@example.com"
			case mapae.EventEmailRestored:
				m.Link = ""
			case mapae.EventRecoveryIssued:
				e.Address, e.UserAgent = "", "" // the operator's
			}
		}))
	}
	return all
}

// letterOf is the first of the letters that is of that kind.
func letterOf(kind mapae.MailKind) mapae.Message { return firstOf(letters(), kind) }

func firstOf(all []mapae.Message, kind mapae.MailKind) mapae.Message {
	return all[slices.IndexFunc(all, func(m mapae.Message) bool { return m.Kind == kind })]
}

// shippedOnce is read once for all tests: they are immutable.
var shippedOnce = sync.OnceValues(func() (*Templates, error) { return NewTemplates(nil) })

func shippedTemplates(t *testing.T) *Templates {
	t.Helper()
	ts, err := shippedOnce()
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// TestWhatAPersonReads holds each mail in each language to what was read and
// found good. Run with -update after a change, and read it again.
func TestWhatAPersonReads(t *testing.T) {
	t.Parallel()
	ts := shippedTemplates(t)
	for _, tag := range tags {
		var text, page strings.Builder
		for _, m := range letters() {
			m.Locale = tag
			l, err := ts.Write(m)
			if err != nil {
				t.Fatalf("%s in %s: %v", m.Kind, tag, err)
			}
			if l.Lang != tag || strings.ContainsAny(l.Subject, "\r\n") || l.Subject == "" {
				t.Errorf("%s in %s: language %q, subject %q", m.Kind, tag, l.Lang, l.Subject)
			}
			fmt.Fprintf(&text, "######## %s\nSubject: %s\n\n%s\n", m.Kind, l.Subject, l.Text)
			fmt.Fprintf(&page, "<!-- %s -->\n%s\n", m.Kind, l.HTML)
		}
		golden(t, tag+".txt", text.String())
		golden(t, tag+".html", page.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s:%d\n got %q\nwant %q\nRun with -update if it is meant.", name, i+1, g[i], w[i])
		}
	}
	t.Fatalf("%s: %d lines, want %d", name, len(g), len(w))
}

var (
	htmlTag  = regexp.MustCompile(`(?s)<head>.*</head>|<[^>]*>`)
	htmlLink = regexp.MustCompile(`(?:href|src|action|background)="([^"]*)"`)
)

func TestTheHTMLSaysWhatTheTextSaysAndLoadsNothing(t *testing.T) {
	t.Parallel()
	ts := shippedTemplates(t)
	for _, tag := range tags {
		for _, m := range letters() {
			m.Locale = tag
			l, err := ts.Write(m)
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Join(strings.Fields(html.UnescapeString(htmlTag.ReplaceAllString(l.HTML, " "))), "")
			for line := range strings.Lines(l.Text) {
				for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(line), "："), ": ") {
					part = strings.Join(strings.Fields(strings.TrimSuffix(part, ":")), "")
					if label, value, ok := strings.Cut(part, "："); ok && strings.Contains(said, label) {
						part = value
					}
					if part != "--" && !strings.Contains(said, part) {
						t.Errorf("%s in %s: the HTML lacks %q", m.Kind, tag, part)
					}
				}
			}
			for _, found := range htmlLink.FindAllStringSubmatch(l.HTML, -1) {
				if address := html.UnescapeString(found[1]); address != m.Link && address != m.UndoLink {
					t.Errorf("%s in %s: it goes to %q", m.Kind, tag, address)
				}
			}
			for _, loads := range []string{"<script", "<img", "<link", "<iframe", "<object", "<style", "url(", "@import", "src="} {
				if strings.Contains(strings.ToLower(l.HTML), loads) {
					t.Errorf("%s in %s: %s in the HTML", m.Kind, tag, loads)
				}
			}
			if !strings.Contains(l.HTML, `<html lang="`+tag+`">`) {
				t.Errorf("%s in %s: the page does not say its language", m.Kind, tag)
			}
		}
	}
}

// sentences reads a shipped catalogue: each key with its forms.
func sentences(t *testing.T, tag string) map[string]map[string]string {
	t.Helper()
	source, err := shipped.ReadFile("locale/" + tag + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(source, &raw); err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]string{}
	for key, value := range raw {
		var one string
		forms := map[string]string{}
		if json.Unmarshal(value, &one) == nil {
			forms["only"] = one
		} else if err := json.Unmarshal(value, &forms); err != nil {
			t.Fatalf("%s in %s: %v", key, tag, err)
		}
		found[key] = forms
	}
	return found
}

var (
	variable = regexp.MustCompile(`\{\{\.\w+\}\}`)
	// Which Korean particle is right depends on how the word before it ends.
	particle = regexp.MustCompile(`\}\} ?(을|를|은|는|이|가|와|과|로|으로)([^가-힣]|$)`)
	jargon   = regexp.MustCompile(`(?i)webauthn|fido|credential|user agent|relying`)
)

func TestAllLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	english := sentences(t, "en")
	files, err := shipped.ReadDir("locale")
	if err != nil || len(files) != len(tags) {
		t.Fatalf("%d catalogues, %v", len(files), err)
	}
	for _, tag := range tags {
		own := sentences(t, tag)
		for key := range own {
			if english[key] == nil {
				t.Errorf("%s: %s is not in English", tag, key)
			}
		}
		for key, forms := range english {
			checkForms(t, tag, key, forms, own[key])
		}
	}
}

// checkForms compares one sentence with the English one: the same variables,
// and the plural forms that the language has.
func checkForms(t *testing.T, tag, key string, english, own map[string]string) {
	t.Helper()
	wanted := []string{"only"}
	if english["only"] == "" {
		if wanted = []string{"other"}; tag == "en" {
			wanted = []string{"one", "other"}
		}
	}
	for _, form := range wanted {
		sentence := own[form]
		if strings.TrimSpace(sentence) == "" || len(own) != len(wanted) {
			t.Errorf("%s: %s has the forms %v, want %v", tag, key, own, wanted)
			return
		}
		reference := english[form]
		names := func(s string) []string {
			found := variable.FindAllString(s, -1)
			slices.Sort(found)
			return slices.Compact(found)
		}
		if got, want := names(sentence), names(reference); !slices.Equal(got, want) {
			t.Errorf("%s: %s names %v, want %v", tag, key, got, want)
		}
		if jargon.MatchString(sentence) {
			t.Errorf("%s: %s has a word that people need not know: %q", tag, key, sentence)
		}
		if tag == "ko" && particle.MatchString(sentence) {
			t.Errorf("ko: %s has a particle that depends on a variable: %q", key, sentence)
		}
	}
}

func TestThePasskeyHasItsNameInEachLanguage(t *testing.T) {
	t.Parallel()
	for tag, word := range map[string]string{"en": "passkey", "ko": "패스키", "ja": "パスキー", "zh-Hant": "密碼金鑰", "zh-Hans": "通行密钥"} {
		if s := sentences(t, tag)["notice.passkey_added.intro"]["only"]; !strings.Contains(s, word) {
			t.Errorf("%s: %q lacks %q", tag, s, word)
		}
	}
}

func TestTheLanguageIsTheOneThatTheReaderReads(t *testing.T) {
	t.Parallel()
	ts := shippedTemplates(t)
	for locale, want := range map[string]string{
		"": "en", "en-GB": "en", "ko-KR": "ko", "ja": "ja", "zh-TW": "zh-Hant", "zh-HK": "zh-Hant", "zh-Hant-TW": "zh-Hant", "zh": "zh-Hans", "zh-CN": "zh-Hans",
		"zh-SG": "zh-Hans", "xx": "en", "not a tag": "en", "fi": "en",
	} {
		m := letters()[0]
		m.Locale = locale
		if l, err := ts.Write(m); err != nil || l.Lang != want {
			t.Errorf("%q is written in %q, %v; want %q", locale, l.Lang, err, want)
		}
	}
}

func TestHowLongSomethingWorksIsSaidInTheRightForm(t *testing.T) {
	t.Parallel()
	ts := shippedTemplates(t)
	m := letterOf(mapae.MailReset)
	for life, want := range map[time.Duration]string{
		time.Second: "for 1 minute.", time.Minute: "for 1 minute.", 10 * time.Minute: "for 10 minutes.", time.Hour: "for 60 minutes.",
		119 * time.Minute: "for 119 minutes.", 2 * time.Hour: "for 2 hours.", 47 * time.Hour: "for 47 hours.", 48 * time.Hour: "for 2 days.", 7 * 24 * time.Hour: "for 7 days.",
	} {
		m.EndsAt = m.At.Add(life)
		if l, err := ts.Write(m); err != nil || !strings.Contains(l.Text, want) {
			t.Errorf("%v: %v, want %q in\n%s", life, err, want, l.Text)
		}
	}
	m.EndsAt = time.Time{}
	if l, err := ts.Write(m); err != nil || strings.Contains(l.Text, "works once") {
		t.Errorf("without an end: %v\n%s", err, l.Text)
	}
}

func TestWhatStrangersTypeIsNeverMarkupAnAddressOrALineOfItsOwn(t *testing.T) {
	t.Parallel()
	ts := shippedTemplates(t)
	m := letterOf(mapae.MailNotice)
	m.Device = "<script>alert(1)</script>\r\nBcc: all@example.com"
	m.Event.UserAgent, m.Event.Address = `<img src=x> Chrome/1 Windows`, "<b>"
	m.Site = "A & <B>\n"
	for name, greeted := range map[string]bool{
		"Kim": true, "김민준": true, "O’Brien-Smith": true, "Dr Kim": true, "Kim.": true,
		"win at evil.example": false, "http:evil": false, "a@b": false, "evil/x": false, "evil。com": true,
	} {
		m.Name = name
		l, err := ts.Write(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(l.Text, "Hello "+name+","); got != greeted {
			t.Errorf("%q is greeted: %v, want %v", name, got, greeted)
		}
		if strings.Contains(l.HTML, "<script") || strings.Contains(l.HTML, "<img") || strings.Contains(l.HTML, "<b>") || strings.Contains(l.HTML, "<B>") {
			t.Errorf("markup got through:\n%s", l.HTML)
		}
		if strings.ContainsAny(l.Subject, "\r\n") || !strings.Contains(l.Subject, "A & <B>") {
			t.Errorf("subject %q", l.Subject)
		}
		if !strings.Contains(l.Text, "Name: <script>alert(1)</script> Bcc: all@example.com\n") || !strings.Contains(l.Text, "Browser: Chrome on Windows\n") {
			t.Errorf("text:\n%s", l.Text)
		}
	}
}

func TestAMessageThatLacksWhatItsKindNeedsIsNotWritten(t *testing.T) {
	t.Parallel()
	ts := shippedTemplates(t)
	for name, c := range map[string]struct {
		change func(*mapae.Message)
		kind   mapae.MailKind
		want   string
	}{
		"a code mail without a code":    {func(m *mapae.Message) { m.Code = "" }, mapae.MailSignInCode, "without a code"},
		"a link that is none":           {func(m *mapae.Message) { m.Link = "" }, mapae.MailReset, "without a link"},
		"a link that is relative":       {func(m *mapae.Message) { m.Link = "/reset" }, mapae.MailReset, "without a link"},
		"a link that runs":              {func(m *mapae.Message) { m.Link = "javascript:alert(1)" }, mapae.MailReset, "without a link"},
		"a change without a time":       {func(m *mapae.Message) { m.EndsAt = time.Time{} }, mapae.MailEmailChanged, "without a time"},
		"a recovery without a cancel":   {func(m *mapae.Message) { m.UndoLink = "" }, mapae.MailRecovery, "without a link"},
		"a recovery without a time":     {func(m *mapae.Message) { m.EndsAt = time.Time{} }, mapae.MailRecovery, "without a time"},
		"a notice of nothing":           {func(m *mapae.Message) { m.Event = nil }, mapae.MailNotice, "without an event"},
		"a kind that nobody thought of": {func(*mapae.Message) {}, "surprise", `no mail of kind "surprise"`},
		"a mail to nobody":              {func(*mapae.Message) {}, mapae.MailNobody, `no mail of kind "nobody"`},
	} {
		m := samples()[0]
		m.Kind = c.kind
		c.change(&m)
		_, err := ts.Write(m)
		wantUndeliverable(t, name, err, c.want)
	}
	late := firstOf(samples(), mapae.MailRecovery)
	late.Link = "" // a recovery whose claim was shown and not mailed
	if l, err := ts.Write(late); err != nil || strings.Contains(l.Text, "go on from then") {
		t.Errorf("a recovery without a claim: %v\n%s", err, l.Text)
	}
	doubt := firstOf(samples(), mapae.MailNotice)
	doubt.Link = ""
	if l, err := ts.Write(doubt); err != nil || !strings.Contains(l.Text, "look through your security settings") {
		t.Errorf("a notice without a link: %v\n%s", err, l.Text)
	}
	short := firstOf(samples(), mapae.MailEmailChanged)
	short.UndoLink, short.EndsAt = "", time.Time{} // the address was the account's for a short time
	if l, err := ts.Write(short); err != nil || !strings.Contains(l.Text, "look through your security settings") || strings.Contains(l.Text, "take the change back") {
		t.Errorf("a change that is not taken back: %v\n%s", err, l.Text)
	}
}

func TestOwnSentencesAndTemplatesTakeThePlaceOfTheShipped(t *testing.T) {
	t.Parallel()
	own := fstest.MapFS{
		"locale/en.json":          {Data: []byte(`{"signin_code.subject": "Ahoy from {{.Site}}"}`)},
		"locale/fr.json":          {Data: []byte(`{"signin_code.subject": "Votre code pour {{.Site}}", "greeting": "Bonjour,"}`)},
		"template/mail.txt":       {Data: []byte("{{.Greeting}}{{range .Blocks}}|{{.Text}}{{.Code}}{{end}}")},
		"template/reset.html":     {Data: []byte(`<p>{{range .Blocks}}{{.Link}}{{end}}</p>`)},
		"template/invitation.txt": {Data: []byte("come")},
	}
	ts, err := NewTemplates(own)
	if err != nil {
		t.Fatal(err)
	}
	write := func(kind mapae.MailKind, locale string) Letter {
		t.Helper()
		for _, m := range samples() {
			if m.Kind == kind {
				m.Locale, m.Name = locale, ""
				l, err := ts.Write(m)
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
		}
		t.Fatalf("no sample of %s", kind)
		return Letter{}
	}
	code := write(mapae.MailSignInCode, "en")
	if code.Subject != "Ahoy from Example" || !strings.HasPrefix(code.Text, "Hello,|Type this code on") || !strings.Contains(code.HTML, "<!DOCTYPE html>") {
		t.Errorf("%+v", code)
	}
	if fr := write(mapae.MailSignInCode, "fr-CA"); fr.Subject != "Votre code pour Example" || fr.Lang != "fr" || !strings.HasPrefix(fr.Text, "Bonjour,|Type this code on") {
		t.Errorf("%+v", fr)
	}
	if reset := write(mapae.MailReset, "en"); reset.HTML != "<p>https://example.com/link?code=1</p>" || !strings.HasPrefix(reset.Text, "Hello,|") {
		t.Errorf("%+v", reset)
	}
	if in := write(mapae.MailInvitation, "en"); in.Text != "come" {
		t.Errorf("%+v", in)
	}
}

func TestTemplatesThatCanNotWorkAreRefusedAtStart(t *testing.T) {
	t.Parallel()
	for want, own := range map[string]fstest.MapFS{
		"locale/en.json":               {"locale/en.json": {Data: []byte(`{`)}},
		"the name is no language":      {"locale/nonsense.json": {Data: []byte(`{"a": "b"}`)}},
		"template/mail.rtf is neither": {"template/mail.rtf": {}},
		"unclosed action":              {"template/mail.txt": {Data: []byte("{{")}},
		"can't evaluate field Nothing": {"template/notice.html": {Data: []byte("{{.Nothing}}")}},
		"reset in en":                  {"template/reset.txt": {Data: []byte("{{template \"none\"}}")}},
	} {
		if _, err := NewTemplates(own); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

package web

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mapae/mapae"
)

// catalogue is a file of sentences by key; of a sentence with plural forms the
// one for many.
func catalogue(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := catalogues.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	all := map[string]string{}
	for key, value := range read {
		switch value := value.(type) {
		case string:
			all[key] = value
		case map[string]any:
			for form, sentence := range value {
				if text, ok := sentence.(string); !ok || strings.TrimSpace(text) == "" || form != "one" && form != "other" {
					t.Errorf("%s: %s has the form %s: %v", file, key, form, sentence)
				}
			}
			all[key], _ = value["other"].(string)
		}
	}
	return all
}

// usedKeys are all keys that templates and Go code name or put together.
func usedKeys(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	pages, err := filepath.Glob("page/*.html")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(pages, sources...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range regexp.MustCompile(`(?:[TN]|\br,|:|return) *\(?"([a-z_]+(?:\.[a-z_]+)*)"`).FindAllSubmatch(text, -1) {
			used[string(key[1])] = true
		}
	}
	for code := range statuses {
		used["error."+string(code)] = true
	}
	for _, notice := range notices {
		used["account.notice."+notice] = true
	}
	for _, kind := range []string{"not_me", "undo", "cancel", "signin"} { // of mailed links
		for _, part := range []string{"title", "why", "do"} {
			used["link."+kind+"."+part] = true
		}
	}
	for _, name := range eventNames(t) {
		used[activityKey(mapae.EventType(name))] = true
	}
	for _, name := range notTold {
		delete(used, "activity."+name)
	}
	return used
}

func TestEverySentenceIsThereAndUsed(t *testing.T) {
	t.Parallel()
	english, used := catalogue(t, "locale/en.json"), usedKeys(t)
	for key, sentence := range english {
		if !used[key] {
			t.Errorf("nobody says %s", key)
		}
		if strings.TrimSpace(sentence) == "" {
			t.Errorf("%s has no sentence", key)
		}
	}
	for key := range used {
		if strings.Contains(key, ".") && english[key] == "" && regexp.MustCompile(`^(about|account|activity|codes|confirm|delete|dev|device|email|error|form|language|mailcode|passkey|password|proof|recover|reset|second|signin|signup|totp)\.`).MatchString(key) {
			t.Errorf("%s has no sentence", key)
		}
	}
}

func TestAllLanguagesHaveTheSameKeysAndVariables(t *testing.T) {
	t.Parallel()
	english := catalogue(t, "locale/en.json")
	files, err := catalogues.ReadDir("locale")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d catalogues, %v", len(files), err)
	}
	variables := regexp.MustCompile(`\{\{[^}]*\}\}`)
	for _, f := range files {
		other := catalogue(t, "locale/"+f.Name())
		for key, sentence := range english {
			if other[key] == "" {
				t.Errorf("%s lacks %s", f.Name(), key)
			}
			for _, v := range variables.FindAllString(sentence, -1) {
				if !strings.Contains(other[key], v) {
					t.Errorf("%s: %s lacks %s", f.Name(), key, v)
				}
			}
		}
		for key := range other {
			if english[key] == "" {
				t.Errorf("%s has %s, which English lacks", f.Name(), key)
			}
		}
	}
}

// Who is told to choose something finds it under that name, in every language.
func TestMailsNameThingsAsPagesDo(t *testing.T) {
	t.Parallel()
	files, err := catalogues.ReadDir("locale")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join("..", "mail", "locale", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var mails map[string]any
		if err := json.Unmarshal(text, &mails); err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		pages := catalogue(t, "locale/"+f.Name())
		if mails["notice.button"] != pages["link.not_me.do"] {
			t.Errorf("%s: the mail's button is %q, the page's %q", f.Name(), mails["notice.button"], pages["link.not_me.do"])
		}
		for quoted, in := range map[string]any{pages["link.not_me.do"]: pages["account.frozen.title"], pages["signin.recover"]: mails["reset_unable.intro"]} {
			if sentence, ok := in.(string); !ok || !strings.Contains(sentence, quoted) {
				t.Errorf("%s: %q is not named in %q", f.Name(), quoted, in)
			}
		}
	}
}

// TestPeopleReadNoWordsOfTheTrade: what developers read in development mode
// must name the panel of the developer tools.
func TestPeopleReadNoWordsOfTheTrade(t *testing.T) {
	t.Parallel()
	trade := regexp.MustCompile(`(?i)webauthn|fido|credential|authenticator|\blog ?in\b|자격 ?증명|인증자|인증기|資格情報|認証器|憑證|凭据|凭证|验证器(?:[^应]|$)|驗證器(?:[^應]|$)`)
	files, err := catalogues.ReadDir("locale")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for key, sentence := range catalogue(t, "locale/"+f.Name()) {
			sentence = regexp.MustCompile(`\{\{[^}]*\}\}`).ReplaceAllString(sentence, "")
			sentence = regexp.MustCompile(`(?i)authenticator app`).ReplaceAllString(sentence, "") // what people know it as
			if word := trade.FindString(sentence); word != "" && !strings.HasPrefix(key, "dev.") {
				t.Errorf("%s: %s says %q", f.Name(), key, word)
			}
		}
	}
}

// TestKoreanNamesTakeAnyParticle: which one follows a name depends on its last
// sound, which nobody knows of a variable.
func TestKoreanNamesTakeAnyParticle(t *testing.T) {
	t.Parallel()
	particle := regexp.MustCompile(`\}\}['"’”」]?(?:을|를|은|는|이|가|와|과|으로|로)(?:[\s.,!?]|$)`)
	for key, sentence := range catalogue(t, "locale/ko.json") {
		if found := particle.FindString(sentence); found != "" {
			t.Errorf("%s: %q", key, sentence)
		}
	}
}

// TestEveryLanguageCanBeRead reads the catalogues as people have them read.
func TestEveryLanguageCanBeRead(t *testing.T) {
	t.Parallel()
	l, err := newLocales()
	if err != nil {
		t.Fatal(err)
	}
	if len(l.all) < 2 || l.all[0].tag != "en" {
		t.Fatalf("%d languages, the first is %q", len(l.all), l.all[0].tag)
	}
	for _, one := range l.all {
		if said := one.reader().T("language.name"); one.name == "" || said != one.name {
			t.Errorf("%s is called %q, and calls itself %q", one.tag, one.name, said)
		}
	}
}

func TestTheLanguageIsTheReadersOrEnglish(t *testing.T) {
	t.Parallel()
	l, err := newLocales()
	if err != nil {
		t.Fatal(err)
	}
	for _, accept := range []string{"", "en", "en-GB,en;q=0.9", "tlh", "*", ";;;", strings.Repeat("en,", 5000)} {
		rd := l.reader(&http.Request{Header: http.Header{"Accept-Language": {accept}}})
		if rd.Lang != "en" || rd.T("signin.title") != "Sign in" {
			t.Errorf("%.20s is read in %s: %s", accept, rd.Lang, rd.T("signin.title"))
		}
	}
	for accept, want := range map[string]string{"ko-KR": "ko", "ja": "ja", "zh": "zh-Hans", "zh-CN": "zh-Hans", "zh-TW": "zh-Hant", "zh-HK,en;q=0.8": "zh-Hant", "fr,ko;q=0.5": "ko"} {
		if rd := l.reader(&http.Request{Header: http.Header{"Accept-Language": {accept}}}); rd.Lang != want {
			t.Errorf("%s is answered in %s, want %s", accept, rd.Lang, want)
		}
	}
	rd := l.reader(&http.Request{})
	if got := rd.T("account.remove.title", "Name", "<b>{{.Name}}"); got != "Remove “<b>{{.Name}}”?" {
		t.Errorf("a name in a sentence becomes %q", got)
	}
	if got := rd.T("no.such.key"); got != "no.such.key" {
		t.Errorf("an unknown key says %q", got)
	}
}

package web

import (
	"io/fs"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mapae/mapae"
)

// own are templates by file name.
func own(files map[string]string) fs.FS {
	all := fstest.MapFS{}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func withTemplates(files map[string]string) setting {
	return func(_ *mapae.Config, c *Config) { c.Templates = own(files) }
}

func TestATemplateOfOnesOwnTakesThePlaceOfOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTemplates(map[string]string{
		"sign-in.html": `{{define "main"}}<h1>Come in, {{.Site}}</h1>{{template "greeting" .}}<form method="post" action="{{.Base}}/sign-in">{{template "email" .}}</form>{{template "status" .}}{{end}}
{{define "greeting"}}<p>{{.Data.Next}}</p>{{end}}`,
		"layout.html": `{{define "about"}}{{end}}`,
	}))
	p, ours := w.person(), newWorld(t).person()
	a, b := p.page("/sign-in?next=/%3Cb%3E"), ours.page("/sign-in")
	a.says(t, "what it says itself", 200, "<h1>Come in, Example</h1><p>/&lt;b&gt;</p>")
	a.says(t, "what it leaves to ours, in the same file", 200, "<title>Sign in · Example</title>")
	a.says(t, "what it leaves to ours, in another file", 200, `autocomplete="username webauthn"`)
	if up := p.page("/sign-up"); !strings.Contains(string(ours.page("/sign-up").body), "<details>") || strings.Contains(string(up.body), "<details>") {
		t.Errorf("a template that says nothing does not take the place of ours: %s", up.body)
	}
	for _, name := range []string{"Content-Security-Policy", "Cache-Control", "X-Content-Type-Options", "Permissions-Policy"} {
		if a.Header.Get(name) != b.Header.Get(name) || a.Header.Get(name) == "" {
			t.Errorf("%s is %q, want %q", name, a.Header.Get(name), b.Header.Get(name))
		}
	}
	if strings.Contains(string(ours.page("/sign-in").body), "Come in") {
		t.Error("one site's templates are another's")
	}
}

func TestTemplatesThatCannotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, text, reason string }{
		"a file of no page":                    {"signin.html", "", "templates: signin.html takes no page's place: the names are layout, "},
		"a stylesheet":                         {"page.css", "", "templates: page.css takes no page's place"},
		"a directory":                          {"templates/sign-in.html", "", "templates: templates is a directory"},
		"an action that is not closed":         {"sign-in.html", "{{define \"main\"}}\n{{if .Data}}\n{{end", "templates: sign-in.html:3: unclosed action"},
		"a function that there is none of":     {"sign-in.html", "\n{{define \"main\"}}{{shout .Site}}{{end}}", `templates: sign-in.html:2: function "shout" not defined`},
		"a field that the page has not":        {"sign-in.html", "{{define \"main\"}}\n\n{{.Data.Emial}}{{end}}", "templates: sign-in.html:3:7: executing \"main\" at <.Data.Emial>: can't evaluate field Emial"},
		"a field of a step":                    {"recover.html", "{{define \"recover-ready\"}}\n{{.Data.Emial}}{{end}}", "templates: recover.html:2:7: executing \"recover-ready\""},
		"a template that there is none of":     {"offer.html", "{{define \"main\"}}\n{{template \"mian\" .}}{{end}}", `offer.html:2:11: no such template "mian"`},
		"a tag that does not end":              {"offer.html", "{{define \"main\"}}<p\n{{if .Data.Local}}\"{{end}}{{end}}", `in attribute name: "\"" (on the page "offer")`},
		"text outside of all definitions":      {"error.html", "<h1>Oh</h1>{{define \"main\"}}{{end}}", "templates: error.html: something stands outside of {{define}}"},
		"a shared file's definition, misspelt": {"layout.html", "{{define \"status\"}}{{.Satus}}{{end}}", "layout.html:1:21: executing \"status\" at <.Satus>"},
	} {
		if err := CheckTemplates(own(map[string]string{c.file: c.text})); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want %q", name, err, c.reason)
		}
	}
	if err := CheckTemplates(fstest.MapFS{}); err == nil || err.Error() != "templates: there is none" {
		t.Errorf("no file at all: %v", err)
	}
	if err := CheckTemplates(brokenFS{}); err == nil || !strings.Contains(err.Error(), "templates: open .: permission denied") {
		t.Errorf("files that can't be read: %v", err)
	}
	defer func() {
		if said, _ := recover().(string); !strings.HasPrefix(said, "web: templates: sign-in.html:1: ") {
			t.Errorf("New panics with %q", said)
		}
	}()
	newWorld(t, withTemplates(map[string]string{"sign-in.html": "{{"}))
}

type brokenFS struct{}

func (brokenFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// What a page can draw through if, range and with is there; what it can't is
// not, for 20 copies of all that pages share are megabytes.
func TestAPageHoldsWhatItDraws(t *testing.T) {
	t.Parallel()
	link, err := parsePage(own(map[string]string{"link.html": `{{define "main"}}{{if .Data}}{{with .Data}}{{range .}}{{template "a" .}}{{end}}{{else}}{{template "b" .}}{{end}}{{else}}{{template "a" .}}{{end}}{{end}}
{{define "a"}}{{template "code" .}}{{template "a" .}}{{end}}{{define "b"}}{{end}}{{define "never"}}{{end}}`}), "link")
	ok(t, err)
	for name, want := range map[string]bool{"layout": true, "main": true, "a": true, "b": true, "code": true, "never": false, "ways": false, "providers": false} {
		if got := link.Lookup(name) != nil; got != want {
			t.Errorf("%q is there: %v, want %v", name, got, want)
		}
	}
}

// TestEveryBranchOfEveryPageIsTried breaks each branch of the shipped templates
// in turn: templates of one's own have the same branches.
func TestEveryBranchOfEveryPageIsTried(t *testing.T) {
	t.Parallel()
	branch := regexp.MustCompile(`\{\{-? ?(?:if|else|with|range)\b[^}]*\}\}`)
	broken := 0
	for _, name := range append(append([]string{}, sharedNames...), pageNames...) {
		file := name + ".html"
		text, err := pageFiles.ReadFile("page/" + file)
		ok(t, err)
		branches := branch.FindAllIndex(text, -1)
		broken += len(branches)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, at := range branches {
				one := string(text[:at[1]]) + "{{.Broken}}" + string(text[at[1]:])
				all := newTemplates(own(map[string]string{file: one}))
				if page, isPage := all[name]; isPage {
					all = templates{name: page}
				}
				if err := tryPages(all); err == nil || !strings.Contains(err.Error(), "Broken") {
					t.Errorf("nobody notices what is broken after %s: %v", text[at[0]:at[1]], err)
				}
			}
		})
	}
	if broken < 100 {
		t.Errorf("%d branches were found", broken)
	}
}

func TestSamplesHaveEveryFieldThatTemplatesAreGiven(t *testing.T) {
	t.Parallel()
	for _, name := range pageNames {
		all := samples()[name]
		if len(all) == 0 {
			t.Errorf("the page %q is tried with nothing", name)
			continue
		}
		if all[0] == nil {
			continue
		}
		for _, field := range reflect.VisibleFields(reflect.TypeOf(all[0])) {
			set := false
			for _, data := range all {
				set = set || !reflect.ValueOf(data).FieldByIndex(field.Index).IsZero()
			}
			// One set-up page has the key, another the codes: their data is shared.
			if !set {
				t.Errorf("no sample of the page %q has %s", name, field.Name)
			}
		}
	}
}

package web

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/template/parse"
)

// sharedNames are the templates that pages have in common, pageNames the pages:
// each is its own file and the shared ones.
var (
	sharedNames = []string{"layout", "proof", "provider"}
	pageNames   = []string{"sign-in", "sign-up", "sign-up-proven", "email-code", "reset", "confirm", "second-factor", "recover", "offer", "link", "account", "activity", "change-email", "delete", "password", "totp", "codes", "federated", "passkeys", "error"}
)

// definitions are templates by the names that they are defined under.
type definitions map[string]*parse.Tree

// templates are the pages by name. Each is read when it is first drawn: read all
// at once they would be most of what an idle server keeps.
type templates map[string]func() (*template.Template, error)

// embeddedPages are the pages as they are shipped: the same for every site.
var embeddedPages = sync.OnceValue(func() templates { return newTemplates(nil) })

// newTemplates returns the pages, none of which it reads. What a file of own
// defines takes the place of what ours of the same name defines; nil: all is ours.
func newTemplates(own fs.FS) templates {
	all := templates{}
	for _, name := range pageNames {
		all[name] = sync.OnceValues(func() (*template.Template, error) { return parsePage(own, name) })
	}
	return all
}

// parsePage returns the page name, with as much of the shared templates as it
// draws. Nothing of that is shared with other pages, because escaping changes it.
func parsePage(own fs.FS, name string) (*template.Template, error) {
	defined := definitions{}
	for _, file := range slices.Concat(sharedNames, []string{name}) {
		more, err := define(own, file+".html")
		if err != nil {
			return nil, err
		}
		maps.Copy(defined, more)
	}
	set := template.New(name)
	for what := range defined.below("layout") {
		if _, err := set.AddParseTree(what, defined[what]); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// below returns the names of what is drawn where name is: itself, and what it
// calls, as far as d has it. Most pages call few of the shared ones.
func (d definitions) below(name string) map[string]bool {
	found := map[string]bool{}
	var visit func(parse.Node)
	call := func(name string) {
		if tree := d[name]; tree != nil && !found[name] {
			found[name] = true
			visit(tree.Root)
		}
	}
	branch := func(b *parse.BranchNode) {
		visit(b.List)
		if b.ElseList != nil {
			visit(b.ElseList)
		}
	}
	visit = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			for _, each := range n.Nodes {
				visit(each)
			}
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		case *parse.TemplateNode:
			call(n.Name)
		}
	}
	call(name)
	return found
}

// define returns what file defines: in own, and of ours what own leaves.
func define(own fs.FS, file string) (definitions, error) {
	text, err := pageFiles.ReadFile("page/" + file)
	if err != nil {
		return nil, err
	}
	all, err := parseFile(file, string(text))
	if err != nil || own == nil {
		return all, err
	}
	text, err = fs.ReadFile(own, file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	theirs, err := parseFile(file, string(text))
	maps.Copy(all, theirs)
	return all, err
}

// parseFile returns what text defines; errors name the file and the line.
func parseFile(file, text string) (definitions, error) {
	set, err := template.New(file).Parse(text)
	if err != nil {
		return nil, err
	}
	all := definitions{}
	for _, t := range set.Templates() {
		switch {
		case t.Name() != file:
			all[t.Name()] = t.Tree
		case !parse.IsEmptyTree(t.Tree.Root):
			return nil, fmt.Errorf("%s: something stands outside of {{define}}, where no page shows it", file)
		}
	}
	return all, nil
}

// CheckTemplates returns an error that names the file and the line of what
// can't be used in own, the templates for Config.Templates: a file that takes no
// page's place, a mistake of syntax, something that a page does not have.
// [New] panics with it.
func CheckTemplates(own fs.FS) error {
	_, err := ownPages(own)
	return err
}

// ownPages are newTemplates, after each page of own was drawn with everything on
// it, and with nothing.
func ownPages(own fs.FS) (templates, error) {
	if own == nil {
		return embeddedPages(), nil
	}
	if err := checkNames(own); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	all := newTemplates(own)
	if err := tryPages(all); err != nil {
		return nil, fmt.Errorf("templates: %s", strings.TrimPrefix(err.Error(), "template: "))
	}
	return all, nil
}

// checkNames demands that every file of own takes the place of one of ours.
func checkNames(own fs.FS) error {
	files, err := fs.ReadDir(own, ".")
	if err != nil {
		return err
	}
	known := slices.Concat(sharedNames, pageNames)
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".html")
		switch {
		case f.IsDir():
			return fmt.Errorf("%s is a directory: its files would take no page's place (fs.Sub has what is below)", f.Name())
		case !ok || !slices.Contains(known, name):
			return fmt.Errorf("%s takes no page's place: the names are %s, each with .html", f.Name(), strings.Join(known, ", "))
		}
	}
	if len(files) == 0 {
		return errors.New("there is none")
	}
	return nil
}

// embeddedAssets are those without a brand.
var embeddedAssets = sync.OnceValues(func() (assets, error) { return newAssets(Brand{}) })

// tryPages draws pages with all samples in English: once with nothing
// configured, then with everything and a mistake in each field. It returns what
// the first that can't be drawn says.
func tryPages(all templates) error {
	locales, err := embeddedLocales()
	if err != nil {
		return err
	}
	assets, err := embeddedAssets()
	if err != nil {
		return err
	}
	bare := pages{site: "Example", port: "8080", templates: all, assets: assets, locales: locales}
	full := bare
	full.links, full.outbox, full.development, full.password, full.providers = Brand{Help: "/"}.links(), "/outbox", true, true, sampleProviders
	tries := []view{{pages: &bare}}
	for field := range besideField {
		tries = append(tries, view{pages: &full, RequestID: "0", here: "/", Fault: fault{field, "Example"}})
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if _, err := all[name](); err != nil {
			return err
		}
		for _, data := range samples()[name] {
			for _, v := range tries {
				v.reader, v.Page, v.Data = locales.all[0].reader(), name, data
				if err := v.draw(io.Discard); err != nil {
					return fmt.Errorf("%w (on the page %q)", err, name)
				}
			}
		}
	}
	return nil
}

// draw writes the page that v is the view of.
func (v view) draw(w io.Writer) error {
	page, err := v.templates[v.Page]()
	if err != nil {
		return err
	}
	return page.ExecuteTemplate(w, "layout", v)
}

// view is what the template of the page name sees of data, for whoever sent r.
func (p *pages) view(r *http.Request, name string, data any) view {
	return view{reader: p.locales.reader(r), pages: p, Page: name, RequestID: on(r).id, Fault: on(r).fault, Data: data}
}

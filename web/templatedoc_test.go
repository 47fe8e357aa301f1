package web

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sources are the declarations of this package, for what their comments say.
type sources struct {
	structs map[string]*ast.StructType
	methods map[string][]*ast.FuncDecl // by the name of their type
	docs    map[string]string          // of types
}

func readSources(t *testing.T) sources {
	t.Helper()
	all := sources{map[string]*ast.StructType{}, map[string][]*ast.FuncDecl{}, map[string]string{}}
	files, err := fs.Glob(os.DirFS("."), "*.go")
	ok(t, err)
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		ok(t, err)
		for _, d := range tree.Decls {
			all.add(d)
		}
	}
	return all
}

func (s sources) add(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && d.Name.IsExported() {
			receiver := strings.TrimPrefix(types.ExprString(d.Recv.List[0].Type), "*")
			s.methods[receiver] = append(s.methods[receiver], d)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if spec, ok := spec.(*ast.TypeSpec); ok {
				s.docs[spec.Name.Name] = d.Doc.Text()
				if st, ok := spec.Type.(*ast.StructType); ok {
					s.structs[spec.Name.Name] = st
				}
			}
		}
	}
}

// fields lists what templates can ask of the type, each with its comment.
func (s sources) fields(name string) string {
	var b strings.Builder
	say := func(name, kind, doc string) {
		fmt.Fprintf(&b, "| `.%s` | `%s` | %s |\n", name, kind, strings.ReplaceAll(strings.Join(strings.Fields(doc), " "), "|", "\\|"))
	}
	var comment string
	for _, f := range s.structs[name].Fields.List {
		if text := f.Comment.Text() + f.Doc.Text(); text != "" || len(f.Names) == 0 {
			comment = text
		} else {
			comment = ""
		}
		for _, n := range f.Names {
			if n.IsExported() {
				say(n.Name, types.ExprString(f.Type), comment)
			}
		}
	}
	methods := s.methods[name]
	slices.SortFunc(methods, func(a, b *ast.FuncDecl) int { return strings.Compare(a.Name.Name, b.Name.Name) })
	for _, m := range methods {
		kind := types.ExprString(m.Type)
		say(m.Name.Name, strings.TrimPrefix(kind, "func"), strings.TrimPrefix(m.Doc.Text(), m.Name.Name+" "))
	}
	return b.String()
}

// mentioned are the types of this package that fields of the type name have.
func (s sources) mentioned(name string) (all []string) {
	ast.Inspect(s.structs[name], func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && s.structs[id.Name] != nil && !slices.Contains(all, id.Name) {
			all = append(all, id.Name)
		}
		return true
	})
	for _, m := range s.methods[name] {
		for _, result := range m.Type.Results.List {
			if kind := strings.TrimPrefix(types.ExprString(result.Type), "[]"); s.structs[kind] != nil && kind != name && !slices.Contains(all, kind) {
				all = append(all, kind)
			}
		}
	}
	return all
}

// reference is the part of docs/pages.md about what templates are given.
func reference(t *testing.T) string {
	s := readSources(t)
	var b strings.Builder
	b.WriteString("| file | what it defines | `.Data` |\n|---|---|---|\n")
	var queue []string
	for _, name := range append(slices.Clone(sharedNames), pageNames...) {
		text, err := pageFiles.ReadFile("page/" + name + ".html")
		ok(t, err)
		defined, err := parseFile(name+".html", string(text))
		ok(t, err)
		kind := ""
		if all := samples()[name]; len(all) > 0 && all[0] != nil {
			kind = reflect.TypeOf(all[0]).Name()
			if !slices.Contains(queue, kind) {
				queue = append(queue, kind)
			}
			kind = "`" + kind + "`"
		}
		fmt.Fprintf(&b, "| `%s.html` | `%s` | %s |\n", name, strings.Join(slices.Sorted(maps.Keys(defined)), "` `"), kind)
	}
	queue = append([]string{"view", "reader"}, queue...)
	for i := 0; i < len(queue); i++ {
		name := queue[i]
		if name == "pages" {
			continue
		}
		for _, more := range s.mentioned(name) {
			if !slices.Contains(queue, more) {
				queue = append(queue, more)
			}
		}
		title := "`" + name + "`"
		if name == "view" {
			title = "On every page"
		}
		if name == "reader" {
			title = "On every page, in the reader's language"
		}
		fields := s.fields(name)
		if fields == "" {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n| | type | |\n|---|---|---|\n%s", title, fields)
	}
	return b.String()
}

func TestTheDocsSayWhatTemplatesAreGiven(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../docs/pages.md", "<!-- made by: go test ./web -run TheDocsSay -update -->\n", "<!-- end of what is made -->\n"
	text, err := os.ReadFile(file)
	ok(t, err)
	before, rest, found := bytes.Cut(text, []byte(begin))
	_, after, ends := bytes.Cut(rest, []byte(end))
	if !found || !ends {
		t.Fatalf("%s has no place for it", file)
	}
	want := slices.Concat(before, []byte(begin), []byte(reference(t)), []byte(end), after)
	if *update {
		ok(t, os.WriteFile(file, want, 0o644))
	} else if !bytes.Equal(text, want) {
		t.Errorf("%s is not what the templates are given: go test ./web -run TheDocsSay -update", file)
	}
}

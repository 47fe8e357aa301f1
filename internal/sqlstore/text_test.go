package sqlstore

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// statements returns the SQL constants of this package by name, as the
// compiler puts them together.
func statements(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	// Only constants are wanted: what other packages hold does not matter.
	conf := types.Config{Importer: importer.Default(), Error: func(error) {}}
	pkg, _ := conf.Check("sqlstore", fset, files, nil)
	found := map[string]string{}
	for _, name := range pkg.Scope().Names() {
		if c, ok := pkg.Scope().Lookup(name).(*types.Const); ok && c.Val().Kind() == constant.String {
			found[name] = constant.StringVal(c.Val())
		}
	}
	return found
}

func TestParametersFirstAppearInOrder(t *testing.T) {
	t.Parallel()
	all := statements(t)
	withParameters := 0
	for name, sql := range all {
		seen := 0
		for _, m := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(sql, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			if n > seen+1 {
				t.Errorf("%s: $%d comes before $%d:\n%s", name, n, seen+1, sql)
			}
			seen = max(seen, n)
		}
		if seen > 0 {
			withParameters++
		}
		if strings.Contains(sql, "?") {
			t.Errorf("%s: a parameter that is not $n:\n%s", name, sql)
		}
	}
	if withParameters < 25 {
		t.Errorf("only %d statements with parameters were found", withParameters)
	}
}

package mapae_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mapae/mapae"

// A room is one row of the import rule: what a package may import beside the standard library. Rooms are named by their path
// below the module, "." is the root, and "x/..." is every package beneath x that has no row of its own.
type room struct {
	name       string
	ours       []string // rooms it may import; anything: all of them
	libs       []string // modules it may import, each with what lies beneath it
	never      []string // packages it may not import although they are in the standard library
	goroutines bool     // whether its code may start goroutines
	why        string   // said for each forbidden import
}

const (
	leaves   = "internal/..."
	anything = "..."
)

var rooms = []room{
	{name: ".", ours: []string{"webauthn", leaves}, libs: []string{"golang.org/x", "github.com/pquerna/otp"}, never: []string{"net/http", "database/sql"},
		why: "the domain knows no transport, no database and none of the rooms around it"},
	{name: "webauthn", ours: []string{"internal/cbor", "internal/strictjson"},
		why: "the protocol stands alone: the standard library and the two strict readers"},
	{name: "webauthn/...", ours: []string{"webauthn", "webauthn/...", leaves},
		why: "what only some ask for lies beneath the protocol, and knows nothing else"},
	{name: "webauthn/mldsa", ours: []string{"webauthn"}, libs: []string{"filippo.io/mldsa"},
		why: "a further algorithm is for those who ask for it, and knows the protocol only"},
	{name: "webauthn/extension", ours: []string{leaves},
		why: "extensions are for those who ask for them; what they mean is nobody's verdict"},
	{name: "webauthntest",
		why: "the software authenticator shares no code with what it tests, or it would share its mistakes"},
	{name: "client",
		why: "the client knows the JSON API and nothing behind it"},
	{name: "memory", ours: []string{".", "webauthn", leaves},
		why: "a store knows the domain and no sibling"},
	{name: "sqlite", ours: []string{".", "webauthn", leaves, "internal/sqlstore"},
		libs: []string{"modernc.org/sqlite", "modernc.org/libc", "github.com/pressly/goose/v3"},
		why:  "a store knows the domain, the SQL that both engines share, and no sibling"},
	{name: "postgres", ours: []string{".", "webauthn", leaves, "internal/sqlstore"},
		libs: []string{"github.com/jackc/pgx/v5", "github.com/pressly/goose/v3"},
		why:  "a store knows the domain, the SQL that both engines share, and no sibling"},
	{name: "internal/load", ours: []string{"webauthntest", "internal/procs"}, goroutines: true,
		why: "the load generator knows the JSON API and a software authenticator, and nothing behind either"},
	{name: "internal/transfer", ours: []string{".", "webauthn", leaves}, libs: []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5"},
		why: "who reads other systems knows the domain, and no store: what is taken over is not its business"},
	{name: "internal/pgtest", ours: []string{"internal/procs"}, goroutines: true,
		why: "what starts a server for tests knows nothing of what is tested"},
	{name: "internal/sqlstore", ours: []string{".", "webauthn", leaves}, never: []string{"database/sql"},
		why: "the shared SQL names no driver and no engine"},
	{name: "storetest", ours: []string{".", "webauthn", leaves}, libs: []string{"pgregory.net/rapid"}, goroutines: true,
		why: "the store contract knows no store, so that anybody's can run it"},
	{name: "web", ours: []string{".", "webauthn", leaves}, libs: []string{"github.com/nicksnyder/go-i18n/v2", "github.com/boombuler/barcode", "golang.org/x"},
		never: []string{"database/sql"},
		why:   "the HTTP face knows the domain and no sibling: whoever mounts it chooses the store"},
	{name: "mail", ours: []string{".", leaves}, libs: []string{"github.com/wneessen/go-mail", "github.com/nicksnyder/go-i18n/v2", "golang.org/x"},
		why: "the mail room knows the domain and no sibling: what is sent, and when, is not its business"},
	{name: "telemetry", ours: []string{".", leaves}, libs: []string{"github.com/DataDog/datadog-go/v5", "github.com/prometheus/client_golang"},
		why: "who measures knows the domain and nobody else: whoever wires it chooses what is measured"},
	{name: "federated", ours: []string{"."}, libs: []string{"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"},
		why: "who speaks with other providers knows the domain and nobody else: whoever wires it chooses the providers"},
	{name: "internal/idptest", libs: []string{"github.com/go-jose/go-jose/v4"},
		why: "a provider that is played shares no code with what it tests"},
	{name: leaves, libs: []string{"golang.org/x"},
		why: "a leaf imports nothing of ours, so that any room may import it"},
	{name: "cmd/...", ours: []string{anything}, goroutines: true,
		libs: []string{"github.com/alecthomas/kong", "go.yaml.in/yaml/v3", "golang.org/x"},
		why:  "a further library is a decision: docs/decisions"},
	{name: "examples/...", ours: []string{anything}, goroutines: true,
		why: "an example shows what Mapae needs, and that is Mapae"},
	{name: "internal/bench", ours: []string{anything}, goroutines: true, libs: []string{"modernc.org/sqlite", "golang.org/x"},
		why: "a further library is a decision: docs/decisions"},
}

// roomOf returns the row for a package, named by its path below the module: its own, or that of the folder it lies beneath.
func roomOf(name string) (room, bool) {
	var found room
	for _, r := range rooms {
		if r.name == name {
			return r, true
		}
		if folder, ok := strings.CutSuffix(r.name, "..."); ok && strings.HasPrefix(name, folder) && len(r.name) > len(found.name) {
			found = r
		}
	}
	return found, found.name != ""
}

// below names a package of ours by its path below the module.
func below(importPath string) (name string, ours bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// within tells whether a package is one of these modules or packages, or lies beneath one.
func within(importPath string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool { return importPath == m || strings.HasPrefix(importPath, m+"/") })
}

// mayImport is the import rule.
func (r room) mayImport(importPath string) bool {
	if name, ours := below(importPath); ours {
		target, _ := roomOf(name)
		return slices.Contains(r.ours, anything) || slices.Contains(r.ours, name) || slices.Contains(r.ours, target.name)
	}
	if host, _, _ := strings.Cut(importPath, "/"); strings.Contains(host, ".") {
		return within(importPath, r.libs)
	}
	return !within(importPath, r.never)
}

type goPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func goList(t *testing.T, arguments ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), "go", append([]string{"list"}, arguments...)...)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", strings.Join(arguments, " "), err, &stderr)
	}
	return out
}

// packages lists the packages of the root module. It walks the folders first: the test cache sees what this process reads, not
// what `go list` does, and would keep a verdict about files that have changed since.
func packages(t *testing.T) []goPackage {
	t.Helper()
	if err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if name := d.Name(); d.IsDir() && path != "." && (name[0] == '.' || name == "data" || name == "node_modules") {
			return fs.SkipDir
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var list []goPackage
	decoder := json.NewDecoder(bytes.NewReader(goList(t, "-json=ImportPath,Dir,GoFiles,Imports", "./...")))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestEveryImportPointsAtTheRoot(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name, _ := below(p.ImportPath)
		r, ok := roomOf(name)
		if !ok {
			t.Errorf("%s has no row in the import rule: add one, with the reason for what it may not import", name)
			continue
		}
		for _, importPath := range p.Imports {
			if !r.mayImport(importPath) {
				t.Errorf("%s imports %s: %s", name, importPath, r.why)
			}
		}
	}
}

func TestTheImportRuleKnowsGoodFromBad(t *testing.T) {
	t.Parallel()
	ours := func(name string) string { return module + "/" + name }
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{".", ours("webauthn"), true},
		{".", ours("internal/seal"), true},
		{".", "golang.org/x/crypto/argon2", true},
		{".", ours("web"), false},
		{".", ours("internal/sqlstore"), false},
		{".", "net/http", false},
		{".", "net/http/httptest", false},
		{".", "database/sql", false},
		{".", "github.com/google/uuid", false},
		{"webauthn", "crypto/ecdsa", true},
		{"webauthn", ours("internal/cbor"), true},
		{"webauthn", module, false},
		{"webauthn", ours("webauthn/attestation"), false},
		{"webauthn", ours("internal/seal"), false},
		{"webauthn/attestation", ours("webauthn"), true},
		{"webauthn/attestation", module, false},
		{"webauthn/attestation", ours("webauthn/attestation/mds"), true},
		{"webauthn/attestation", "filippo.io/mldsa", false},
		{"webauthn/mldsa", "filippo.io/mldsa", true},
		{"web", ours("webauthn/attestation"), false},
		{"webauthn", "github.com/fxamacker/cbor/v2", false},
		{"webauthntest", ours("webauthn"), false},
		{"client", module, false},
		{"client", "net/http", true},
		{"sqlite", module, true},
		{"sqlite", ours("internal/sqlstore"), true},
		{"sqlite", ours("memory"), false},
		{"postgres", ours("internal/sqlstore"), true},
		{"postgres", ours("sqlite"), false},
		{"postgres", "modernc.org/sqlite", false},
		{"memory", ours("internal/sqlstore"), false},
		{"web", module, true},
		{"web", ours("sqlite"), false},
		{"telemetry", module, true},
		{"telemetry", ours("web"), false},
		{"web", ours("telemetry"), false},
		{"web", ours("federated"), false},
		{"federated", module, true},
		{"federated", ours("web"), false},
		{"federated", "github.com/go-jose/go-jose/v4", false},
		{"internal/idptest", ours("federated"), false},
		{"web", "github.com/prometheus/client_golang/prometheus", false},
		{"internal/seal", "golang.org/x/crypto/chacha20poly1305", true},
		{"internal/seal", module, false},
		{"internal/seal", ours("internal/other"), false},
		{"internal/sqlstore", "database/sql", false},
		{"cmd/mapae", ours("web"), true},
		{"cmd/mapae", "golang.org/xyz", false},
		{"examples/mount", ours("sqlite"), true},
	} {
		r, ok := roomOf(c.from)
		if got := r.mayImport(c.to); !ok || got != c.want {
			t.Errorf("%s imports %s: allowed = %v, want %v", c.from, c.to, got, c.want)
		}
	}
	if r, ok := roomOf("stranger"); ok {
		t.Errorf("a package that no row names falls under %q", r.name)
	}
}

func TestNoRoomHasAnInitAndOnlyProgramsStartGoroutines(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name, _ := below(p.ImportPath)
		r, _ := roomOf(name)
		for _, file := range p.GoFiles {
			source, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range forbiddenStarts(t, filepath.Join(name, file), source, r.goroutines) {
				t.Error(found)
			}
		}
	}
}

// forbiddenStarts finds what runs without having been called: init functions, and goroutines where they are not allowed.
func forbiddenStarts(t *testing.T, name string, source []byte, goroutines bool) (found []string) {
	t.Helper()
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				found = append(found, fmt.Sprintf("%s: an init function: whoever imports a room must get nothing that they did not call",
					files.Position(n.Pos())))
			}
		case *ast.GoStmt:
			if !goroutines {
				found = append(found, fmt.Sprintf("%s: starts a goroutine: only programs do, so that whoever mounts a room decides what runs",
					files.Position(n.Pos())))
			}
		}
		return true
	})
	return found
}

func TestInitsAndGoroutinesAreFound(t *testing.T) {
	t.Parallel()
	source := []byte("package x\nfunc init() {}\nfunc f() { func() { go f() }() }\ntype s int\nfunc (s) init() {}\n")
	if got := forbiddenStarts(t, "x.go", source, false); len(got) != 2 ||
		!strings.HasPrefix(got[0], "x.go:2:1: an init") || !strings.HasPrefix(got[1], "x.go:3:21: starts a goroutine") {
		t.Errorf("found %q", got)
	}
	if got := forbiddenStarts(t, "x.go", source, true); len(got) != 1 {
		t.Errorf("where goroutines are allowed: found %q", got)
	}
}

// dependencies lists what a package links, itself included.
func dependencies(t *testing.T, name string) []string {
	t.Helper()
	return strings.Fields(string(goList(t, "-deps", "./"+name)))
}

func TestASignInIsReadInAtMostSixPackages(t *testing.T) {
	t.Parallel()
	packages(t)
	closure := slices.DeleteFunc(dependencies(t, "web"), func(p string) bool { _, ours := below(p); return !ours })
	if len(closure) > 6 {
		t.Errorf("web links %d packages of this module, 6 are allowed: %s", len(closure), strings.Join(closure, " "))
	}
	if !slices.Contains(closure, module) || !slices.Contains(closure, module+"/webauthn") {
		t.Errorf("web does not link the domain and the protocol: %s", strings.Join(closure, " "))
	}
}

// traced finds the rows of ARCHITECTURE.md's sign-in: a file and what is declared in it.
var traced = regexp.MustCompile("(?m)^\\|[^|]*\\| `([^`]+)` \\| `([^`]+)` \\|")

func TestTheTracedSignInIsTrueAndShort(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	files, folders, lines := map[string]bool{}, map[string]bool{}, 0
	for _, row := range traced.FindAllStringSubmatch(string(page), -1) {
		path, name := row[1], row[2]
		source, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		declared := regexp.MustCompile(`(?m)^(func (\([^)]*\) )?|\s*(async )?(function )?)` + name + `\(.*\{$`)
		if !declared.Match(source) {
			t.Errorf("%s does not declare %s", path, name)
		}
		if filepath.Ext(path) == ".go" && !files[path] {
			files[path], folders[filepath.Dir(path)] = true, true
			lines += bytes.Count(source, []byte("\n"))
		}
	}
	if len(files) < 8 || len(files) > 10 || len(folders) > 6 || lines > 2500 {
		t.Errorf("the trace has %d Go files (at least 8, at most 10), %d packages (6), %d lines (2,500)", len(files), len(folders), lines)
	}
}

func TestWhoMountsMapaeLinksNothingElse(t *testing.T) {
	t.Parallel()
	packages(t)
	unwanted := []string{
		module + "/telemetry", module + "/mail", module + "/federated", module + "/storetest", module + "/webauthntest",
		"github.com/prometheus", "github.com/DataDog", "github.com/wneessen", "github.com/coreos", "golang.org/x/oauth2",
		"github.com/alecthomas", "go.yaml.in", "pgregory.net", "filippo.io", "testing",
		module + "/webauthn/attestation", module + "/webauthn/mldsa",
	}
	linked := dependencies(t, "examples/mount")
	for _, p := range linked {
		if within(p, unwanted) {
			t.Errorf("examples/mount links %s", p)
		}
	}
	if !slices.Contains(linked, module+"/web") {
		t.Error("examples/mount does not mount web: this test would find nothing")
	}
}

// requirements reads the go.mod of a module: module paths to versions, and how many of them are direct.
func requirements(t *testing.T, path string) (versions map[string]string, direct int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	versions = map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) < 2 || !strings.HasPrefix(fields[1], "v") {
			continue
		}
		versions[fields[0]] = fields[1]
		if !strings.Contains(line, "// indirect") {
			direct++
		}
	}
	return versions, direct
}

func TestDependenciesAreFewAndSQLiteKeepsItsOwnLibc(t *testing.T) {
	t.Parallel()
	versions, direct := requirements(t, "go.mod")
	if direct > 22 {
		t.Errorf("go.mod has %d direct requirements, 22 are allowed", direct)
	}
	theirs, _ := requirements(t, strings.TrimSpace(string(goList(t, "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite"))))
	if got, want := versions["modernc.org/libc"], theirs["modernc.org/libc"]; got != want || want == "" {
		t.Errorf("modernc.org/libc is at %q, modernc.org/sqlite was made for %q: docs/decisions/0002", got, want)
	}
}

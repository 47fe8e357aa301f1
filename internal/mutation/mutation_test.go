package mutation

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// A suite is the tests that have to kill the patches of a folder; those of the
// changed file's own package are run too. Most patches are dead before the slow
// tests, so these are left out at first.
type suite struct{ tests, slow string }

var suites = map[string]suite{
	"webauthn":             {"./webauthn", "OwnVectors|DefaultAlgorithms|KeptKey|EveryAlgorithm|EveryBit|CutAtAnyByte"},
	"webauthn/attestation": {"./webauthn/attestation/...", "EveryAlgorithm|EveryPrefix"},
}

// sample is how many patches are run where MAPAE_MUTATIONS does not say how many.
const sample = 6

func TestEveryCheckIsMissed(t *testing.T) {
	all := patches(t)
	if len(all) < 120 {
		t.Fatalf("%d patches, want 120 or more", len(all))
	}
	var killed, survived atomic.Int32
	some := chosen(t, all)
	t.Run("patches", func(t *testing.T) {
		for _, p := range some {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				switch dead := p.kill(t); {
				case dead && p.survives != "":
					t.Errorf("is killed, and says that it survives: %s", p.survives)
				case !dead && p.survives == "":
					t.Error("survives: no test fails for it")
					survived.Add(1)
				case dead:
					killed.Add(1)
				default:
					survived.Add(1)
					t.Logf("survives: %s", p.survives)
				}
			})
		}
	})
	k, s := killed.Load(), survived.Load()
	t.Logf("proven: %d patches killed; %d survive", k, s)
	if len(some) == len(all) && k*100 < (k+s)*95 {
		t.Errorf("%d of %d are killed, want 95 %%", k, k+s)
	}
}

// chosen are all patches, or as many as MAPAE_MUTATIONS says, spread evenly.
func chosen(t *testing.T, all []patch) []patch {
	t.Helper()
	n, err := sample, error(nil)
	switch text := os.Getenv("MAPAE_MUTATIONS"); text {
	case "":
	case "all":
		return all
	default:
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			t.Fatalf("MAPAE_MUTATIONS=%s: it is all or a number", text)
		}
	}
	var some []patch
	for i := range min(n, len(all)) {
		some = append(some, all[i*len(all)/min(n, len(all))])
	}
	return some
}

// root is the folder of the repository.
var root = filepath.Join("..", "..")

// patches reads every patch and holds that it applies.
func patches(t *testing.T) (all []patch) {
	t.Helper()
	for folder, suite := range suites {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "testdata", "mutations", "*.patch"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d patches (%v)", folder, len(files), err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p, err := parse(string(text))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			p.name, p.suite = folder+"/"+strings.TrimSuffix(filepath.Base(name), ".patch"), suite
			if _, err := p.apply(); err != nil {
				t.Errorf("%s does not apply any more: %v", name, err)
			}
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b patch) int { return strings.Compare(a.name, b.name) })
	return all
}

type patch struct {
	name     string
	suite    suite
	survives string
	file     string // from the root, with slashes
	hunks    []hunk
}

// hunk is one change: from the line on, old becomes new.
type hunk struct {
	line     int
	old, new string
}

// parse reads a unified diff of one file.
func parse(text string) (p patch, err error) {
	if first, rest, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, "Survives: ") {
		p.survives, text = strings.TrimPrefix(first, "Survives: "), rest
	}
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "--- "):
			if p.file != "" {
				return p, errors.New("more than one file")
			}
		case strings.HasPrefix(line, "+++ b/"):
			p.file = strings.TrimSpace(strings.TrimPrefix(line, "+++ b/"))
		case strings.HasPrefix(line, "@@ -"):
			number, _, _ := strings.Cut(strings.TrimPrefix(line, "@@ -"), ",")
			n, err := strconv.Atoi(number)
			if err != nil {
				return p, fmt.Errorf("hunk %q", line)
			}
			p.hunks = append(p.hunks, hunk{line: n})
		case len(p.hunks) == 0:
			return p, fmt.Errorf("line %q before the first hunk", line)
		default:
			if err := p.hunks[len(p.hunks)-1].add(line); err != nil {
				return p, err
			}
		}
	}
	if p.file == "" || len(p.hunks) == 0 {
		return p, errors.New("no change")
	}
	return p, nil
}

func (h *hunk) add(line string) error {
	switch line[0] {
	case ' ':
		h.old, h.new = h.old+line[1:], h.new+line[1:]
	case '-':
		h.old += line[1:]
	case '+':
		h.new += line[1:]
	case '\n': // an empty line of context whose space an editor took away
		h.old, h.new = h.old+line, h.new+line
	default:
		return fmt.Errorf("line %q", line)
	}
	return nil
}

// apply returns the changed file. Where a hunk fits in several places it is the
// one nearest to its line, so that patches live through changes elsewhere.
func (p patch) apply() (string, error) {
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(p.file)))
	if err != nil {
		return "", err
	}
	text := string(source)
	for _, h := range p.hunks {
		best, distance := -1, 0
		for from := 0; ; {
			i := strings.Index(text[from:], h.old)
			if i < 0 {
				break
			}
			at := from + i
			away := strings.Count(text[:at], "\n") + 1 - h.line
			if away = max(away, -away); best < 0 || away < distance {
				best, distance = at, away
			}
			from = at + 1
		}
		if best < 0 {
			return "", fmt.Errorf("nothing in %s fits the hunk at line %d", p.file, h.line)
		}
		text = text[:best] + h.new + text[best+len(h.old):]
	}
	return text, nil
}

// kill runs the tests over the changed file and tells whether one failed. A
// patch that does not compile proves nothing.
func (p patch) kill(t *testing.T) bool {
	t.Helper()
	text, err := p.apply()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	changed, overlay := filepath.Join(folder, "changed.go"), filepath.Join(folder, "overlay.json")
	original, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(p.file)))
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(changed, []byte(text), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		t.Fatal(err)
	}
	packages := []string{p.suite.tests}
	if own := "./" + path.Dir(p.file); !strings.HasPrefix(own, strings.TrimSuffix(p.suite.tests, "/...")) {
		packages = []string{own, p.suite.tests}
	}
	return fails(t, overlay, append([]string{"-skip=" + p.suite.slow}, packages...)) || fails(t, overlay, packages)
}

// fails tells whether a test fails with the overlay.
func fails(t *testing.T, overlay string, more []string) bool {
	t.Helper()
	arguments := append([]string{"test", "-overlay", overlay, "-vet=off", "-failfast", "-count=1", "-timeout=5m"}, more...)
	command := exec.CommandContext(t.Context(), "go", arguments...)
	command.Dir = root
	out, err := command.CombinedOutput()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return false
	case !errors.As(err, &failed):
		t.Fatal(err)
	case strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]"):
		t.Fatalf("does not compile:\n%s", out)
	case !strings.Contains(string(out), "FAIL"):
		t.Fatalf("go test failed, and no test did:\n%s", out)
	}
	return true
}

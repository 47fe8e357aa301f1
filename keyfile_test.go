package mapae_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mapae/mapae"
)

func TestAKeyFileIsEditedAndNothingElseInIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	const one = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if err := os.WriteFile(path, []byte("# ours\n\n  # made in 2026\nseal "+one+"\n# end"), 0o400); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("keys", link); err != nil {
		t.Fatal(err)
	}
	holds := func(what string, want ...string) {
		t.Helper()
		if got := string(must(os.ReadFile(path))(t)); got != strings.Join(want, "\n")+"\n" {
			t.Errorf("%s:\n%s", what, got)
		}
		if info := must(os.Lstat(path))(t); info.Mode() != 0o400 {
			t.Errorf("%s: mode %v", what, info.Mode())
		}
		if left := must(os.ReadDir(dir))(t); len(left) != 2 {
			t.Errorf("%s: the directory has %v", what, left)
		}
	}
	old := must(mapae.LoadKeys(path))(t)[0]
	added := must(mapae.AddKey(link))(t)
	two := strings.Fields(strings.Split(string(must(os.ReadFile(path))(t)), "\n")[3])[1]
	holds("added", "# ours", "", "  # made in 2026", "open "+two, "seal "+one, "# end")
	if keys := must(mapae.LoadKeys(path))(t); len(keys) != 2 || keys[0] != added || !added.OpenOnly || keys[1] != old {
		t.Errorf("keys %v", keys)
	}
	for _, edit := range []func(string, string) error{mapae.PromoteKey, mapae.RemoveKey} {
		if err := edit(path, "00000000"); !errors.Is(err, mapae.ErrMissing) {
			t.Errorf("a key that is not there: %v", err)
		}
	}
	if err := mapae.RemoveKey(path, old.ID()); !errors.Is(err, mapae.ErrConflict) {
		t.Errorf("the key that seals: %v", err)
	}
	holds("refused", "# ours", "", "  # made in 2026", "open "+two, "seal "+one, "# end")
	if err := mapae.PromoteKey(link, added.ID()); err != nil {
		t.Fatal(err)
	}
	holds("promoted", "# ours", "", "  # made in 2026", "seal "+two, "open "+one, "# end")
	if err := mapae.RemoveKey(path, old.ID()); err != nil {
		t.Fatal(err)
	}
	holds("removed", "# ours", "", "  # made in 2026", "seal "+two, "# end")
}

func TestAKeyFileThatCanNotBeEditedStaysAsItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	must(mapae.CreateKeys(path))(t)
	before := string(must(os.ReadFile(path))(t))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := mapae.AddKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	if _, err := mapae.AddKey(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is missing: %v", err)
	}
	if after := string(must(os.ReadFile(path))(t)); after != before {
		t.Errorf("it was changed:\n%s", after)
	}
}

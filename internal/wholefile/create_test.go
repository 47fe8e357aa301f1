package wholefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestAFileIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	broken := errors.New("disk full")
	write := func(text string, end error) func(*os.File) error {
		return func(f *os.File) error {
			if _, err := os.Stat(path); err == nil && end != nil {
				t.Error("the file has its name before it is whole")
			}
			_, err := f.WriteString(text)
			return errors.Join(err, end)
		}
	}
	if err := Create(path, write("half", broken)); !errors.Is(err, broken) {
		t.Errorf("a write that fails: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left of a failure: %v, %v", left, err)
	}
	if err := Create(path, write("whole", nil)); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, write("another", nil)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	// One that appears while it is written is not replaced either.
	late := filepath.Join(dir, "late")
	err := Create(late, func(f *os.File) error { return os.WriteFile(late, []byte("first"), 0o600) })
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that came meanwhile: %v", err)
	}
	for name, want := range map[string]string{path: "whole", late: "first"} {
		text, err := os.ReadFile(name)
		if err != nil || string(text) != want {
			t.Errorf("%s holds %q, %v, want %q", name, text, err, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}

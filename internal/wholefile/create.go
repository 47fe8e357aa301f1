package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Create makes the file at path, readable by its owner only: write fills a
// file beside it, which is brought to the disk and gets its name when write
// has returned nil. Until then there is no file at path; a file that is there
// already is fs.ErrExist, and is left as it is. write may close the file.
func Create(path string, write func(f *os.File) error) error {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part*")
	if err != nil {
		return err
	}
	part := f.Name()
	defer os.Remove(part) // of its two names, or of what is left of a failure
	if err := write(f); err != nil {
		return errors.Join(err, closeAgain(f))
	}
	if err := errors.Join(closeAgain(f), Sync(part)); err != nil {
		return err
	}
	if err := os.Link(part, path); err != nil {
		return fmt.Errorf("name %s: %w", path, err)
	}
	return Sync(filepath.Dir(path))
}

// Sync brings the file or directory at path to the disk.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// closeAgain closes a file that may have been closed.
func closeAgain(f *os.File) error {
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}

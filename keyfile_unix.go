//go:build unix

package mapae

import (
	"errors"
	"os"
	"syscall"
)

// syncDirectory makes sure that the names in a directory are on the disk.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// keepOwner gives f the owner that was has.
func keepOwner(f *os.File, was os.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	old, ok := was.Sys().(*syscall.Stat_t)
	if own, same := now.Sys().(*syscall.Stat_t); !ok || same && own.Uid == old.Uid && own.Gid == old.Gid {
		return nil
	}
	return f.Chown(int(old.Uid), int(old.Gid))
}

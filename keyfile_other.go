//go:build !unix

package mapae

import "os"

// syncDirectory does nothing: a directory can't be synced here.
func syncDirectory(string) error { return nil }

// keepOwner does nothing: a file has no such owner here.
func keepOwner(*os.File, os.FileInfo) error { return nil }

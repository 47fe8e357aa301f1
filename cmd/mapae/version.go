package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"text/tabwriter"
)

// versionCommand is mapae version.
type versionCommand struct {
	SBOM bool `env:"-" name:"sbom" help:"Print what it is made of as a bill of materials, CycloneDX 1.6 in JSON."`
}

// Run prints what the binary is: enough to tell whether it is one that
// somebody else has built from the same source.
func (c *versionCommand) Run(std streams) error {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("the binary was built without module information")
	}
	hash, err := hashSelf()
	if err != nil {
		return fmt.Errorf("hash this binary: %w", err)
	}
	if c.SBOM {
		return printBill(std.out, build, hash)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "mapae\t%s\n", build.Main.Version)
	if revision := vcsRevision(build); revision != "" {
		fmt.Fprintf(table, "revision\t%s\n", revision)
	}
	fmt.Fprintf(table, "go\t%s %s/%s\n", build.GoVersion, runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(table, "sha256\t%x\n", hash)
	table.Flush()
	fmt.Fprintln(std.out, "\nmodules")
	for _, m := range build.Deps {
		for m.Replace != nil {
			m = m.Replace
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", m.Path, m.Version, m.Sum)
	}
	return table.Flush()
}

// vcsRevision is the commit that the binary was built from, and whether the
// tree had changes; empty where the build did not record it.
func vcsRevision(build *debug.BuildInfo) (revision string) {
	changed := ""
	for _, s := range build.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + changed
}

// hashSelf returns the SHA-256 of the running executable.
func hashSelf() ([]byte, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

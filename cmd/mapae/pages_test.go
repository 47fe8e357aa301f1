package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Every command of the pages for operators is run, page by page, in an empty
// directory, and prints what the page says at its end.
func TestEveryCommandOfThePagesForOperatorsRuns(t *testing.T) {
	t.Parallel()
	pages := []string{"configuration.md", "deploy.md"}
	for _, name := range []string{"reverse-proxy", "postgresql", "rotate-keys", "move-rp-id", "policies"} {
		pages = append(pages, filepath.Join("howto", name+".md"))
	}
	for _, path := range pages {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("../../docs", path))
			if err != nil {
				t.Fatal(err)
			}
			at := newHome(t)
			if runPage(t, string(text), at.dir, append(os.Environ(), "DIR="+at.dir, "ORIGIN="+at.origin)) == 0 {
				t.Error("the page has no command")
			}
		})
	}
}

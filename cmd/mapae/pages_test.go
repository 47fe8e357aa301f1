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
	pages, err := filepath.Glob("../../docs/howto/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "../../docs/configuration.md", "../../docs/deploy.md")
	for _, path := range pages {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
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

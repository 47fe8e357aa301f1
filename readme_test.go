package mapae_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheCodeInTheDocsIsCodeThatRuns looks for each line of Go of the README and
// of docs, in order, in a program or example that the tests compile and run.
func TestTheCodeInTheDocsIsCodeThatRuns(t *testing.T) {
	var blocks [][]string
	for _, path := range slices.Concat(must(filepath.Glob("docs/*.md"))(t), must(filepath.Glob("docs/howto/*.md"))(t), []string{"README.md"}) {
		text := must(os.ReadFile(path))(t)
		blocks = append(blocks, regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)...)
	}
	if len(blocks) < 5 {
		t.Fatalf("%d blocks of Go", len(blocks))
	}
	var sources []string
	for _, pattern := range []string{"examples/*/*.go", "example_test.go", "*/example_test.go"} {
		for _, path := range must(filepath.Glob(pattern))(t) {
			sources = append(sources, unindented(string(must(os.ReadFile(path))(t))))
		}
	}
	for _, block := range blocks {
		found := false
		for _, source := range sources {
			found = found || strings.Contains(source, unindented(block[1]))
		}
		if !found {
			t.Errorf("no example has:\n%s", block[1])
		}
	}
}

func unindented(source string) string {
	lines := strings.Split(source, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

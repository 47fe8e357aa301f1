package mapae_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheCodeInTheREADMEIsCodeThatRuns looks for each line of Go of the README,
// in order, in a program or example that the tests compile and run.
func TestTheCodeInTheREADMEIsCodeThatRuns(t *testing.T) {
	text := must(os.ReadFile("README.md"))(t)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 3 {
		t.Fatalf("%d blocks of Go", len(blocks))
	}
	var sources []string
	for _, pattern := range []string{"examples/*/main.go", "example_test.go", "*/example_test.go"} {
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

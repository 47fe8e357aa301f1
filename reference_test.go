package mapae_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// listed returns the first cell of each row of a page's tables.
func listed(t *testing.T, path string) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`{]+)[^`]*` \\|(.*)$").FindAllStringSubmatch(string(must(os.ReadFile(path))(t)), -1) {
		if _, twice := rows[m[1]]; twice {
			t.Errorf("%s has %s twice", path, m[1])
		}
		rows[m[1]] = m[2]
	}
	return rows
}

// The pages of reference have each code, event and metric of the source, and no
// other.
func TestTheReferenceIsThatOfTheCode(t *testing.T) {
	t.Parallel()
	for page, source := range map[string]struct{ path, pattern string }{
		"errors":  {"error.go", `(?m)^\tCode\w+ +Code = "(\w+)"`},
		"events":  {"event.go", `(?m)^\tEvent\w+ +EventType = "(\w+)"`},
		"metrics": {"telemetry/prometheus.go", `"(mapae_\w+)"`},
	} {
		got := listed(t, "docs/reference/"+page+".md")
		found := regexp.MustCompile(source.pattern).FindAllStringSubmatch(string(must(os.ReadFile(source.path))(t)), -1)
		if len(found) < 8 {
			t.Errorf("%s has %d", source.path, len(found))
		}
		for _, m := range found {
			if _, ok := got[m[1]]; !ok {
				t.Errorf("%s.md does not have %s", page, m[1])
			}
			delete(got, m[1])
		}
		if len(got) > 0 {
			t.Errorf("%s.md has %v, which is not in %s", page, slices.Sorted(maps.Keys(got)), source.path)
		}
	}
}

func TestTheReferenceOfErrorsHasTheStatusOfEach(t *testing.T) {
	t.Parallel()
	status := map[string]string{
		"BadRequest": "400", "Unauthorized": "401", "Forbidden": "403", "NotFound": "404", "MethodNotAllowed": "405", "Conflict": "409",
		"RequestEntityTooLarge": "413", "UnsupportedMediaType": "415", "TooManyRequests": "429", "InternalServerError": "500", "ServiceUnavailable": "503",
	}
	names := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(Code\w+) +Code = "(\w+)"`).FindAllStringSubmatch(string(must(os.ReadFile("error.go"))(t)), -1) {
		names[m[1]] = m[2]
	}
	page := listed(t, "docs/reference/errors.md")
	rows := regexp.MustCompile(`mapae\.(Code\w+): +http\.Status(\w+)`).FindAllStringSubmatch(string(must(os.ReadFile("web/problem.go"))(t)), -1)
	if len(rows) != len(names) {
		t.Errorf("%d statuses of %d codes", len(rows), len(names))
	}
	for _, m := range rows {
		if want := fmt.Sprintf(" %s |", status[m[2]]); !strings.HasPrefix(page[names[m[1]]], want) {
			t.Errorf("%s: the page says %q, want%s", names[m[1]], page[names[m[1]]], want)
		}
	}
}

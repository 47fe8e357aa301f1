package aaguid

import (
	"regexp"
	"testing"
)

func TestEveryNameIsFoundByACanonicalAAGUID(t *testing.T) {
	t.Parallel()
	canonical := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	for id, name := range names {
		if !canonical.MatchString(id) || name == "" || Name(id) != name {
			t.Errorf("%s: %q", id, name)
		}
	}
	if got := Name("00000000-0000-0000-0000-000000000000"); got != "" {
		t.Errorf("nobody's AAGUID has the name %q", got)
	}
}

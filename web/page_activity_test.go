package web

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mapae/mapae"
)

// notTold are the events that no account page shows: of whom they are is
// nobody any more, or they are told to Config.Notify only.
var notTold = []string{"account_deleted", "mail_sent"}

// eventNames are those of package mapae, as its source has them.
func eventNames(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("../event.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range regexp.MustCompile(`EventType = "(\w+)"`).FindAllSubmatch(source, -1) {
		names = append(names, string(name[1]))
	}
	if len(names) < 40 {
		t.Fatalf("%d events", len(names))
	}
	return names
}

func TestEveryEventHasASentenceOnTheActivityPage(t *testing.T) {
	t.Parallel()
	english := catalogue(t, "locale/en.json")
	for _, name := range eventNames(t) {
		key := activityKey(mapae.EventType(name))
		if _, said := english[key]; said == slices.Contains(notTold, name) {
			t.Errorf("%s: a sentence %s is there: %t, want %t", name, key, said, !said)
		}
	}
}

func TestTheActivityPageShowsWhatHappenedNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, development)
	p := w.member(alice)
	if _, err := p.SignIn(w.ctx); err != nil {
		t.Fatal(err)
	}
	wantPages(t, map[string]reply{"activity.html": p.page("/account/activity")})

	first := p.page("/account/activity?limit=1")
	first.wantSaid(t, 200, "Signed in")
	if strings.Contains(string(first.body), "Account created") {
		t.Error("one event was asked for, and two are shown")
	}
	older := regexp.MustCompile(`/account/activity\?before=[A-Za-z0-9_-]{22}`).FindString(string(first.body))
	if older == "" {
		t.Fatalf("no way to what is older: %s", first.body)
	}
	p.page(older).wantSaid(t, 200, "Account created")
	p.page("/account/activity?before=x").wantSaid(t, 400, "")
	if a := w.person().page("/account/activity"); a.StatusCode != 303 {
		t.Errorf("a stranger is answered %d, want 303", a.StatusCode)
	}
}

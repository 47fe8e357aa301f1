package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae/internal/load"
)

// The test binary is a server when the benchmark starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-serve" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestAllServersAreMeasured(t *testing.T) {
	t.Parallel()
	for engine, settings := range map[string][]string{
		"sqlite":   {"journal wal, synchronous FULL", "bare loop over the least SQL"},
		"postgres": {"fsync on, synchronous_commit on", "of the database"},
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			testAllAreMeasured(t, engine, settings...)
		})
	}
}

func testAllAreMeasured(t *testing.T, engine string, wants ...string) {
	dir, profiles := t.TempDir(), t.TempDir()
	p := plan{duration: 50 * time.Millisecond, rounds: 2, concurrency: []int{1, 3}, users: 2, dir: dir, profiles: profiles, engine: engine}
	var out bytes.Buffer
	if err := measure(p, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range append(wants, "\n1 ", "\n3 ", " cores, ", "go1.") {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &out)
		}
	}
	for _, one := range append(lineups[engine], entrant{name: "ratio"}) {
		if got := strings.Count(out.String(), " "+one.name+"  "); got != 2 {
			t.Errorf("%d rows of %q, want 2:\n%s", got, one.name, &out)
		}
		if one.kind == "" {
			continue
		}
		if info, err := os.Stat(filepath.Join(profiles, one.kind+".prof")); err != nil || info.Size() == 0 {
			t.Errorf("no profile of %s: %v", one.kind, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the databases are left behind: %v, %v", left, err)
	}
}

// Neither server may be fast because it does not look: both refuse a signature
// that is wrong and an answer that was used before.
func TestBothServersVerifyAndSpend(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bare", "floor", "mapae"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := startServer(name, t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			both, err := newTarget(name, s)
			if err != nil {
				t.Fatal(err)
			}
			if err := both.enroll(2); err != nil {
				t.Fatal(err)
			}
			c, err := both.at.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			accounts := both.people.Accounts()
			if err := c.SignIn(t.Context(), &accounts[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Post(t.Context(), load.VerifyPath, "", c.LastBody()); err == nil {
				t.Error("an answer was taken twice")
			}
			forged := accounts[0]
			forged.Key = accounts[1].Key
			if err := c.SignIn(t.Context(), &forged); err == nil {
				t.Error("a wrong signature was taken")
			}
		})
	}
}

func TestMiddleIsTheMedian(t *testing.T) {
	t.Parallel()
	for want, values := range map[float64][]float64{5: {5}, 2: {3, 1, 2}, 2.5: {4, 1, 3, 2}} {
		if got := middle(values); got != want {
			t.Errorf("middle of %v is %v, want %v", values, got, want)
		}
	}
}

func TestConcurrencyIsAListOfNumbers(t *testing.T) {
	t.Parallel()
	if got, err := readNumbers("1,8,32"); err != nil || len(got) != 3 || got[2] != 32 {
		t.Errorf("1,8,32 is read as %v, %v", got, err)
	}
	for _, text := range []string{"", "0", "1,", "x", "-1"} {
		if got, err := readNumbers(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/load"
	"github.com/mapae/mapae/internal/pgtest"
)

// runLoad runs mapae load and returns its exit code and what it printed.
func runLoad(args ...string) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	code = run(append([]string{"load"}, args...), streams{&stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

// checkPhases demands that a report has sign-ups and sign-ins, of that many
// people, and all that is told of them.
func checkPhases(t *testing.T, r loadReport, users int64, database bool) {
	t.Helper()
	if len(r.Phases) != 2 || r.Phases[0].Name != "sign-up" || r.Phases[1].Name != "sign-in" || r.Phases[0].Operations != users || r.Phases[1].Operations < 1 {
		t.Fatalf("the phases are %+v", r.Phases)
	}
	for _, p := range r.Phases {
		if len(p.Errors) > 0 || p.PerSecond <= 0 || p.P50 <= 0 || p.P95 < p.P50 || p.P99 < p.P95 || p.Max < p.P99 || p.Seconds <= 0 {
			t.Errorf("%s: %+v", p.Name, p.Figures)
		}
		if runtime.GOOS != "linux" {
			continue
		}
		if p.Server == nil || p.Server.PeakMemory < 1<<20 || p.Server.CPUSeconds <= 0 || p.Generator == nil || (p.Database != nil) != database {
			t.Errorf("%s: server %+v, database %+v, generator %+v", p.Name, p.Server, p.Database, p.Generator)
		}
	}
}

func TestALoadOnSQLiteIsMeasuredWithTheLimitsInForce(t *testing.T) {
	t.Parallel()
	operator, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, newHome(t), nil, "--metrics-listen", "127.0.0.1:"+operator)
	dir := t.TempDir()
	figures, chart := filepath.Join(dir, "load.json"), filepath.Join(dir, "load.svg")
	code, out, wrong := runLoad(s.origin, "--users", "45", "--concurrency", "4", "--for", "1500ms", "--operator", "127.0.0.1:"+operator, "--json", figures, "--chart", chart)
	if code != exitDone || wrong != "" {
		t.Fatalf("exit code %d: %s%s", code, out, wrong)
	}
	const limits = "by address: 30 failures in 10m, 60 passwords in 1m, 20 sign-ups in 1h, 20 mails in 1h"
	for _, want := range []string{limits, "\n  sign-up  ", "\n  sign-in  ", "CPU a sign-in: server ", "p50 ms", " cores, "} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
	text, err := os.ReadFile(figures)
	if err != nil {
		t.Fatal(err)
	}
	var r loadReport
	if err := json.Unmarshal(text, &r); err != nil || len(r.Limits) != 4 || r.Limits[2] != (limit{"sign_ups", 20, 3600}) {
		t.Errorf("%+v, %v", r.Limits, err)
	}
	checkPhases(t, r, 45, false)
	if len(r.Phases[1].Course) == 0 {
		t.Error("the sign-ins have no course")
	}
	picture, err := os.ReadFile(chart)
	if err != nil || !bytes.Contains(picture, []byte("sign-ins a second, 4 at a time")) || !bytes.Contains(picture, []byte(limits)) {
		t.Errorf("%v: %.600s", err, picture)
	}
	// what is said to be good was good, and for so many people
	if n := strings.Count(s.out.String(), "type=signin "); int64(n) != r.Phases[1].Operations {
		t.Errorf("the server has seen %d sign-ins, %d are reported", n, r.Phases[1].Operations)
	}
	if _, other, err := getWhenUp(s.origin + "/limits"); err != nil || strings.Contains(other, "sign_ups") {
		t.Errorf("the public is told the limits: %s, %v", other, err)
	}
}

func TestALoadOnPostgreSQLHasTheCostOfTheDatabase(t *testing.T) {
	t.Parallel()
	_, err := pgtest.Find()
	pgtest.Needs(t, err)
	c, err := pgtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	keys := filepath.Join(t.TempDir(), "keys")
	if _, err := mapae.CreateKeys(keys); err != nil {
		t.Fatal(err)
	}
	s := start(t, newHome(t), nil, "--database", c.URL("postgres"), "--key-file", keys)
	first, err := os.ReadFile(filepath.Join(c.Dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, _, _ := strings.Cut(string(first), "\n")
	_, out, wrong := runLoad(s.origin, "--database-pid", pid, "--json", "-", "--operations", "200", "--users", "5", "--concurrency", "2")
	var r loadReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s%s", err, out, wrong)
	}
	checkPhases(t, r, 5, true)
	if r.Phases[1].Operations != 200 || r.Limits != nil {
		t.Errorf("%d sign-ins, 200 were asked for; limits %v", r.Phases[1].Operations, r.Limits)
	}
}

func TestALoadSaysWhyAServerLetsNobodyIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		flags []string
		want  string
		good  int64
	}{
		"no proxy is believed": {[]string{"--mail", "none"}, "rate_limited: 5\n", 20},
		"addresses are proven": {[]string{"--mail", "outbox"}, "serve with --mail none", 0},
		"sign-up is closed":    {[]string{"--sign-up", "closed"}, "serve with --sign-up open", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serveAt(t, newHome(t), nil, c.flags...)
			code, out, wrong := runLoad(s.origin, "--flow", "sign-up", "--operations", "25", "--concurrency", "2")
			if code != exitFailed || !strings.Contains(out+wrong, c.want) || !strings.Contains(wrong, "of 25 operations (sign-up) failed; the first: ") {
				t.Errorf("exit code %d: %s%s", code, out, wrong)
			}
			if n := strings.Count(s.out.String(), "type=signup "); int64(n) != c.good {
				t.Errorf("%d signed up, want %d:\n%s", n, c.good, &s.out)
			}
		})
	}
}

func TestALoadIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"another machine":         {[]string{"https://192.0.2.1"}, exitMistake, "192.0.2.1 is 192.0.2.1: not on this machine"},
		"another network":         {[]string{"http://10.0.0.1:8080", "--users", "1"}, exitMistake, "say --yes-i-own-this-host"},
		"no origin":               {[]string{"http://localhost:8080/auth"}, exitMistake, "is not an origin"},
		"nobody listens":          {[]string{"http://localhost:" + port}, exitFailed, "connection refused"},
		"no operator":             {[]string{"http://localhost:" + port, "--operator", "127.0.0.1:" + port}, exitFailed, "ask the operator's listener: "},
		"nobody":                  {[]string{"--users", "0"}, exitMistake, "users 0"},
		"none at a time":          {[]string{"--concurrency", "0"}, exitMistake, "concurrency 0"},
		"too many at a time":      {[]string{"--concurrency", "10001"}, exitMistake, "at most 10,000"},
		"a time that runs back":   {[]string{"--for=-1s"}, exitMistake, "for -1s"},
		"fewer than no operation": {[]string{"--operations=-1"}, exitMistake, "operations -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if code, out, wrong := runLoad(c.args...); code != c.code || !strings.Contains(wrong, c.want) || out != "" {
				t.Errorf("exit code %d, want %d with %q: %s%s", code, c.code, c.want, out, wrong)
			}
		})
	}
}

func TestProgressShowsOnATerminalOnly(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, out := range map[string]io.Writer{"a pipe": w, "the null device": null, "a buffer": new(bytes.Buffer)} {
		if told, _ := progress(out, "sign-in", load.Span{}); told != nil {
			t.Errorf("progress shows on %s", name)
		}
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		needs(t, "there are no terminals here: "+err.Error())
	}
	defer terminal.Close()
	if told, _ := progress(terminal, "sign-in", load.Span{}); told == nil {
		t.Error("progress does not show on a terminal")
	}
	var shown bytes.Buffer
	tell(&shown, "sign-in", load.Span{For: 10 * time.Second, Operations: 900})(load.Second{At: 3, PerSecond: 42, P99: 1.25}, load.Figures{Operations: 126})
	if got, want := shown.String(), "\r\x1b[Ksign-in: 126 of 900, 3 s of 10s, 42 a second, p99 1.2 ms, 0 failed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

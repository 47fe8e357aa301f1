package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/mapae/mapae/webauthntest"
)

// A kill leaves what the kernel has; only a flush outlives a power cut. So the
// system calls are traced: between each request and its answer that says yes
// there is a flush of the database's log, and none where nothing is written.
func TestNothingIsAcknowledgedBeforeItIsOnTheDisk(t *testing.T) {
	t.Parallel()
	if err := exec.Command("strace", "-qq", "-o", os.DevNull, "true").Run(); err != nil {
		needs(t, "strace can't trace here: "+err.Error())
	}
	trace, f := filepath.Join(t.TempDir(), "trace"), new(forwarded)
	s := start(t, newHome(t), []string{"strace", "-D", "-f", "-y", "-s", "64", "-e", "trace=read,write,fsync,fdatasync", "-o", trace})
	c := s.app(webauthntest.New(s.origin), f)
	if _, err := c.SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	const signIns = 20
	for range signIns {
		if _, err := c.SignIn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.signal(t, syscall.SIGTERM)
	if got := s.ended(t); got != "exit 0" {
		t.Fatalf("the server ended with %s:\n%s", got, &s.out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	flushes := flushesBeforeAnswers(string(text))
	for path, want := range map[string]int{"/api/auth/signup/passkey/complete": 1, "/api/auth/passkey/verify": signIns} {
		if got := len(flushes[path]); got != want {
			t.Errorf("%s: %d answers in the trace, want %d", path, got, want)
		}
		for i, n := range flushes[path] {
			if n < 1 {
				t.Errorf("%s: answer %d was sent before a flush", path, i)
			}
		}
	}
	for i, n := range flushes["/api/auth/passkey/options"] {
		if n != 0 {
			t.Errorf("options %d: %d flushes", i, n)
		}
	}
	if !t.Failed() {
		t.Logf("proven: %d", signIns+1)
	}
}

var (
	// The server may have read the first letter before: it waits for the next
	// request with a buffer of one byte.
	requestLine = regexp.MustCompile(`"(?:P?OST|G?ET) (/[^ ?]*)`)
	flush       = regexp.MustCompile(`^(\d+) +f(?:data)?sync\(\d+<[^>]*mapae\.db-wal>(?:\) += 0| <unfinished)`)
	flushEnds   = regexp.MustCompile(`^(\d+) +<\.\.\. f(?:data)?sync resumed>.*= 0`)
)

// flushesBeforeAnswers returns, for each path, how many flushes of the log
// ended between the arrival of each request and its answer. The requests come
// one after the other.
func flushesBeforeAnswers(trace string) map[string][]int {
	all := map[string][]int{}
	path, n := "", 0
	flushing := map[string]bool{} // by thread
	for line := range strings.Lines(trace) {
		if m := requestLine.FindStringSubmatch(line); m != nil {
			path, n = m[1], 0
		}
		if m := flush.FindStringSubmatch(line); m != nil {
			flushing[m[1]] = strings.Contains(line, "<unfinished")
			if !flushing[m[1]] {
				n++
			}
		}
		if m := flushEnds.FindStringSubmatch(line); m != nil && flushing[m[1]] {
			flushing[m[1]] = false
			n++
		}
		if path != "" && strings.Contains(line, `"HTTP/1.1 200 OK`) {
			all[path] = append(all[path], n)
			path = ""
		}
	}
	return all
}

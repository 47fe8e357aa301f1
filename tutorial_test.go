package mapae_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestTheTutorialWorksAsItIsWritten does what docs/tutorial.md says: its Go is
// put into the files that it names, its commands are run in their order, and
// what they answer holds what stands behind the arrow. Only the module is this
// checkout, and the port a free one.
func TestTheTutorialWorksAsItIsWritten(t *testing.T) {
	t.Parallel()
	text := string(must(os.ReadFile("docs/tutorial.md"))(t))
	root := must(os.Getwd())(t)
	folder := filepath.Join(t.TempDir(), "notes")
	port := freePort(t)
	as := strings.NewReplacer("8080", port, "mkdir notes && cd notes\n", "mkdir -p "+folder+"\n",
		"go get github.com/mapae/mapae@latest", "go mod edit -require=github.com/mapae/mapae@v0.0.0 -replace=github.com/mapae/mapae="+root)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	ran, into := 0, ""
	for _, block := range regexp.MustCompile("(?s)`(main[a-z_]*\\.go)`|```(go|sh)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		file, kind, code := block[1], block[2], as.Replace(block[3])
		switch {
		case file != "":
			into = file // the block that follows is that file's
		case kind == "go":
			if err := os.WriteFile(filepath.Join(folder, into), []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
		case strings.HasSuffix(code, "go run .\n"):
			shell(t, folder, strings.Replace(code, "go run .", "go build -o notes .", 1))
			serve(t, folder, "./notes", "http://localhost:"+port)
			ran++
		default:
			command, want, _ := strings.Cut(code, "# → ")
			if got := shell(t, folder, command); !strings.Contains(got, strings.TrimSpace(want)) {
				t.Errorf("%s\nanswers %s\nwant %s", command, got, want)
			}
			ran++
		}
	}
	if ran != 6 {
		t.Errorf("%d blocks of commands were run", ran)
	}
}

// shell runs commands in folder and returns what they say.
func shell(t *testing.T, folder, commands string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	c.Dir = folder
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s", commands, err, out)
	}
	return string(out)
}

// serve runs a program in folder until the test ends, and waits until it
// answers at url.
func serve(t *testing.T, folder, program, url string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, program)
	c.Dir = folder
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = c.Wait() })
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(url)
		if err == nil {
			answer.Body.Close()
			return
		}
		var out net.Error
		if time.Now().After(end) || !errors.As(err, &out) {
			t.Fatal(fmt.Errorf("%s does not answer at %s: %w", program, url, err))
		}
	}
}

// freePort returns a port of this machine that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener := must(net.Listen("tcp", "localhost:0"))(t)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return must(port, err)(t)
}

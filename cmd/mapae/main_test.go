package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mapae/mapae"
)

// TestMain lets the processes that tests start end at once: with the race
// detector each would sleep a second first. A race is told when it is seen.
func TestMain(m *testing.M) {
	if err := os.Setenv("GORACE", or(os.Getenv("GORACE"), "atexit_sleep_ms=0")); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"mapae": main})
}

func TestAnErrorSteersNoTerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"a\x1b[2Jb\r\tc": "mapae: a [2Jb  c\n", "a\x1b\nb\x9b": "mapae:\n  a \n  b\uFFFD\n"} {
		var out strings.Builder
		if code := report(&out, errors.New(text)); code != exitFailed || out.String() != want {
			t.Errorf("%q: %d, %q; want %q", text, code, out.String(), want)
		}
	}
}

// Scripts run the binary itself. Beside the commands of testscript they have
//
//	port NAME                sets the variable NAME to a TCP port that is free
//	get URL STATUS [TEXT]    waits up to 30 s for an answer, which has that status and holds the text
//	term                     sends SIGTERM to every job that runs in the background
//	mode PATH MODE           the permissions of a file, as 0600
//	names PATH NAME…         sets the variables to the public names of the root keys in a key file
//	status CODE ARGUMENT…    runs mapae, which ends with that code; its output is for stdout and stderr
//	mailed URL TEXT          waits up to 30 s until the outbox at the URL has the text
//	signup ORIGIN EMAIL      makes an account with a passkey at a server with an outbox
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("MAPAE_UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("COLUMNS", "100")
			e.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"port": scriptPort, "get": scriptGet, "post": scriptPost, "term": scriptTerm, "mode": scriptMode, "status": scriptStatus, "names": scriptNames,
			"mailed": scriptMailed, "signup": scriptSignup,
		},
	})
}

func scriptPort(ts *testscript.TestScript, _ bool, args []string) {
	port, err := freePort()
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// freePort returns a port that nobody listened on a moment ago.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, err
}

func scriptGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: get URL STATUS [TEXT]")
	}
	status, body, err := getWhenUp(args[0])
	ts.Check(err)
	if got := fmt.Sprint(status); got != args[1] {
		ts.Fatalf("GET %s: status %s, want %s\n%s", args[0], got, args[1], body)
	}
	if len(args) > 2 && !strings.Contains(body, args[2]) {
		ts.Fatalf("GET %s: the answer does not hold %q\n%s", args[0], args[2], body)
	}
}

// scriptPost posts JSON to a server that answers already.
func scriptPost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: post URL JSON STATUS TEXT")
	}
	client := &http.Client{Timeout: 15 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Post(args[0], "application/json", strings.NewReader(args[1]))
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	if got := fmt.Sprint(res.StatusCode); got != args[2] || !strings.Contains(string(body), args[3]) {
		ts.Fatalf("POST %s: status %s, want %s and %q\n%s", args[0], got, args[2], args[3], body)
	}
}

// getWhenUp asks for url until something answers, for at most 30 seconds. It
// follows no redirect: of one the body is the Location.
func getWhenUp(url string) (status int, body string, err error) {
	client := &http.Client{
		Timeout:       15 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res, err := client.Get(url)
		if errors.Is(err, syscall.ECONNREFUSED) && time.Now().Before(end) {
			continue
		}
		if err != nil {
			return 0, "", err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return res.StatusCode, res.Header.Get("Location") + string(text), err
	}
}

func scriptTerm(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		if cmd.ProcessState == nil {
			ts.Check(cmd.Process.Signal(syscall.SIGTERM))
		}
	}
}

func scriptNames(ts *testscript.TestScript, _ bool, args []string) {
	keys, err := mapae.LoadKeys(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(keys) != len(args)-1 {
		ts.Fatalf("%s has %d keys", args[0], len(keys))
	}
	for i, k := range keys {
		ts.Setenv(args[i+1], k.ID())
	}
}

func scriptMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

func scriptStatus(ts *testscript.TestScript, _ bool, args []string) {
	want, code := args[0], "0"
	err := ts.Exec("mapae", args[1:]...)
	if err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != want {
		ts.Fatalf("mapae %s: exit code %s, want %s", strings.Join(args[1:], " "), code, want)
	}
}

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// firefox is a Firefox that is driven by Marionette, its own protocol: a line
// is a length in bytes, a colon, and that much JSON. It needs no geckodriver.
type firefox struct {
	t      *testing.T
	conn   net.Conn
	in     *bufio.Reader
	last   int // number of the last command
	device any // ID of its virtual authenticator
}

// startFirefox starts one with a new profile and a virtual authenticator that
// says yes. Without a Firefox on PATH the test is skipped, and fails where CI
// is set.
func startFirefox(t *testing.T) *firefox {
	t.Helper()
	path, err := exec.LookPath("firefox-esr")
	if err != nil {
		path, err = exec.LookPath("firefox")
	}
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("no firefox-esr or firefox on PATH")
	}
	if err != nil {
		t.Skip("no firefox-esr or firefox on PATH: scripts/setup-test.sh installs one")
	}
	profile := t.TempDir()
	prefs := `user_pref("marionette.port", 0);
user_pref("security.webauth.webauthn_enable_softtoken", true);
user_pref("security.webauth.webauthn_enable_usbtoken", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("intl.accept_languages", "en-US");
`
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs), 0o600); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(path, "--headless", "--marionette", "--no-remote", "--profile", profile)
	process.Env = append(os.Environ(), "HOME="+profile, "MOZ_CRASHREPORTER_DISABLE=1")
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end := time.AfterFunc(patience, func() { process.Process.Kill() })
		defer end.Stop()
		process.Wait()
	})
	f := &firefox{t: t, conn: dialFirefox(t, filepath.Join(profile, "MarionetteActivePort"))}
	t.Cleanup(func() { f.do("Marionette:Quit", map[string]any{"flags": []string{"eForceQuit"}}) })
	f.in = bufio.NewReader(f.conn)
	f.read() // its greeting
	f.do("WebDriver:NewSession", map[string]any{})
	f.device = f.do("WebAuthn:AddVirtualAuthenticator", map[string]any{"protocol": "ctap2", "transport": "internal",
		"hasResidentKey": true, "hasUserVerification": true, "isUserConsenting": true, "isUserVerified": true})
	return f
}

// dialFirefox waits for the file in which Firefox says its port.
func dialFirefox(t *testing.T, file string) net.Conn {
	t.Helper()
	for end := time.Now().Add(4 * patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		port, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if conn, err := net.Dial("tcp", "127.0.0.1:"+strings.TrimSpace(string(port))); err == nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
	}
	t.Fatal("Firefox says no port")
	return nil
}

// read returns the next message.
func (f *firefox) read() []byte {
	f.t.Helper()
	f.conn.SetReadDeadline(time.Now().Add(4 * patience))
	size, err := f.in.ReadString(':')
	if err != nil {
		f.t.Fatalf("read from Firefox: %v", err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
	if err != nil {
		f.t.Fatal(err)
	}
	message := make([]byte, n)
	if _, err := io.ReadFull(f.in, message); err != nil {
		f.t.Fatal(err)
	}
	return message
}

// do runs a command, and returns its value.
func (f *firefox) do(command string, params map[string]any) any {
	f.t.Helper()
	f.last++
	message, err := json.Marshal([]any{0, f.last, command, params})
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(f.conn, "%d:%s", len(message), message); err != nil {
		f.t.Fatal(err)
	}
	var answer []any // 1, the number, an error, a result
	if err := json.Unmarshal(f.read(), &answer); err != nil || len(answer) != 4 {
		f.t.Fatalf("%s: Firefox answers %v (%v)", command, answer, err)
	}
	if answer[2] != nil {
		f.t.Fatalf("%s: %v", command, answer[2])
	}
	result, _ := answer[3].(map[string]any)
	return result["value"]
}

// eval returns the value of an expression of the page.
func (f *firefox) eval(expression string) any {
	f.t.Helper()
	return f.do("WebDriver:ExecuteScript", map[string]any{"script": "return " + expression, "args": []any{}})
}

// until waits for an expression of the page to be true.
func (f *firefox) until(expression string) {
	f.t.Helper()
	for end := time.Now().Add(2 * patience); f.eval("!!("+expression+")") != true; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("waited in vain at %v for %s; the page says: %v", f.eval("location.href"), expression, f.eval("document.body.innerText"))
		}
	}
}

// on finds the one element of a selector.
func (f *firefox) on(command, selector string, params map[string]any) {
	f.t.Helper()
	f.until(fmt.Sprintf("document.readyState === 'complete' && document.querySelector(%q)?.checkVisibility()", selector))
	found, _ := f.do("WebDriver:FindElement", map[string]any{"using": "css selector", "value": selector}).(map[string]any)
	for _, id := range found {
		params["id"] = id
	}
	f.do(command, params)
}

func (f *firefox) click(selector string) {
	f.t.Helper()
	f.on("WebDriver:ElementClick", selector, map[string]any{})
}

func (f *firefox) typeInto(selector, text string) {
	f.t.Helper()
	f.on("WebDriver:ElementSendKeys", selector, map[string]any{"text": text})
}

// TestFirefoxSignsUpAndIn is the main way in the other engine: the button while
// autofill is armed, a refusal, and again.
func TestFirefoxSignsUpAndIn(t *testing.T) {
	t.Parallel()
	f := startFirefox(t)
	s := newSite(t)
	f.do("WebDriver:Navigate", map[string]any{"url": s.url + "/sign-up"})
	f.typeInto("#email", "ada@example.com")
	f.typeInto("#name", "Ada Lovelace")
	f.click("form .primary")
	f.click("#codes-done")
	f.until("document.querySelectorAll('.row[data-id]').length === 1")

	f.click("header button")
	f.until("location.pathname === '/sign-in'")
	s.await(t, "GET /api/auth/passkey/options", 1)
	f.do("WebAuthn:SetUserVerified", map[string]any{"authenticatorId": f.device, "isUserVerified": false})
	f.click("#passkey")
	f.until("document.querySelector('#status').textContent.includes('nothing has changed')")
	f.until(calm)
	s.await(t, "GET /api/auth/passkey/options", 2) // armed again
	f.do("WebAuthn:SetUserVerified", map[string]any{"authenticatorId": f.device, "isUserVerified": true})
	f.click("#passkey")
	f.until("location.pathname === '/account' && document.querySelectorAll('.row[data-id]').length === 1")
	s.statuses(t, "POST /api/auth/passkey/verify", 200)
}

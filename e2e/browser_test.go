package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for what should happen at once.
const patience = 20 * time.Second

// browser is the one Chromium that all tests share; each test has a profile of
// its own in it.
var browser struct {
	sync.Once
	ctx   context.Context
	https names // where it finds every name below .test
	close func()
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.close != nil {
		browser.close()
	}
	if folder := os.Getenv("MAPAE_SCREENSHOTS"); folder != "" {
		if err := writeSheet(folder); err != nil {
			fmt.Fprintln(os.Stderr, "contact sheet:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// findChromium returns the first browser on PATH that the tests work with.
func findChromium() string {
	for _, name := range []string{"chromium", "chromium-headless-shell", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// startBrowser starts Chromium once. Without one the test is skipped, and
// fails where CI is set.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path := findChromium()
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium, chromium-headless-shell or google-chrome on PATH")
		}
		t.Skip("no chromium, chromium-headless-shell or google-chrome on PATH: scripts/setup-test.sh installs one")
	}
	browser.Do(func() {
		https, err := newNames()
		if err != nil {
			browser.err = err
			return
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.Flag("headless", "new"), chromedp.NoSandbox,
			chromedp.Flag("disable-gpu", true), chromedp.Flag("no-first-run", true),
			chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
			chromedp.Flag("disable-sync", true), chromedp.Flag("lang", "en-US"),
			chromedp.Flag("ignore-certificate-errors-spki-list", https.fingerprint),
			chromedp.Flag("host-resolver-rules", "MAP *.test "+https.Addr().String()))
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, cancel := chromedp.NewContext(allocator)
		browser.ctx, browser.https, browser.close = ctx, https, func() { cancel(); stop(); https.Close() }
		browser.err = chromedp.Do(ctx)
	})
	if browser.err != nil {
		t.Fatalf("start %s: %v", path, browser.err)
	}
	return browser.ctx
}

// tab is a browser tab, and the person in front of it.
type tab struct {
	t     *testing.T
	ctx   context.Context
	shots int

	mu    sync.Mutex
	wrong []string // what no page of ours may do
}

// hear notes what goes wrong in the tab unseen: exceptions, violations of the
// content security policy, requests to other hosts.
func (b *tab) hear(event any) {
	var wrong string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		wrong = "exception: " + e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			wrong += " " + thrown.Description
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			wrong = fmt.Sprintf("%s: %s", e.Entry.Source, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		if to, err := url.Parse(e.Request.URL); err != nil || to.Scheme == "https" && !strings.HasSuffix(to.Hostname(), ".test") ||
			to.Scheme == "http" && !strings.HasSuffix(to.Hostname(), "localhost") && to.Hostname() != "127.0.0.1" {
			wrong = "request to " + e.Request.URL
		}
	}
	if wrong != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.wrong = append(b.wrong, wrong)
	}
}

// forgive takes back what hear noted with text in it: the test knows why. There
// must be such a thing.
func (b *tab) forgive(text string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(b.wrong), func(wrong string) bool { return strings.Contains(wrong, text) })
	if len(left) == len(b.wrong) {
		b.t.Errorf("nothing to forgive with %q in %q", text, b.wrong)
	}
	b.wrong = left
}

// complain fails the test for what hear noted.
func (b *tab) complain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, wrong := range b.wrong {
		b.t.Error(wrong)
	}
}

// openTab opens an empty tab in a new profile, without any passkey device.
func openTab(t *testing.T) *tab {
	t.Helper()
	return newTab(t, startBrowser(t), chromedp.WithNewBrowserContext())
}

// another opens a second tab in the profile of b: they share cookies, and each
// has its own devices.
func (b *tab) another() *tab {
	b.t.Helper()
	return newTab(b.t, b.ctx)
}

func newTab(t *testing.T, parent context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(stop)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as the context of its first action
		t.Fatalf("open a tab: %v", err)
	}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("listen to a tab: %v", err)
	}
	t.Cleanup(b.complain)
	b.do("prepare a tab", call(log.Enable, cdp.Empty{}), call(network.Enable, network.EnableParams{}), chromedp.EmulateViewport(390, 844), call(webauthn.Enable, webauthn.EnableParams{EnableUI: new(false)}))
	return b
}

// call is a protocol command as an action.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, params)
		return err
	})
}

// do fails the test where a step fails.
func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.pictureFailure()
		b.t.Fatalf("%s: %v", what, err)
	}
}

// device is a virtual authenticator.
type device struct {
	b  *tab
	id webauthn.AuthenticatorID
}

// phone is what most people have: a device that makes discoverable, synced
// passkeys and knows its owner.
func phone() webauthn.VirtualAuthenticatorOptions {
	return webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap20,
		Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true, DefaultBackupEligibility: true, DefaultBackupState: true,
	}
}

// securityKey is plugged in by USB, and keeps its passkeys to itself.
func securityKey() webauthn.VirtualAuthenticatorOptions {
	key := phone()
	key.Transport = webauthn.AuthenticatorTransportUsb
	key.DefaultBackupEligibility, key.DefaultBackupState = false, false
	return key
}

// attach adds a device to the tab.
func (b *tab) attach(options webauthn.VirtualAuthenticatorOptions) *device {
	b.t.Helper()
	added := &device{b: b}
	b.do("add a device", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		result, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &options})
		added.id = result.AuthenticatorID
		return err
	}))
	return added
}

// detach takes the device away, with what it keeps.
func (d *device) detach() {
	d.b.t.Helper()
	d.b.do("remove a device", call(webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: d.id}))
}

// empty takes all passkeys off the device, which holds few.
func (d *device) empty() {
	d.b.t.Helper()
	d.b.do("clear a device", call(webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: d.id}))
}

// touches says whether the person answers the device's dialogue: no leaves it
// open.
func (d *device) touches(yes bool) {
	d.b.t.Helper()
	d.b.do("set presence", call(webauthn.SetAutomaticPresenceSimulation,
		webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: d.id, Enabled: yes}))
}

// verifies says whether the device recognises the person: no is what Chromium
// tells pages in the same words as a cancelled dialogue.
func (d *device) verifies(yes bool) {
	d.b.t.Helper()
	d.b.do("set user verification", call(webauthn.SetUserVerified,
		webauthn.SetUserVerifiedParams{AuthenticatorID: d.id, IsUserVerified: yes}))
}

// passkeys returns how many the device keeps.
func (d *device) passkeys() int {
	d.b.t.Helper()
	n := 0
	d.b.do("list passkeys", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		result, err := cdp.Call(ctx, target, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: d.id})
		n = len(result.Credentials)
		return err
	}))
	return n
}

// before runs a script in every page of the tab before the page's own.
func (b *tab) before(script string) {
	b.t.Helper()
	b.do("inject a script", call(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}))
}

// visit loads a page.
func (b *tab) visit(url string) {
	b.t.Helper()
	b.do("visit "+url, chromedp.Navigate(url))
}

// typeInto replaces what is in an input, key by key; \r is Enter.
func (b *tab) typeInto(selector, text string) {
	b.t.Helper()
	b.see(selector)
	b.want(fmt.Sprintf("(el => { el.focus(); el.select(); return document.activeElement === el })(document.querySelector(%q))", selector),
		"the input takes the focus")
	b.do("type into "+selector, chromedp.KeyEvent(text))
}

// click clicks the middle of what is visible. It goes by places, not by nodes:
// a node that was found is gone when the page is loaded anew.
func (b *tab) click(selector string) {
	b.t.Helper()
	at := await(b, fmt.Sprintf(`%s ? (el => {
		el.scrollIntoView({block: "center", behavior: "instant"})
		const box = el.getBoundingClientRect()
		return [box.x + box.width / 2, box.y + box.height / 2]
	})(document.querySelector(%q)) : []`, visible(selector), selector), func(at []float64) bool { return len(at) == 2 })
	b.do("click "+selector, chromedp.MouseClickXY(at[0], at[1]))
}

// follow clicks what leads to another page, and waits until that is there.
func (b *tab) follow(selector string) {
	b.t.Helper()
	b.see(selector)
	eval[bool](b, "window.left = true")
	b.click(selector)
	b.until("document.readyState === 'complete' && !window.left")
}

// see waits until something is visible on a page that is loaded.
func (b *tab) see(selector string) {
	b.t.Helper()
	b.until(visible(selector))
}

// visible is the expression that something is visible on a page that is loaded.
func visible(selector string) string {
	return fmt.Sprintf(`document.readyState === "complete" && document.querySelector(%q)?.checkVisibility({visibilityProperty: true})`, selector)
}

// eval returns the value of an expression of the page, awaiting promises.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.300s: %v", expression, err)
	}
	return value
}

// until waits for an expression of the page to be true, across navigations.
func (b *tab) until(expression string) {
	b.t.Helper()
	await(b, "!!("+expression+")", func(yes bool) bool { return yes })
}

// await waits until the value of an expression of the page is good, across
// navigations, and returns it.
func await[T any](b *tab, expression string, good func(T) bool) T {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(30 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
		cancel()
		if err == nil && good(value) {
			return value
		}
		if time.Now().After(end) {
			b.pictureFailure()
			b.t.Fatalf("waited in vain at %s for %s (%v); the page says: %s", eval[string](b, "location.href"), expression, err,
				eval[string](b, "document.body.innerText"))
		}
	}
}

// at waits for the page at path.
func (b *tab) at(path string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.readyState === 'complete' && location.pathname === %q", path))
}

// says waits until the page's live region says something that holds text.
func (b *tab) says(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.querySelector('#status').textContent.includes(%q)", text))
}

// want fails the test unless an expression of the page is true now.
func (b *tab) want(expression, why string) {
	b.t.Helper()
	if !eval[bool](b, "!!("+expression+")") {
		b.pictureFailure()
		b.t.Errorf("%s: not %s", why, expression)
	}
}

// front brings the tab to the front: in full Chromium one in the background
// can't make passkeys.
var front = call(page.BringToFront, cdp.Empty{})

// forgetCookies empties the cookie jar of the tab's profile.
var forgetCookies = call(network.ClearBrowserCookies, cdp.Empty{})

// noScripts turns JavaScript off for pages loaded afterwards.
var noScripts = call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})

// twin is a phone that passkeys can be copied to, and that its owner does not
// touch yet.
func twin() webauthn.VirtualAuthenticatorOptions {
	options := phone()
	options.AutomaticPresenceSimulation = false
	options.HasCmtgKey = true // Chromium takes no copy where this is not set
	return options
}

// export returns the device's one passkey.
func (d *device) export() *webauthn.Credential {
	d.b.t.Helper()
	var all []*webauthn.Credential
	d.b.do("export a passkey", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		result, err := cdp.Call(ctx, target, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: d.id})
		all = result.Credentials
		return err
	}))
	if len(all) != 1 {
		d.b.t.Fatalf("%d passkeys, want 1", len(all))
	}
	return all[0]
}

// add gives the device a passkey.
func (d *device) add(credential *webauthn.Credential) {
	d.b.t.Helper()
	d.b.do("add a passkey", call(webauthn.AddCredential, webauthn.AddCredentialParams{AuthenticatorID: d.id, Credential: credential}))
}

package mapae_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

func TestAWrongConfigurationIsRefusedWithTheValuesNamed(t *testing.T) {
	t.Parallel()
	origins := func(id string, o ...string) func(*mapae.Config) {
		return func(c *mapae.Config) { c.RP = mapae.RelyingParty{ID: id, Origins: o} }
	}
	for name, c := range map[string]struct {
		change func(*mapae.Config)
		says   []string
	}{
		"no store":                     {func(c *mapae.Config) { c.Store = nil }, []string{"Store"}},
		"no keys":                      {func(c *mapae.Config) { c.Secrets = nil }, []string{"Secrets"}},
		"only open-only keys":          {func(c *mapae.Config) { c.Secrets[0].OpenOnly = true }, []string{"Secrets", "seal"}},
		"the same key twice":           {func(c *mapae.Config) { c.Secrets = append(c.Secrets, c.Secrets[0]) }, []string{"Secrets", "twice"}},
		"no RP ID":                     {origins("", origin), []string{"RP.ID"}},
		"an IP address as RP ID":       {origins("127.0.0.1", "http://127.0.0.1:8080"), []string{`"127.0.0.1"`, `"http://127.0.0.1:8080"`, "localhost"}},
		"an IPv6 address":              {origins("::1", "https://[::1]"), []string{`"::1"`, `"https://[::1]"`}},
		"a URL as RP ID":               {origins("https://example.com", origin), []string{`"https://example.com"`}},
		"upper case in the RP ID":      {origins("Example.com", origin), []string{`"Example.com"`}},
		"an RP ID that does not fit":   {origins("example.org", origin), []string{`"example.org"`, `"https://example.com"`}},
		"a suffix without a dot":       {origins("ample.com", origin), []string{`"ample.com"`, `"https://example.com"`}},
		"a top-level domain":           {origins("com", origin), []string{`"com"`, `"https://example.com"`}},
		"no origin":                    {origins(rpID), []string{"RP.Origins"}},
		"an origin over http":          {origins(rpID, "http://example.com"), []string{`"http://example.com"`, "https"}},
		"an origin with a path":        {origins(rpID, "https://example.com/"), []string{`"https://example.com/"`}},
		"an origin with a user":        {origins(rpID, "https://a@example.com"), []string{`"https://a@example.com"`}},
		"an origin in upper case":      {origins(rpID, "https://EXAMPLE.com"), []string{`"https://EXAMPLE.com"`}},
		"an origin with default port":  {origins(rpID, "https://example.com:443"), []string{`"https://example.com:443"`, `"https://example.com"`}},
		"a wildcard origin":            {origins(rpID, "https://*.example.com"), []string{`"https://*.example.com"`}},
		"a short app key hash":         {origins(rpID, "android:apk-key-hash:AAAA"), []string{`"android:apk-key-hash:AAAA"`}},
		"a related origin over http":   {related("http://example.org"), []string{"RP.RelatedOrigins", `"http://example.org"`}},
		"a related origin with a path": {related("https://example.org/"), []string{`"https://example.org/"`}},
		"a related origin by IP":       {related("https://192.0.2.1"), []string{`"https://192.0.2.1"`}},
		"a related origin of its own":  {related("https://login.example.com"), []string{`"https://login.example.com"`, "RP.Origins"}},
		"an RP name that is too long":  {func(c *mapae.Config) { c.RP.Name = strings.Repeat("x", 65) }, []string{"RP.Name", "65"}},
		"pages at another origin":      {func(c *mapae.Config) { c.PagesURL = "https://example.org/auth" }, []string{"PagesURL", `"https://example.org/auth"`}},
		"pages at a look-alike origin": {func(c *mapae.Config) { c.PagesURL = origin + ".evil.example" }, []string{"PagesURL"}},
		"pages with a slash behind":    {func(c *mapae.Config) { c.PagesURL = origin + "/auth/" }, []string{"PagesURL", "slash"}},
		"pages with a query":           {func(c *mapae.Config) { c.PagesURL = origin + "/auth?x=1" }, []string{"PagesURL"}},
		"no method":                    {func(c *mapae.Config) { c.Methods = nil }, []string{"Methods"}},
		"a second factor alone":        {func(c *mapae.Config) { c.Methods = []mapae.Method{mapae.TOTP{}} }, []string{"Methods", "sign in"}},
		"a nil method":                 {func(c *mapae.Config) { c.Methods = []mapae.Method{nil} }, []string{"Methods[0]"}},
		"a method twice": {func(c *mapae.Config) { c.Methods = []mapae.Method{mapae.Passkey{}, mapae.Passkey{}} },
			[]string{"passkey", "twice"}},
		"a made-up user verification": {func(c *mapae.Config) { c.Methods = []mapae.Method{mapae.Passkey{AddVerification: "maybe"}} },
			[]string{`"maybe"`}},
		"an algorithm that can't be verified": {func(c *mapae.Config) {
			c.Methods = []mapae.Method{mapae.Passkey{Algorithms: []webauthn.Algorithm{-65535}}}
		}, []string{"-65535"}},
		"a made-up sign-up policy":        {func(c *mapae.Config) { c.SignUp = "friends" }, []string{`"friends"`, `"invited"`}},
		"a session that idles too long":   {func(c *mapae.Config) { c.Sessions = mapae.SessionPolicy{Idle: 2 * time.Hour, Absolute: time.Hour} }, []string{"2h0m0s", "1h0m0s"}},
		"a negative time":                 {func(c *mapae.Config) { c.FreshFor = -1 }, []string{"FreshFor -1ns"}},
		"two mistakes, and both are told": {func(c *mapae.Config) { c.Store, c.SignUp = nil, "friends" }, []string{"Store", `"friends"`}},
	} {
		cfg := mapae.Config{Store: memory.New(), Secrets: []mapae.RootKey{mapae.NewRootKey()},
			RP: mapae.RelyingParty{ID: rpID, Origins: []string{origin}}, Methods: []mapae.Method{mapae.Passkey{}}}
		c.change(&cfg)
		_, err := mapae.New(cfg)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, word := range c.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %s", name, err, word)
			}
		}
	}
}

func related(origin string) func(*mapae.Config) {
	return func(c *mapae.Config) { c.RP.RelatedOrigins = []string{origin} }
}

func TestAPasskeyWorksAtARelatedOrigin(t *testing.T) {
	t.Parallel()
	const other = "https://example.co.kr"
	for _, c := range []struct {
		name   string
		change func(*mapae.Config)
		reason string
	}{
		{"listed", related(other), ""},
		{"not listed", func(*mapae.Config) {}, "origin"},
	} {
		w, a := newWorld(t, c.change), webauthntest.New(origin)
		w.signUp(browser(1), a, "kim@example.com")
		a.Forge.Origin = other
		_, err := w.FinishSignIn(w.ctx, browser(1), w.answer(browser(1), a))
		if e := w.lastEvent(); (err == nil) != (c.reason == "") || e.Reason != c.reason {
			t.Errorf("%s: %v, event %+v", c.name, err, e)
		}
	}
}

func TestGoodConfigurations(t *testing.T) {
	t.Parallel()
	for name, rp := range map[string]mapae.RelyingParty{
		"development":         {ID: "localhost", Origins: []string{"http://localhost:8080"}},
		"a subdomain":         {ID: rpID, Origins: []string{"https://login.example.com", "https://example.com:8443"}},
		"a name in A-labels":  {ID: "xn--9n2bp8q.kr", Origins: []string{"https://xn--9n2bp8q.kr"}},
		"an Android app":      {ID: rpID, Origins: []string{origin, "android:apk-key-hash:" + strings.Repeat("A", 43)}},
		"a related origin":    {ID: rpID, Origins: []string{origin}, RelatedOrigins: []string{"https://example.co.kr:8443", "https://notexample.com"}},
		"an intranet machine": {ID: "intranet", Origins: []string{"https://intranet"}},
	} {
		cfg := mapae.Config{Store: memory.New(), Secrets: []mapae.RootKey{mapae.NewRootKey()}, RP: rp, Methods: []mapae.Method{mapae.Passkey{}}}
		auth, err := mapae.New(cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := auth.Config(); got.RP.Name != rp.ID || got.FreshFor != 10*time.Minute || got.Sessions.Idle != 14*24*time.Hour || got.Sessions.Absolute != 30*24*time.Hour || got.KeepEvents != 400*24*time.Hour {
			t.Errorf("%s: defaults %+v", name, got)
		}
	}
}

func TestAKeyThatTheStoreDoesNotKnowIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := mapae.NewRootKey()
	cfg := w.cfg
	cfg.Secrets = []mapae.RootKey{wrong}
	_, err := mapae.New(cfg)
	if err == nil || !strings.Contains(err.Error(), w.cfg.Secrets[0].ID()) || !strings.Contains(err.Error(), wrong.ID()) {
		t.Errorf("New = %v, want both key IDs named", err)
	}
	if listed := must(w.store.KeyChecks(w.ctx))(t); len(listed) != 1 {
		t.Errorf("a refused key was listed: %v", listed)
	}
}

type brokenStore struct{ mapae.Store }

func (brokenStore) KeyChecks(context.Context) ([]mapae.KeyCheck, error) {
	return nil, errors.New("disk on fire")
}

func TestABrokenStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.cfg
	cfg.Store = brokenStore{w.store}
	_, err := mapae.New(cfg)
	wantCode(t, err, mapae.CodeUnavailable)
	if err := w.Ready(w.ctx); err != nil {
		t.Errorf("Ready on a good store: %v", err)
	}
	broken := &failing{Store: w.store}
	n := w.node(func(c *mapae.Config) { c.Store = broken })
	broken.on = true
	wantCode(t, n.Ready(w.ctx), mapae.CodeUnavailable)
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapae.keys")
	if _, err := mapae.LoadKeys(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	made := must(mapae.CreateKeys(path))(t)
	if info := must(os.Stat(path))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if got := must(mapae.LoadKeys(path))(t); len(got) != 1 || got[0] != made[0] || got[0].OpenOnly {
		t.Error("other keys came back")
	}
	if _, err := mapae.CreateKeys(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwriting: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := mapae.LoadKeys(path); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
		t.Errorf("a file that others can read: %v", err)
	}
}

func TestKeyFileReader(t *testing.T) {
	t.Parallel()
	const one, two = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, c := range map[string]struct{ text, says string }{
		"two keys and a comment": {"# newest first\nopen " + two + "\n\nseal " + one + "\n", ""},
		"nothing":                {"# nothing\n", "no key"},
		"no state":               {one, `"seal" or "open"`},
		"another state":          {"shut " + one, `"seal" or "open"`},
		"a short key":            {"seal AQAA", "32 bytes"},
		"padding":                {"seal " + one + "=", "32 bytes"},
		"spare bits":             {"seal " + one[:42] + "B", "32 bytes"},
		"a second word":          {"seal " + one + " x", "line 1"},
	} {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := mapae.LoadKeys(path)
		switch {
		case c.says == "" && (err != nil || len(keys) != 2 || !keys[0].OpenOnly || keys[1].OpenOnly || keys[1].Secret[0] != 1):
			t.Errorf("%s: %v, %v", name, keys, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// failing breaks when it is switched on.
type failing struct {
	mapae.Store
	on bool
}

func (f *failing) Ping(ctx context.Context) error {
	if f.on {
		return errors.New("disk on fire")
	}
	return f.Store.Ping(ctx)
}

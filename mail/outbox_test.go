package mail

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/mapae/mapae"
)

func newOutbox(t *testing.T) *Outbox {
	t.Helper()
	o, err := NewOutbox("/dev/outbox", shippedTemplates(t))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *Outbox) ask(method, target, host string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return w
}

func TestTheOutboxShowsTheNewestFirstAndRunsNothing(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	if page := o.ask("GET", "/dev/outbox", "localhost:8080"); page.Code != 200 || !strings.Contains(page.Body.String(), "No mail yet.") {
		t.Errorf("an empty outbox: %d\n%s", page.Code, page.Body)
	}
	code, notice := letters()[0], letterOf(mapae.MailNotice)
	code.ID, notice.ID = "code-------------", "notice-----------"
	notice.Device, notice.Locale, notice.Site = "<script>alert(1)</script>", "ko", "<script>x</script>"
	for _, m := range []mapae.Message{code, notice} {
		if err := o.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	page := o.ask("GET", "/dev/outbox", "localhost:8080")
	body := page.Body.String()
	first, second := strings.Index(body, "notice · ko"), strings.Index(body, "signup_code · en")
	if page.Code != 200 || first < 0 || second < first {
		t.Fatalf("%d, places %d and %d\n%s", page.Code, first, second, body)
	}
	for _, want := range []string{
		"Code: <code>7KQX-2M9D</code>", `<a href="https://example.com/go?code=ml_AbC-_1">`, "&lt;script&gt;alert(1)&lt;/script&gt;",
		`<iframe sandbox title="&lt;script&gt;`, `src="/dev/outbox/` + notice.ID.String() + `"`, `<pre lang="ko">`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	one := o.ask("GET", "/dev/outbox/"+notice.ID.String(), "localhost:8080")
	if one.Code != 200 || one.Body.String() != o.Messages()[0].HTML {
		t.Errorf("the HTML of one: %d\n%s", one.Code, one.Body)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{"page": page, "mail": one} {
		if strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s: a script", name)
		}
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") || w.Header().Get("Cache-Control") != "no-store" ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
	}
	if !strings.HasPrefix(one.Header().Get("Content-Security-Policy"), "sandbox;") {
		t.Error("the mail is not in a sandbox of its own")
	}
}

func TestTheOutboxIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	if err := o.Send(t.Context(), letters()[0]); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, target, host string
		want                 int
	}{
		{"GET", "/dev/outbox", "localhost", 200}, {"GET", "/dev/outbox", "127.0.0.1:8080", 200}, {"GET", "/dev/outbox", "[::1]:8080", 200},
		{"HEAD", "/dev/outbox", "localhost", 200},
		{"GET", "/dev/outbox", "rebound.example.com:8080", http.StatusForbidden}, {"GET", "/dev/outbox", "", http.StatusForbidden},
		{"GET", "/dev/outbox", "localhost.example.com", http.StatusForbidden},
		{"GET", "/dev/outbox/" + letters()[0].ID.String(), "rebound.example.com", http.StatusForbidden},
		{"POST", "/dev/outbox", "localhost", http.StatusMethodNotAllowed}, {"DELETE", "/dev/outbox", "localhost", http.StatusMethodNotAllowed},
		{"GET", "/dev/outbox/none", "localhost", http.StatusNotFound}, {"GET", "/dev/outbox/", "localhost", http.StatusNotFound}, {"GET", "/dev", "localhost", http.StatusNotFound},
	} {
		w := o.ask(c.method, c.target, c.host)
		if w.Code != c.want {
			t.Errorf("%s %s at %q: %d, want %d", c.method, c.target, c.host, w.Code, c.want)
		}
		if c.want != 200 && strings.Contains(w.Body.String(), "7KQX") {
			t.Errorf("%s %s at %q: the code is in the answer", c.method, c.target, c.host)
		}
	}
}

func TestTheOutboxKeepsTheNewestHundred(t *testing.T) {
	t.Parallel()
	o := newOutbox(t)
	var all sync.WaitGroup
	for n := range 130 {
		m := letters()[0]
		m.ID = mapae.MailID(fmt.Sprintf("%03d", n))
		if n < 110 {
			all.Go(func() {
				if err := o.Send(t.Context(), m); err != nil {
					t.Error(err)
				}
			})
			continue
		}
		all.Wait()
		if err := o.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	list := o.Messages()
	if len(list) != 100 || list[0].ID != "129" || list[19].ID != "110" {
		t.Errorf("%d mails, the newest %s", len(list), list[0].ID)
	}
	bad := letters()[0]
	bad.Code = ""
	wantUndeliverable(t, "a mail that can't be written", o.Send(t.Context(), bad), "without a code")
}

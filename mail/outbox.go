package mail

import (
	"bytes"
	"context"
	_ "embed" // for outboxPage
	"html/template"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mapae/mapae"
)

// Outbox stands in for a mail server on somebody's own machine: it keeps the
// newest 100 mails in memory and shows them on a page, newest first. It is a
// mapae.Mailer and an http.Handler, for development only: whoever sees the page
// reads everybody's codes. NewOutbox makes one.
type Outbox struct {
	templates *Templates
	base      string
	page      *template.Template

	mu   sync.Mutex
	kept []Sent // oldest first
}

// Sent is a mail that an Outbox keeps.
type Sent struct {
	mapae.Message
	Letter
}

// maxKept is how many mails an Outbox keeps.
const maxKept = 100

// outboxPage is the page of an Outbox.
//
//go:embed template/outbox/page.html
var outboxPage string

// NewOutbox returns an empty Outbox whose page is at the path base, such as
// "/dev/outbox"; templates nil: as shipped.
func NewOutbox(base string, templates *Templates) (*Outbox, error) {
	if templates == nil {
		var err error
		if templates, err = NewTemplates(nil); err != nil {
			return nil, err
		}
	}
	page, err := template.New("page").Parse(outboxPage)
	if err != nil {
		return nil, err
	}
	return &Outbox{templates: templates, base: base, page: page}, nil
}

// Send implements mapae.Mailer: it keeps m, in the place of the oldest where
// there are 100.
func (o *Outbox) Send(_ context.Context, m mapae.Message) error {
	letter, err := o.templates.Write(m)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.kept) == maxKept {
		o.kept = append(o.kept[:0:0], o.kept[1:]...)
	}
	o.kept = append(o.kept, Sent{m, letter})
	return nil
}

// Messages returns what is kept, newest first.
func (o *Outbox) Messages() []Sent {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Sent, 0, len(o.kept))
	for i := len(o.kept) - 1; i >= 0; i-- {
		list = append(list, o.kept[i])
	}
	return list
}

// ServeHTTP answers GET requests for base with the page, and for what lies
// below it with the HTML of one mail. A host that is not this machine is
// refused: a page elsewhere must not reach this one under a name of its own.
func (o *Outbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Type", "text/html; charset=utf-8")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if !loopback(hostOf(r.Host)) {
		http.Error(w, "the outbox is for this machine only", http.StatusForbidden)
		return
	}
	id, one := strings.CutPrefix(r.URL.Path, o.base+"/")
	switch {
	case one:
		o.serveOne(w, r, id)
	case r.URL.Path == o.base:
		o.servePage(w)
	default:
		http.NotFound(w, r)
	}
}

// servePage lists all. The HTML of each is in a frame that may do nothing.
func (o *Outbox) servePage(w http.ResponseWriter) {
	var page bytes.Buffer
	if err := o.page.Execute(&page, map[string]any{"Base": o.base, "Mails": o.Messages(), "Max": maxKept}); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = w.Write(page.Bytes())
}

// serveOne shows the HTML of one mail as a mail program would: no scripts, no
// forms, nothing loaded.
func (o *Outbox) serveOne(w http.ResponseWriter, r *http.Request, id string) {
	for _, m := range o.Messages() {
		if m.ID.String() == id {
			w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
			_, _ = w.Write([]byte(m.HTML))
			return
		}
	}
	http.NotFound(w, r)
}

// Ago is how long ago the mail was written, in whole seconds.
func (s Sent) Ago() time.Duration { return time.Since(s.Message.At).Truncate(time.Second) }

// hostOf is the name in a Host header, without port and brackets.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

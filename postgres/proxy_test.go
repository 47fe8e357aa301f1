package postgres_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mapae/mapae/internal/pgtest"
)

// proxy stands between a store and its cluster.
type proxy struct {
	ln      net.Listener
	socket  string
	hangs   atomic.Pointer[chan struct{}] // nothing passes until it is closed
	cutsAt  atomic.Pointer[[]byte]        // who sends this is cut off once it has passed
	cuts    atomic.Int64
	mu      sync.Mutex
	sockets []net.Conn
}

// newProxy returns a proxy to c.
func newProxy(t *testing.T, c *pgtest.Cluster) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, socket: filepath.Join(c.Dir, ".s.PGSQL.5432")}
	go p.accept()
	t.Cleanup(func() {
		ln.Close()
		p.cutAll()
	})
	return p
}

// url leads to a database through the proxy.
func (p *proxy) url(t *testing.T, direct string) string {
	t.Helper()
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(p.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("host", host)
	q.Set("port", port)
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return u.String()
}

func (p *proxy) accept() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.socket)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.sockets = append(p.sockets, client, server)
		p.mu.Unlock()
		cut := make(chan struct{})
		go p.pass(client, server, true, cut)
		go p.pass(server, client, false, cut)
	}
}

// pass copies until one side ends. Once the client has said what the proxy cuts
// at, the server gets it and the client gets nothing more.
func (p *proxy) pass(from, to net.Conn, fromClient bool, cut chan struct{}) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if h := p.hangs.Load(); h != nil {
			<-*h
		}
		at := p.cutsAt.Load()
		if fromClient && at != nil && bytes.Contains(b[:n], *at) {
			close(cut)
			p.cuts.Add(1)
			_, _ = to.Write(b[:n])
			from.Close()
			_, _ = io.Copy(io.Discard, to) // the server finishes what it was told
			return
		}
		if n > 0 {
			select {
			case <-cut:
				return
			default:
			}
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hang lets nothing pass until the function that it returns is called.
func (p *proxy) hang() (goOn func()) {
	c := make(chan struct{})
	p.hangs.Store(&c)
	return func() {
		p.hangs.Store(nil)
		close(c)
	}
}

// cutAt cuts off every client that sends this text; nil: none.
func (p *proxy) cutAt(text []byte) {
	if text == nil {
		p.cutsAt.Store(nil)
		return
	}
	p.cutsAt.Store(&text)
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.sockets {
		c.Close()
	}
}

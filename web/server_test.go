package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae/memory"
)

// dial sends text on a connection of its own and returns all that comes back
// until the server closes it or life is over.
func dial(t *testing.T, address, text string, life time.Duration) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(life)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		return "" // closed while we wrote
	}
	answer, _ := io.ReadAll(c)
	return string(answer)
}

func TestARealServerRefusesBrokenRequests(t *testing.T) {
	t.Parallel()
	server, _, _, w := served(t, memory.New())
	address := server.Listener.Addr().String()
	host := "Host: " + strings.TrimPrefix(w.auth.Config().RP.Origins[0], "http://") + "\r\n"
	get := "GET /healthz HTTP/1.1\r\n" + host
	for _, c := range []struct {
		name, text string
		first      string // status of the first answer
		answers    int
	}{
		{"in order", get + "Connection: close\r\n\r\n", "200", 1},
		{"two in order", get + "\r\n" + get + "Connection: close\r\n\r\n", "200", 2},
		{"BI-004 HEAD", "HEAD /sign-in HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", "200", 1},
		{"BI-017 40 KiB of head", get + "X: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", "431", 1},
		{"BI-019 no Host", "GET /healthz HTTP/1.1\r\n\r\n", "400", 1},
		{"BI-025 both lengths", "POST /api/auth/passkey/options HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get + "\r\n", "200", 1},
		{"chunked", "POST /api/auth/passkey/options HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + get + "\r\n", "200", 1},
		{"BI-026 two lengths", "POST /api/auth/passkey/options HTTP/1.1\r\n" + host + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "400", 1},
		{"BI-035 the first is invalid", "GET /healthz HTTP/1.1\r\n" + host + "X Y: z\r\n\r\n" + get + "\r\n", "400", 1},
		{"BI-035 the first is refused", "GET /nothing HTTP/1.1\r\n" + host + "\r\n" + get + "Connection: close\r\n\r\n", "404", 2},
		{"BI-038 TRACE", "TRACE / HTTP/1.1\r\n" + host + "Cookie: a=secret\r\nConnection: close\r\n\r\n", "405", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			answer := dial(t, address, c.text, 5*time.Second)
			if !strings.HasPrefix(answer, "HTTP/1.1 "+c.first) || strings.Count(answer, "HTTP/1.1 ") != c.answers || strings.Contains(answer, "secret") {
				t.Errorf("answer is %s", answer)
			}
			if head, body, _ := strings.Cut(answer, "\r\n\r\n"); strings.HasPrefix(c.text, "HEAD") && (body != "" || !strings.Contains(head, "Content-Type")) {
				t.Errorf("answer to HEAD is %s", answer)
			}
		})
	}
}

func TestABodyThatEndsEarlyOrNeverIsRefused(t *testing.T) {
	t.Parallel()
	server, _, _, w := served(t, memory.New())
	host := "Host: " + strings.TrimPrefix(w.auth.Config().RP.Origins[0], "http://") + "\r\n"
	head := "POST /api/auth/passkey/options HTTP/1.1\r\n" + host + "Content-Type: application/json\r\n"

	c, err := net.Dial("tcp", server.Listener.Addr().String()) // BI-014
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, head+"Content-Length: 100\r\n\r\n{}")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || answer.StatusCode != 400 {
		t.Errorf("answer to half a body: %v, %v", answer, err)
	}
	c.Close()

	slow := httptest.NewUnstartedServer(nil) // BI-013
	slow.Config = w.site.Server("", nil)
	slow.Config.ReadTimeout = 300 * time.Millisecond
	slow.Start()
	defer slow.Close()
	start := time.Now()
	text := dial(t, slow.Listener.Addr().String(), head+"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", 5*time.Second)
	if !strings.HasPrefix(text, "HTTP/1.1 408") || time.Since(start) > 3*time.Second {
		t.Errorf("after %v the answer is %s", time.Since(start), text)
	}
}

func TestTheServersBoundsAreThoseOfTheRules(t *testing.T) {
	t.Parallel()
	s := newWorld(t).site.Server("127.0.0.1:0", nil)
	if s.ReadHeaderTimeout != 3*time.Second || s.ReadTimeout != 10*time.Second || s.WriteTimeout != 15*time.Second || s.IdleTimeout != 60*time.Second || s.MaxHeaderBytes+4096 != 16<<10 {
		t.Errorf("%+v", s)
	}
	if requestTimeout >= s.WriteTimeout {
		t.Error("a request may wait for longer than its answer can be written")
	}
}

func TestHalfOpenConnectionsDoNotKeepOthersWaiting(t *testing.T) {
	server, _, c, w := served(t, memory.New()) // BI-016; not parallel: it measures time
	address := server.Listener.Addr().String()
	before := runtime.NumGoroutine()
	connections := make([]net.Conn, 2000)
	var all sync.WaitGroup
	for i := range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nX-Slow: ")
		connections[i] = conn
	}
	quickest := time.Hour
	for range 20 {
		start := time.Now()
		if _, err := c.BeginAutofill(w.ctx); err != nil {
			t.Fatal(err)
		}
		quickest = min(quickest, time.Since(start))
	}
	if quickest > 50*time.Millisecond {
		t.Errorf("an honest request takes %v at best", quickest)
	}
	for _, conn := range connections {
		all.Go(func() {
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.Copy(io.Discard, conn); err != nil {
				if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
					t.Error("a connection without a head is still open")
				}
			}
		})
	}
	all.Wait()
	server.CloseClientConnections()
	for range 100 {
		if runtime.NumGoroutine() <= before+20 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestStreamsThatAreResetCostNothing(t *testing.T) {
	w := newWorld(t) // BI-034; not parallel: it counts goroutines
	w.site.log = slog.New(slog.DiscardHandler)
	server := httptest.NewUnstartedServer(nil)
	server.Config = w.site.Server("", nil)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	h := server.Client()
	h.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
	before := runtime.NumGoroutine()
	for range 2000 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(50*time.Microsecond, cancel)
		if answer, err := h.Do(r); err == nil {
			answer.Body.Close()
		}
		cancel()
	}
	answer, err := h.Get(server.URL + "/healthz")
	if err != nil || answer.StatusCode != 200 || answer.ProtoMajor != 2 {
		t.Fatalf("afterwards: %v, %v", answer, err)
	}
	answer.Body.Close()
	for range 100 {
		if runtime.NumGoroutine() <= before+50 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae/internal/load"
)

// loaded starts Mapae with so many accounts.
func loaded(t *testing.T, users int) target {
	t.Helper()
	one := serving(t, "mapae", t.TempDir())
	if err := one.enroll(users); err != nil {
		t.Fatal(err)
	}
	return one
}

// serving starts a server of that kind with its files in dir, and ends it with
// the test.
func serving(t *testing.T, kind, dir string) target {
	t.Helper()
	s, err := startServer(kind, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return newTestTarget(t, kind, s)
}

// memory is what the server's process holds, in bytes: of its own, and with the
// pages of the program's file that happen to be in memory, at most.
func (s *server) memory(t *testing.T) (own, peak int64) {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "status"))
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("this system does not tell how much memory a process holds: %v", err)
	}
	read := func(name string) int64 {
		found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
		if found == nil {
			t.Fatalf("no %s in\n%s", name, status)
		}
		n, err := strconv.ParseInt(string(found[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n << 10
	}
	return read("RssAnon"), read("VmHWM")
}

// MAPAE_SIGNINS=2000000 sets how many sign-ins there are, and holds the bounds: at
// the end at most 40 MiB of its own, and no more than after a quarter, but for an
// eighth.
func TestMemoryStaysFlatHoweverManySignIns(t *testing.T) {
	wanted, long := numbersOf(t, "MAPAE_SIGNINS", 400)
	one := loaded(t, 100)
	var quarter int64
	done := 0
	for done < wanted[0] {
		r, err := one.round(32, min(5*time.Second, time.Duration(wanted[0])*100*time.Microsecond))
		if err != nil {
			t.Fatal(err)
		}
		done += int(r.perSecond * r.took.Seconds())
		if quarter == 0 && done >= wanted[0]/4 {
			quarter, _ = one.server.memory(t)
		}
	}
	end, peak := one.server.memory(t)
	t.Logf("proven: %d sign-ins; memory of its own after a quarter of them %.1f MiB, at the end %.1f MiB; with the program's file %.1f MiB at most", done, mib(quarter), mib(end), mib(peak))
	if long && (end > 40<<20 || end > quarter+quarter/8) {
		t.Errorf("memory: %.1f MiB after a quarter, %.1f MiB at the end", mib(quarter), mib(end))
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// Whoever computes passwords waits for others who do, and nobody else does.
// MAPAE_LOADED=1 holds the bound of 50 ms.
func TestBesidePasswordsPasskeysDoNotWait(t *testing.T) {
	_, long := numbersOf(t, "MAPAE_LOADED", 0)
	length := 300 * time.Millisecond
	if long {
		length = 20 * time.Second
	}
	one := loaded(t, 20)
	free, err := one.round(4, length)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	var tried [80]int // more than may wait at the gate
	for i := range tried {
		all.Go(func() { tried[i] = guess(t, &one, i, stop) })
	}
	time.Sleep(length / 10)
	busy, err := one.round(4, length)
	close(stop)
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	passwords := 0
	for _, n := range tried {
		passwords += n
	}
	t.Logf("proven: %.0f; p99 of sign-ins with a passkey, 4 at a time: %.1f ms; while %d passwords were tried by 80 at a time: %.1f ms (p50 %.1f and %.1f)",
		busy.perSecond*busy.took.Seconds(), free.p99, passwords, busy.p99, free.p50, busy.p50)
	if passwords == 0 {
		t.Error("no password was computed meanwhile")
	}
	if long && busy.p99 > 50 {
		t.Errorf("a sign-in with a passkey takes %.1f ms at p99", busy.p99)
	}
}

// guess tries passwords of addresses that nobody has, from many addresses,
// until stop is closed. It returns how many of them were computed.
func guess(t *testing.T, one *target, lane int, stop chan struct{}) (computed int) {
	c, err := one.at.Dial(t.Context())
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.Close()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return computed
		default:
		}
		from := fmt.Sprintf("X-Forwarded-For: 10.%d.%d.%d\r\n", lane, i/250, 1+i%250)
		_, err := c.Post(t.Context(), "/api/auth/login", from, fmt.Appendf(nil, `{"email":"nobody-%d-%d@example.com","password":"wrong horse"}`, lane, i))
		switch load.Code(err) {
		case "authentication_failed":
			computed++
		case "unavailable":
			time.Sleep(20 * time.Millisecond)
		default:
			t.Errorf("a wrong password: %v", err)
			return computed
		}
	}
}

// MAPAE_LOADED=1 opens 2,000 connections, and holds the bound of 50 ms.
func TestBesideSlowConnectionsOthersAreQuick(t *testing.T) {
	_, long := numbersOf(t, "MAPAE_LOADED", 0)
	connections, length := 100, 200*time.Millisecond
	if long {
		connections, length = 2000, 20*time.Second
	}
	one := loaded(t, 20)
	free, err := one.round(1, length)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range connections {
		all.Go(func() { dawdle(t, one.server.Address, stop) })
	}
	time.Sleep(length / 10)
	slowed, err := one.round(1, length)
	close(stop)
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("proven: %.0f; p99 of one sign-in at a time: %.1f ms; beside %d connections that send a byte now and then: %.1f ms", slowed.perSecond*slowed.took.Seconds(), free.p99, connections, slowed.p99)
	if long && slowed.p99 > free.p99+50 {
		t.Errorf("a sign-in takes %.1f ms at p99 instead of %.1f", slowed.p99, free.p99)
	}
}

// dawdle sends a request byte by byte, and another when the server has ended the
// connection, until stop is closed.
func dawdle(t *testing.T, address string, stop chan struct{}) {
	const request = "POST /api/auth/passkey/verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 65536\r\n\r\n"
	for {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		for i := 0; err == nil; i++ {
			select {
			case <-stop:
				c.Close()
				return
			case <-time.After(500 * time.Millisecond):
			}
			_, err = io.WriteString(c, request[i%len(request):][:1])
		}
		c.Close()
	}
}

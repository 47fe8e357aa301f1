package procs

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"
)

func needsProc(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "linux" {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("only Linux has /proc, which CI must have")
	}
	t.Skip("only Linux has /proc")
}

func TestCPUCountsAProcessItsChildrenAndThoseThatHaveEnded(t *testing.T) {
	needsProc(t)
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	busy := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
	if err := busy.Run(); err != nil {
		t.Fatal(err)
	}
	after, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	spent := busy.ProcessState.UserTime() + busy.ProcessState.SystemTime()
	if got := after - before; got < spent-20*time.Millisecond {
		t.Errorf("%v were counted, the child alone used %v", got, spent)
	}
	if _, err := CPU(1 << 30); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a process that is not there: %v", err)
	}
}

func TestStatIsReadWhateverAProcessCallsItself(t *testing.T) {
	t.Parallel()
	const rest = " S 7 1 1 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 1 1 1"
	want := stat{pid: 42, parent: 7, own: 300 * time.Millisecond, children: 700 * time.Millisecond}
	for _, name := range []string{"sh", "a b", ") S 1", "((", ""} {
		if got, err := readStat([]byte("42 (" + name + ")" + rest)); err != nil || got != want {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
	for _, text := range []string{"", "42", "42 (sh) S 7", "42 (sh" + rest, "x (sh)" + rest, "42 (sh) S x 1 1 0 -1 4194560 1 2 3 4 10 20 30 40"} {
		if got, err := readStat([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func TestMemoryHasAPeak(t *testing.T) {
	needsProc(t)
	block := make([]byte, 32<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	now, peak, err := Memory(os.Getpid())
	if err != nil || now < int64(len(block)) || peak < now {
		t.Errorf("%d now, %d at most, %v", now, peak, err)
	}
	runtime.KeepAlive(block)
	if _, _, err := Memory(1 << 30); err == nil {
		t.Error("a process that is not there has memory")
	}
}

func TestTheListenerAtAnAddressIsFound(t *testing.T) {
	needsProc(t)
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", ":0"} {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		port := uint16(ln.Addr().(*net.TCPAddr).Port)
		at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
		if pid, err := Listener(at); err != nil || pid != os.Getpid() {
			t.Errorf("%s: process %d, %v; want %d", address, pid, err, os.Getpid())
		}
		if address == "127.0.0.1:0" {
			if pid, err := Listener(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port)); err == nil {
				t.Errorf("process %d is said to listen at another address", pid)
			}
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		if pid, err := Listener(at); err == nil {
			t.Errorf("process %d is said to listen at a port that is closed", pid)
		}
	}
}

func TestTablesOfSocketsAreRead(t *testing.T) {
	t.Parallel()
	const table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1\n" +
		"   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 12 1\n" +
		"   2: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 1000 0 13 1\n" +
		"   3: zz:1F90 00000000:0000 0A 0:0 0:0 0 0 0 14 1\n   4: 0100007F:1F90\n"
	for at, want := range map[string][]string{"127.0.0.1:8080": {"11"}, "[::1]:8080": {"13"}, "127.0.0.1:8081": nil} {
		if got := listening(table, netip.MustParseAddrPort(at)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", at, got, want)
		}
	}
}

package procs

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Listener returns the process that listens at a TCP address of this machine;
// of several that share the socket the one with the lowest ID. Processes of
// other users are seen by root only.
func Listener(at netip.AddrPort) (pid int, err error) {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue // a machine without IPv6 has no table of it
		}
		for _, inode := range listening(string(text), at) {
			sockets["socket:["+inode+"]"] = true
		}
	}
	if len(sockets) == 0 {
		return 0, fmt.Errorf("nobody is seen to listen at %s", at)
	}
	files, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		target, err := os.Readlink(file)
		if err != nil || !sockets[target] {
			continue
		}
		owner, err := strconv.Atoi(strings.Split(file, "/")[2])
		if err == nil && (pid == 0 || owner < pid) {
			pid = owner
		}
	}
	if pid == 0 {
		return 0, fmt.Errorf("whose process listens at %s can't be seen", at)
	}
	return pid, nil
}

// listening returns the inodes of the sockets in a table of proc_net(5) that
// listen at an address, or at its port on all of them.
func listening(table string, at netip.AddrPort) (inodes []string) {
	const listens = "0A"
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != listens {
			continue
		}
		local, ok := readAddress(fields[1])
		if ok && local.Port() == at.Port() && (local.Addr().IsUnspecified() || local.Addr().Unmap() == at.Addr().Unmap()) {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}

// readAddress reads "0100007F:1F90": words of 32 bits in the machine's order.
func readAddress(text string) (netip.AddrPort, bool) {
	address, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(address)
	number, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip, uint16(number)), ok
}

package procs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is a unit of CPU time in /proc: USER_HZ is 100 on all of Linux.
const tick = time.Second / 100

// stat is what /proc/PID/stat says of a process.
type stat struct {
	pid, parent int
	own         time.Duration // CPU time, user and system
	children    time.Duration // that of children which have ended and were waited for
}

// CPU returns the CPU time, user and system, that a process and all below it
// have used so far, those that have ended included. It is counted in steps of
// 10 ms for each process.
func CPU(pid int) (used time.Duration, err error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	below := map[int]bool{pid: true}
	for grown := true; grown; {
		grown = false
		for _, s := range all {
			if below[s.parent] && !below[s.pid] {
				below[s.pid], grown = true, true
			}
		}
	}
	there := false
	for _, s := range all {
		if below[s.pid] {
			used += s.own + s.children
			there = there || s.pid == pid
		}
	}
	if !there {
		return 0, fmt.Errorf("process %d: %w", pid, fs.ErrNotExist)
	}
	return used, nil
}

func processes() ([]stat, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("there is no /proc here")
	}
	all := make([]stat, 0, len(names))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended since
		}
		s, err := readStat(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// readStat reads a line of proc_pid_stat(5). The name, in parentheses, may hold
// anything, parentheses too.
func readStat(text []byte) (s stat, err error) {
	end := bytes.LastIndexByte(text, ')')
	pid, _, _ := strings.Cut(string(text), " ")
	fields := strings.Fields(string(text[end+1:])) // from the third on: state, parent …
	if end < 0 || len(fields) < 15 {
		return s, errors.New("fields are missing")
	}
	var numbers [6]int64
	for i, field := range []string{pid, fields[1], fields[11], fields[12], fields[13], fields[14]} {
		if numbers[i], err = strconv.ParseInt(field, 10, 64); err != nil {
			return s, err
		}
	}
	return stat{pid: int(numbers[0]), parent: int(numbers[1]),
		own:      time.Duration(numbers[2]+numbers[3]) * tick,
		children: time.Duration(numbers[4]+numbers[5]) * tick}, nil
}

// Memory returns the bytes of a process that are in memory now, and the most
// that there ever were.
func Memory(pid int) (now, peak int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kilobytes << 10
		case "VmHWM":
			peak = kilobytes << 10
		}
	}
	if now == 0 || peak == 0 {
		return 0, 0, fmt.Errorf("process %d tells nothing of its memory", pid)
	}
	return now, peak, nil
}

// CPUModel names the processor where Linux tells it.
func CPUModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

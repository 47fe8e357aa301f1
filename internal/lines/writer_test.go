package lines

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pieces keeps each write by itself.
type pieces struct {
	err error

	mu  sync.Mutex
	all []string
}

func (p *pieces) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, string(b))
	return len(b), p.err
}

func (p *pieces) written() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.all)
}

func TestLinesOfTenMillisecondsAreWrittenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to pieces
		w := NewWriter(&to)
		log := func(line string) {
			if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
				t.Errorf("%q: %d, %v", line, n, err)
			}
		}
		log("one\n")
		time.Sleep(delay - time.Microsecond)
		log("two\n")
		if len(to.written()) != 0 {
			t.Errorf("too early: %q", to.written())
		}
		time.Sleep(time.Microsecond)
		synctest.Wait()
		log("three\n")
		time.Sleep(delay)
		synctest.Wait()
		time.Sleep(10 * delay)
		if !slices.Equal(to.written(), []string{"one\ntwo\n", "three\n"}) {
			t.Errorf("%q", to.written())
		}
	})
}

func TestMuchIsWrittenAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		to := pieces{err: full}
		w := NewWriter(&to)
		half := []byte(strings.Repeat("x", maxBuffered/2-1) + "\n")
		if _, err := w.Write(half); err != nil || len(to.written()) != 0 {
			t.Errorf("half: %v, %d writes", err, len(to.written()))
		}
		if n, err := w.Write(half); n != len(half) || !errors.Is(err, full) || len(to.written()) != 1 || len(to.written()[0]) != maxBuffered {
			t.Errorf("whole: %d, %v, %d writes", n, err, len(to.written()))
		}
		if err := w.Flush(); err != nil || len(to.written()) != 1 {
			t.Errorf("nothing: %v, %d writes", err, len(to.written()))
		}
	})
}

func TestFlushWritesWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		to := pieces{err: full}
		w := NewWriter(&to)
		_, _ = w.Write([]byte("last\n"))
		if err := w.Flush(); !errors.Is(err, full) || !slices.Equal(to.written(), []string{"last\n"}) {
			t.Errorf("%q, %v", to.written(), err)
		}
		time.Sleep(delay)
		synctest.Wait()
		if len(to.written()) != 1 {
			t.Errorf("again: %q", to.written())
		}
	})
}

func TestEachLineIsWrittenOnceAndWhole(t *testing.T) {
	t.Parallel()
	const writers, lines = 16, 2000
	var to pieces
	w := NewWriter(&to)
	var running sync.WaitGroup
	for i := range writers {
		line := append(bytes.Repeat([]byte{'a' + byte(i)}, 20), '\n')
		running.Go(func() {
			for range lines {
				if _, err := w.Write(line); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	count := map[string]int{}
	for _, piece := range to.written() {
		if !strings.HasSuffix(piece, "\n") {
			t.Errorf("a line is broken at %q", piece[max(0, len(piece)-10):])
		}
		for line := range strings.Lines(piece) {
			count[line]++
		}
	}
	for i := range writers {
		if n := count[strings.Repeat(string('a'+rune(i)), 20)+"\n"]; n != lines {
			t.Errorf("%c: %d lines, want %d", 'a'+i, n, lines)
		}
	}
	if len(count) != writers {
		t.Errorf("%d kinds of lines", len(count))
	}
}

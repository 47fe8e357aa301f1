package lines

import (
	"io"
	"sync"
	"time"
)

const (
	delay       = 10 * time.Millisecond // that a line waits for others at most
	maxBuffered = 32 << 10              // bytes that wait; more are written at once
)

// Writer writes lines to another writer, in their order, and those of 10 ms by
// one Write: a server that logs thousands a second saves the system calls. A
// process that crashes or is killed loses the last of them. It is safe for
// concurrent use, and waits for nobody but the other writer.
type Writer struct {
	to io.Writer

	mu     sync.Mutex
	buffer []byte
}

// NewWriter returns a Writer of lines to to.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write takes one line or several, whole ones. Its error is that of writing, when
// so much waited that it was done at once; lines that could not be written are
// gone.
func (w *Writer) Write(lines []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buffer) == 0 {
		time.AfterFunc(delay, func() { _ = w.Flush() }) // who logs has nobody to tell
	}
	w.buffer = append(w.buffer, lines...)
	if len(w.buffer) < maxBuffered {
		return len(lines), nil
	}
	return len(lines), w.flush()
}

// Flush writes what waits.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

func (w *Writer) flush() error {
	if len(w.buffer) == 0 {
		return nil
	}
	_, err := w.to.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

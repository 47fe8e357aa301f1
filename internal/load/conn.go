package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// agent is as long as those of browsers, which are kept with each session.
const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// answerTimeout bounds the wait for one answer.
const answerTimeout = 30 * time.Second

// maxAnswer bounds an answer's body, in bytes.
const maxAnswer = 1 << 20

// Conn is a browser reduced to one connection with keep-alive. It is used by
// one goroutine at a time, and connects anew after it has failed.
type Conn struct {
	target *Target
	tcp    net.Conn // nil: not connected
	in     *bufio.Reader
	out    []byte
	body   []byte // of requests, used again
	answer []byte
	head   string // of every request
	cookie string // of the ceremony
}

// Answer is the error of an answer that is not 200.
type Answer struct {
	Status int
	Code   string // of the JSON API; empty: it was not one of its problems
	Body   []byte
}

// Error returns status and body, of that what fits a line or a few.
func (a *Answer) Error() string {
	return fmt.Sprintf("the server answered %d: %.500s", a.Status, a.Body)
}

// Code names what went wrong: a code of the JSON API, "status_502" of a server
// that does not speak it, "email_code_required", "timeout", or "connection".
func Code(err error) string {
	var answer *Answer
	switch {
	case errors.As(err, &answer) && answer.Code != "":
		return answer.Code
	case errors.As(err, &answer):
		return fmt.Sprintf("status_%d", answer.Status)
	case errors.Is(err, ErrProvesAddresses):
		return "email_code_required"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	}
	return "connection"
}

// Dial connects to the target.
func (t *Target) Dial(ctx context.Context) (*Conn, error) {
	c := &Conn{target: t, head: " HTTP/1.1\r\nHost: " + t.host + "\r\nUser-Agent: " + agent + "\r\nAccept: */*\r\n"}
	return c, c.connect(ctx)
}

func (c *Conn) connect(ctx context.Context) (err error) {
	if c.tcp, err = c.target.dial(ctx); err != nil {
		return err
	}
	c.in = bufio.NewReader(c.tcp)
	return nil
}

// Close ends the connection.
func (c *Conn) Close() {
	if c.tcp != nil {
		_ = c.tcp.Close() // there is nothing left to lose
		c.tcp = nil
	}
}

// Get asks for a path. The body that it returns is valid until the next call.
func (c *Conn) Get(ctx context.Context, path string) ([]byte, error) {
	c.out = append(append(append(c.out[:0], "GET "...), path...), c.head...)
	return c.send(ctx, nil)
}

// Post sends JSON. The headers each end in CR LF.
func (c *Conn) Post(ctx context.Context, path, headers string, body []byte) ([]byte, error) {
	c.out = append(append(append(c.out[:0], "POST "...), path...), c.head...)
	c.out = append(append(append(c.out, "Origin: "...), c.target.Origin...), "\r\nContent-Type: application/json\r\nContent-Length: "...)
	c.out = append(append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n"...), headers...)
	return c.send(ctx, body)
}

// send ends the request in c.out and returns the body of its answer. A
// connection that failed is closed, for the next request to make another.
func (c *Conn) send(ctx context.Context, body []byte) ([]byte, error) {
	if c.tcp == nil {
		if err := c.connect(ctx); err != nil {
			return nil, err
		}
	}
	c.out = append(append(append(c.out, c.cookie...), "\r\n"...), body...)
	status, err := c.exchange()
	if err != nil {
		c.Close()
		return nil, err
	}
	if status != 200 {
		var problem struct{ Code string }
		_ = json.Unmarshal(c.answer, &problem) // what is no JSON has no code
		return nil, &Answer{Status: status, Code: problem.Code, Body: bytes.Clone(c.answer)}
	}
	return c.answer, nil
}

// exchange writes c.out and reads an answer into c.answer.
func (c *Conn) exchange() (status int, err error) {
	if err := c.tcp.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, err
	}
	if _, err := c.tcp.Write(c.out); err != nil {
		return 0, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	if status, err = strconv.Atoi(string(code)); err != nil || !bytes.HasPrefix(version, []byte("HTTP/1.")) {
		return 0, fmt.Errorf("this is not HTTP: %q", line)
	}
	length, err := c.readHead()
	if err != nil {
		return 0, err
	}
	if cap(c.answer) < length {
		c.answer = make([]byte, length)
	}
	c.answer = c.answer[:length]
	_, err = io.ReadFull(c.in, c.answer)
	return status, err
}

// readHead reads the headers of an answer: the length of its body, and the
// first cookie of a ceremony that the server sets.
func (c *Conn) readHead() (length int, err error) {
	length = -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case c.cookie == "" && bytes.EqualFold(name, []byte("Set-Cookie")) && bytes.Contains(value, []byte("-b-")):
			pair, _, _ := bytes.Cut(value, []byte(";"))
			c.cookie = "Cookie: " + string(pair) + "\r\n"
		}
	}
	if length < 0 || length > maxAnswer {
		return 0, fmt.Errorf("an answer without a Content-Length from 0 to %d", maxAnswer)
	}
	return length, nil
}

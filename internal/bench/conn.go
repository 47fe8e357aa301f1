package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
)

// agent is as long as those of browsers, which are kept with each session.
const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// conn is a browser reduced to one connection with keep-alive: it costs the
// generator a tenth of what net/http's client would.
type conn struct {
	tcp    net.Conn
	in     *bufio.Reader
	out    []byte
	body   []byte // of requests, used again
	answer []byte
	head   string // of every request
	origin string
	cookie string // of the ceremony
}

func dial(address string) (*conn, error) {
	tcp, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &conn{
		tcp: tcp, in: bufio.NewReader(tcp), origin: "http://" + address,
		head: " HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: " + agent + "\r\nAccept: */*\r\n",
	}, nil
}

func (c *conn) close() { _ = c.tcp.Close() }

func (c *conn) get(path string) ([]byte, error) {
	c.out = append(append(append(c.out[:0], "GET "...), path...), c.head...)
	return c.send(nil)
}

// post sends JSON. The headers each end in CR LF.
func (c *conn) post(path, headers string, body []byte) ([]byte, error) {
	c.out = append(append(append(c.out[:0], "POST "...), path...), c.head...)
	c.out = append(append(append(c.out, "Origin: "...), c.origin...), "\r\nContent-Type: application/json\r\nContent-Length: "...)
	c.out = append(append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n"...), headers...)
	return c.send(body)
}

// send ends the request in c.out and returns the body of its answer, which is
// valid until the next one.
func (c *conn) send(body []byte) ([]byte, error) {
	c.out = append(append(append(c.out, c.cookie...), "\r\n"...), body...)
	if _, err := c.tcp.Write(c.out); err != nil {
		return nil, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	ok := bytes.HasPrefix(line, []byte("HTTP/1.1 200 "))
	status := string(bytes.TrimSpace(line))
	length, err := c.readHead()
	if err != nil {
		return nil, err
	}
	if cap(c.answer) < length {
		c.answer = make([]byte, length)
	}
	c.answer = c.answer[:length]
	if _, err := io.ReadFull(c.in, c.answer); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s: %s", status, c.answer)
	}
	return c.answer, nil
}

// readHead reads the headers of an answer: the length of its body, and the
// first cookie of a ceremony that the server sets.
func (c *conn) readHead() (length int, err error) {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, nil
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case string(name) == "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case string(name) == "Set-Cookie" && c.cookie == "" && bytes.Contains(value, []byte("-b-")):
			pair, _, _ := bytes.Cut(value, []byte(";"))
			c.cookie = "Cookie: " + string(pair) + "\r\n"
		}
	}
}

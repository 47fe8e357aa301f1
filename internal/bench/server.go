package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"time"
)

// hello is the first line that a server process prints.
type hello struct {
	Address string // host:port on this machine
	Engine  string // the database with its settings, as it reports them
}

// server is a child process that serves. For each line on its standard input
// it answers the CPU time that it has used so far; it ends with its input.
type server struct {
	hello
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	stopped bool
}

// startServer runs this program again as a server of that kind, with its files
// in dir.
func startServer(kind, dir, profiles string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{cmd: exec.Command(self, "-serve", kind, "-dir", dir, "-profiles", profiles)}
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewScanner(out)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.read(&s.hello); err != nil {
		return nil, errors.Join(fmt.Errorf("start the %s: %w", kind, err), s.Close())
	}
	return s, nil
}

func (s *server) read(v any) error {
	if !s.out.Scan() {
		return errors.Join(errors.New("the server has ended"), s.out.Err())
	}
	return json.Unmarshal(s.out.Bytes(), v)
}

// cpu returns the CPU time, user and system, that the server has used.
func (s *server) cpu() (used time.Duration, err error) {
	if _, err := io.WriteString(s.in, "cpu\n"); err != nil {
		return 0, err
	}
	return used, s.read(&used)
}

// Close ends the server and waits for it.
func (s *server) Close() error {
	if s.stopped {
		return nil
	}
	s.stopped = true
	return errors.Join(s.in.Close(), s.cmd.Wait())
}

// serveAs is what the child process does.
func serveAs(kind, dir, profiles string) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return err
	}
	open := map[string]func(path, origin string) (*http.Server, string, io.Closer, error){
		"bare": openBare, "floor": openFloor, "mapae": openMapae, "postgres": openPostgres, "postgres-floor": openPostgresFloor,
	}[kind]
	if open == nil {
		return fmt.Errorf("no server %q", kind)
	}
	srv, engine, store, err := open(filepath.Join(dir, kind+".db"), "http://localhost:"+port)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	profile := ""
	if profiles != "" {
		profile = filepath.Join(profiles, kind+".prof")
	}
	err = errors.Join(attend(hello{Address: "localhost:" + port, Engine: engine}, profile), srv.Close())
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, store.Close())
}

// attend says hello and then answers the parent until its input ends. The
// profile starts with the first question, when the accounts are made.
func attend(h hello, profile string) error {
	stopProfile := func() error { return nil }
	out := json.NewEncoder(os.Stdout)
	err := out.Encode(h)
	in := bufio.NewScanner(os.Stdin)
	for n := 0; err == nil && in.Scan(); n++ {
		if n == 0 {
			if stopProfile, err = startProfile(profile); err != nil {
				return err
			}
		}
		err = out.Encode(cpuTime())
	}
	return errors.Join(err, stopProfile())
}

// startProfile writes a CPU profile to path until the function that it returns
// is called. An empty path: none.
func startProfile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

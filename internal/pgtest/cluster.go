package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mapae/mapae/internal/procs"
)

// Superuser is the role that owns a cluster; no password is asked.
const Superuser = "postgres"

// Cluster is a PostgreSQL server that listens on a Unix socket only.
type Cluster struct {
	Dir     string // socket, data and log
	bin     string
	flags   []string
	account *syscall.Credential // nil: the one of this process
	server  *Daemon
}

// Find returns the directory of PostgreSQL's binaries, the newest where there
// are several; or an error that says what is missing.
func Find() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		if path, err := exec.LookPath("pg_isready"); err == nil {
			return filepath.Dir(path), nil
		}
		return "", errors.New("PostgreSQL is not installed (Debian package postgresql)")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // a name that is no number comes first
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(found[len(found)-1]), nil
}

// New makes a cluster and starts it, with settings such as "fsync=off". Close
// removes it.
func New(settings ...string) (*Cluster, error) {
	return begin((*Cluster).create, settings)
}

// StandbyName is what a standby calls itself: synchronous_standby_names of its
// primary may hold it.
const StandbyName = "standby"

// Standby makes a copy of a cluster that runs, starts it, and lets it follow.
// Both are closed on their own.
func (c *Cluster) Standby(settings ...string) (*Cluster, error) {
	from := fmt.Sprintf("host=%s user=%s application_name=%s", c.Dir, Superuser, StandbyName)
	return begin(func(s *Cluster) error {
		return s.run("pg_basebackup", "-d", from, "-D", s.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	}, settings)
}

// Promote makes a standby a primary, and waits until it takes writes.
func (c *Cluster) Promote() error { return c.run("pg_ctl", "promote", "-w", "-s", "-D", c.data()) }

// begin makes the directory of a cluster, lets fill make its data, and starts
// it.
func begin(fill func(*Cluster) error, settings []string) (*Cluster, error) {
	bin, err := Find()
	if err != nil {
		return nil, err
	}
	account, err := Account()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg") // short: the name of a socket has at most 107 bytes
	if err != nil {
		return nil, err
	}
	c := &Cluster{Dir: dir, bin: bin, account: account}
	for _, s := range append([]string{"listen_addresses=", "unix_socket_directories=" + dir, "max_connections=300", "log_min_messages=fatal"}, settings...) {
		c.flags = append(c.flags, "-c", s)
	}
	if err := errors.Join(c.own(), fill(c)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := c.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

// Account returns who runs servers: PostgreSQL and PgBouncer refuse root. Nil:
// this process's own account.
func Account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	var u *user.User
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		if u, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// own gives the directory to who runs the server.
func (c *Cluster) own() error {
	if c.account == nil {
		return nil
	}
	return os.Chown(c.Dir, int(c.account.Uid), int(c.account.Gid))
}

// create makes new data.
func (c *Cluster) create() error {
	return c.run("initdb", "-D", c.data(), "-U", Superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
}

func (c *Cluster) data() string { return filepath.Join(c.Dir, "data") }

// run runs one of PostgreSQL's programs to its end.
func (c *Cluster) run(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir = c.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.account}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// Start starts the server and waits until it answers.
func (c *Cluster) Start() error {
	d, err := StartDaemon(c.account, c.Dir, filepath.Join(c.bin, "postgres"), append([]string{"-D", c.data()}, c.flags...)...)
	if err != nil {
		return err
	}
	c.server = d
	for range 600 {
		if err = c.run("pg_isready", "-q", "-h", c.Dir, "-U", Superuser); err == nil {
			return nil
		}
		select {
		case <-d.Ended:
			return fmt.Errorf("PostgreSQL ended: %s", d.Log())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.Join(fmt.Errorf("PostgreSQL does not answer: %w", err), c.Stop(syscall.SIGKILL))
}

// Stop ends the server with a signal: SIGINT cuts all connections, SIGQUIT does
// so without writing anything, SIGKILL is a crash. It waits for the end.
func (c *Cluster) Stop(with syscall.Signal) error { return c.server.Stop(with) }

// CPU returns the CPU time, user and system, that all processes of the server
// have used, those that have ended included (Linux).
func (c *Cluster) CPU() (time.Duration, error) { return procs.CPU(c.server.Pid()) }

// Create makes a database.
func (c *Cluster) Create(database string) error {
	return c.run("createdb", "-h", c.Dir, "-U", Superuser, database)
}

// Ask returns the one value that a statement returns in the database with that
// URL.
func Ask(url, statement string) (string, error) {
	bin, err := Find()
	if err != nil {
		return "", err
	}
	out, err := exec.Command(filepath.Join(bin, "psql"), "-X", "-A", "-t", "-c", statement, url).Output()
	return strings.TrimSpace(string(out)), err
}

// URL names a database of the cluster, with parameters such as "search_path",
// "one" in pairs.
func (c *Cluster) URL(database string, parameters ...string) string {
	return URL(database, []*Cluster{c}, parameters...)
}

// URL names a database that is in whichever of the clusters takes it.
func URL(database string, clusters []*Cluster, parameters ...string) string {
	var hosts []string
	for _, c := range clusters {
		hosts = append(hosts, c.Dir)
	}
	q := url.Values{"host": {strings.Join(hosts, ",")}, "user": {Superuser}}
	for pair := range slices.Chunk(parameters, 2) {
		q.Set(pair[0], pair[1])
	}
	u := url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: q.Encode()}
	return u.String()
}

// Close stops the server and removes the cluster.
func (c *Cluster) Close() error {
	return errors.Join(c.Stop(syscall.SIGQUIT), os.RemoveAll(c.Dir))
}

// Daemon is a program that runs beside the tests, in a process group of its
// own, and dies with them.
type Daemon struct {
	Ended chan struct{} // closed when it has
	cmd   *exec.Cmd
	log   bytes.Buffer // read after it has ended
}

// StartDaemon starts a program in a directory, as an account.
func StartDaemon(account *syscall.Credential, dir, program string, args ...string) (*Daemon, error) {
	d := &Daemon{Ended: make(chan struct{}), cmd: exec.Command(program, args...)}
	d.cmd.Dir, d.cmd.Stdout, d.cmd.Stderr = dir, &d.log, &d.log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
	started := make(chan error)
	go func() {
		// The signal comes when the thread ends that started the program, so it must not end before.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(d.Ended)
		err := d.cmd.Start()
		started <- err
		if err == nil {
			_ = d.cmd.Wait() // how it ended is in the log
		}
	}()
	return d, <-started
}

// Pid is the daemon's process ID, and that of its group.
func (d *Daemon) Pid() int { return d.cmd.Process.Pid }

// Log returns what the daemon wrote, once it has ended.
func (d *Daemon) Log() string {
	select {
	case <-d.Ended:
		return d.log.String()
	default:
		return "it still runs"
	}
}

// Stop sends a signal and waits for the end; a daemon that has ended is fine.
func (d *Daemon) Stop(with syscall.Signal) error {
	if err := d.cmd.Process.Signal(with); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	select {
	case <-d.Ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("process %d did not end after %v", d.Pid(), with)
	}
}

// Needs skips a test that can't run here, and says why; where CI is set it
// fails.
func Needs(t testing.TB, why error) {
	t.Helper()
	if why == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%v, which CI must have", why)
	}
	t.Skipf("%v", why)
}

package postgres_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/pgtest"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/storetest"
)

// bouncerSettings give a server connection to whoever has a transaction to run,
// and few of them.
const bouncerSettings = `[databases]
* = host=%[1]s user=%[2]s
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %[1]s
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 1000
server_idle_timeout = 1
`

// bouncer starts a PgBouncer before a cluster of its own, and returns both the
// cluster and what leads through the pooler.
func bouncer(t *testing.T) (c *pgtest.Cluster, through func(url string) string) {
	t.Helper()
	needed(t)
	program := "/usr/sbin/pgbouncer"
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		program = path
	}
	if _, err := os.Stat(program); err != nil {
		pgtest.Needs(t, fmt.Errorf("PgBouncer is not installed (Debian package pgbouncer)"))
	}
	c = ownCluster(t, "fsync=off")
	file := filepath.Join(c.Dir, "pgbouncer.ini")
	if err := os.WriteFile(file, fmt.Appendf(nil, bouncerSettings, c.Dir, pgtest.Superuser), 0o644); err != nil {
		t.Fatal(err)
	}
	account, err := pgtest.Account()
	if err != nil {
		t.Fatal(err)
	}
	d, err := pgtest.StartDaemon(account, c.Dir, program, file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(syscall.SIGQUIT); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(d.Log())
		}
	})
	wait(t, func() error {
		conn, err := net.Dial("unix", filepath.Join(c.Dir, ".s.PGSQL.6432"))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	return c, func(url string) string { return url + "&port=6432&default_query_exec_mode=exec" }
}

// The contract, races included, holds where each transaction, and each
// statement outside of one, meets whatever connection is free.
func TestStoreBehindPgBouncer(t *testing.T) {
	t.Parallel()
	c, through := bouncer(t)
	var n atomic.Int64
	storetest.Run(t, func(t *testing.T) mapae.Store {
		name := fmt.Sprintf("store%d", n.Add(1))
		if err := c.Create(name); err != nil {
			t.Fatal(err)
		}
		direct := c.URL(name)
		s, err := postgres.Open(t.Context(), through(direct))
		if err == nil || !strings.Contains(err.Error(), "mapae migrate") {
			t.Errorf("without tables: %v", err)
		}
		if err == nil {
			s.Close()
		}
		if err := postgres.Migrate(t.Context(), direct); err != nil {
			t.Fatal(err)
		}
		return open(t, through(direct))
	})
}

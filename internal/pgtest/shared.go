package pgtest

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// Shared is one cluster for all tests of a binary that need not stop it, made
// when the first asks for it. What it would lose with the machine's power does
// not matter. The zero value is ready.
type Shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
	schemas atomic.Int64
}

// Cluster returns the cluster, or ends the test as Needs does.
func (s *Shared) Cluster(t testing.TB) *Cluster {
	t.Helper()
	_, err := Find()
	Needs(t, err)
	s.once.Do(func() { s.cluster, s.err = New("fsync=off", "full_page_writes=off") })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.cluster
}

// Name returns a name that no other schema of the cluster has.
func (s *Shared) Name() string { return fmt.Sprintf("test%d", s.schemas.Add(1)) }

// Place returns the URL of a new schema, with parameters as Cluster.URL takes
// them.
func (s *Shared) Place(t testing.TB, parameters ...string) string {
	t.Helper()
	c, schema := s.Cluster(t), s.Name()
	if err := c.run("psql", "-h", c.Dir, "-U", Superuser, "-d", Superuser, "-qc", "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	return c.URL(Superuser, append(parameters, "search_path", schema)...)
}

// Run runs the tests of a binary and closes the cluster, where one was made. It
// returns the binary's exit status.
func (s *Shared) Run(m *testing.M) int {
	code := m.Run()
	if s.cluster != nil {
		if err := s.cluster.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

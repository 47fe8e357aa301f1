package sqlite_test

import (
	"testing"

	"github.com/mapae/mapae/storetest"
)

// BenchmarkStore measures SQLite with synchronous=FULL.
func BenchmarkStore(b *testing.B) {
	s := open(b)
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	storetest.Benchmark(b, s)
}

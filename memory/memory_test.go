package memory_test

import (
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) mapae.Store { return memory.New() })
}

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, memory.New()) }

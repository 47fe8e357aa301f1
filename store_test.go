package mapae_test

import (
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
)

// eachStore runs f on a fresh store of each engine.
func eachStore(t *testing.T, f func(*testing.T, mapae.Store)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		f(t, memory.New())
	})
}

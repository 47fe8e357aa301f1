package mapae

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae/internal/seal"
)

// Restored is what a store engine tells when it has put a backup in the place
// of its database. All sessions and tickets have ended by then, and recoveries
// that waited are gone; what was spent, removed or changed since the backup is
// as it was.
type Restored struct {
	Users int       // accounts in it
	Until time.Time // when the last event in it happened; zero where there is none
	Kept  string    // where the database is that was there before; empty: there was none, or it was written over
}

// MatchKeys returns nil when every key that a store lists is among keys, and
// else an error that names the first that is not: what was sealed under it
// could not be opened.
func MatchKeys(listed []KeyCheck, keys []RootKey) error {
	for _, l := range listed {
		if !slices.ContainsFunc(keys, func(k RootKey) bool { return k.ID() == l.ID && slices.Equal(seal.Key(k).Check(), l.Check) }) {
			ids := make([]string, len(keys))
			for i, k := range keys {
				ids[i] = k.ID()
			}
			return fmt.Errorf("the store was sealed under root key %s, which is not among the keys given (%s): find the key file that belongs to this database", l.ID, strings.Join(ids, ", "))
		}
	}
	return nil
}

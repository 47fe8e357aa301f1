package mapae

import (
	"fmt"
	"slices"
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
	ring := make([]seal.Key, len(keys))
	for i, k := range keys {
		ring[i] = seal.Key(k)
	}
	return matchKeys(listed, ring)
}

func matchKeys(listed []KeyCheck, keys []seal.Key) error {
	for _, l := range listed {
		if !slices.ContainsFunc(keys, func(k seal.Key) bool { return k.ID() == l.ID && slices.Equal(k.Check(), l.Check) }) {
			return fmt.Errorf("the store was sealed under root key %s, which is not among the keys given (%s): find the key file that belongs to this database", l.ID, keyIDs(keys))
		}
	}
	return nil
}

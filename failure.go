package mapae

import "time"

// Failures counts wrong proofs in a row of one kind for one account, or for a
// name that nobody has. Its key is a keyed hash that tells nothing.
type Failures struct {
	Count int       // in a row; zero: none
	Until time.Time // no try before; zero: none is barred
	At    time.Time // of the last try
}

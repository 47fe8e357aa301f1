package storetest

import (
	"errors"
	"sync/atomic"

	"github.com/mapae/mapae"
)

// ErrFault is what the call that Faulty breaks returns.
var ErrFault = errors.New("storetest: the store is broken")

// Fault is a store of which one call fails. Faulty makes one.
type Fault struct {
	proxy
	n     int64
	calls atomic.Int64
}

// Faulty returns s, of which the n-th call, counted from 1, fails with
// ErrFault; the calls before and after it don't. Counted are: each read, the
// beginning of each transaction, each call inside one, and its commit. A
// transaction in which a call failed leaves nothing, even if its function goes
// on and returns nil. A flow is tried with n = 1, 2, … until Struck is false.
func Faulty(s mapae.Store, n int) *Fault {
	f := &Fault{n: int64(n)}
	f.proxy = newProxy(s, func(callKind) error {
		if f.calls.Add(1) == f.n {
			return ErrFault
		}
		return nil
	})
	return f
}

// Struck reports whether the call that was to fail was made.
func (f *Fault) Struck() bool { return f.calls.Load() >= f.n }

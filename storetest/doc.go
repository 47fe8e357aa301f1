// Package storetest owns the contract of mapae.Store as tests, races and
// benchmarks, for the stores of this module and for anybody else's. It never
// looks behind the interface: what it can't see through mapae.Store is no part
// of the contract.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) mapae.Store { return open(t) })
//	}
//
// Each test opens a store of its own, empty, and closes it. Races run the
// number of rounds that the environment variable STORETEST_ROUNDS says, 60
// where it is not set. Compare runs random commands on two stores, Benchmark
// measures the end of a sign-in. Counting and Faulty wrap a store: they count
// the calls of a flow, and make one of them fail.
package storetest

package storetest

import (
	"strings"

	"github.com/mapae/mapae"
)

var events = []test{
	{"come back byte for byte", eventsComeBack},
	{"are paged newest first, of one user or all", eventsPaged},
	{"share no bytes with the caller", eventsCopied},
}

var keyChecks = []test{
	{"are listed by ID, added once, and removed", keyChecksKept},
}

func eventsComeBack(f *fixture) {
	full := newEvent(newUser(1), 2)
	full.Type, full.SessionID, full.Method = mapae.EventPasskeyAddFailed, mapae.SessionID(timed(when(0), 1)), mapae.MethodPasskey
	full.Credential, full.Reason = []byte{0, 0xff}, "credential_id"
	full.Address, full.UserAgent, full.RequestID, full.App = "2001:db8::1", strings.Repeat("é", 128), "id \"1\"", true
	bare := mapae.Event{ID: newEvent(newUser(1), 1).ID, At: when(1000), Type: "x"}
	f.add(full, bare)
	f.same("events", f.world().Events, []mapae.Event{full, bare})
}

func eventsPaged(f *fixture) {
	a, b := newUser(1), newUser(2)
	for _, n := range []int{3, 1, 2, 5, 4} {
		f.add(newEvent(a, 2*n), newEvent(b, 2*n+1))
	}
	for _, c := range []struct {
		name   string
		user   mapae.UserID
		before int
		limit  int
		want   []int
	}{
		{"all", "", 0, 100, []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2}},
		{"first page", "", 0, 3, []int{11, 10, 9}},
		{"next page", "", 9, 3, []int{8, 7, 6}},
		{"before one that is another's", a.ID, 9, 2, []int{8, 6}},
		{"one user's", b.ID, 0, 2, []int{11, 9}},
		{"one user's last page", b.ID, 5, 2, []int{3}},
		{"before the first", "", 2, 2, nil},
		{"nobody's", "none", 0, 2, nil},
	} {
		var before mapae.EventID
		if c.before > 0 {
			before = newEvent(a, c.before).ID
		}
		list, err := f.store.Events(f.ctx, c.user, before, c.limit)
		f.answers(c.name, err, nil)
		var got []int
		for _, e := range list {
			got = append(got, int(e.ID[15]))
		}
		f.same(c.name, got, c.want)
	}
}

func eventsCopied(f *fixture) {
	e := newEvent(newUser(1), 1)
	e.Credential = []byte("id")
	f.add(e)
	e.Credential[0] = 'X'
	f.world().Events[0].Credential[0] = 'Y'
	f.same("credential", string(f.world().Events[0].Credential), "id")
}

func keyChecksKept(f *fixture) {
	a, b := mapae.KeyCheck{ID: "a", Check: nonce(1)[:16]}, mapae.KeyCheck{ID: "b", Check: nonce(2)[8:]}
	add := func(k mapae.KeyCheck, want error) {
		f.Helper()
		f.update(func(tx mapae.Tx) error {
			f.answers("add "+k.ID, tx.AddKeyCheck(f.ctx, k), want)
			return nil
		})
	}
	f.same("none", len(f.world().Keys), 0)
	add(b, nil)
	add(a, nil)
	add(a, nil)
	add(mapae.KeyCheck{ID: "a", Check: b.Check}, mapae.ErrExists)
	f.same("listed", f.world().Keys, []mapae.KeyCheck{a, b})
	f.update(func(tx mapae.Tx) error { return tx.RemoveKeyCheck(f.ctx, "a") })
	f.update(func(tx mapae.Tx) error {
		f.answers("remove twice", tx.RemoveKeyCheck(f.ctx, "a"), mapae.ErrNotFound)
		return nil
	})
	f.same("listed", f.world().Keys, []mapae.KeyCheck{b})
}

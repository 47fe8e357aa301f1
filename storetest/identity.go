package storetest

import (
	"time"

	"github.com/mapae/mapae"
)

var identities = []test{
	{"come back by provider and subject, and by user", identitiesComeBack},
	{"that nobody added are not found", identitiesMissing},
	{"are unique by provider and subject, and the transaction goes on", identitiesUnique},
	{"need a user", identitiesNeedUser},
	{"are removed and touched by their owner only", identitiesOwned},
	{"are touched forward, never back", identitiesTouched},
}

func identitiesComeBack(f *fixture) {
	a, b := newUser(1), newUser(2)
	full, bare, theirs := newIdentity(a, 1), mapae.Identity{Provider: "p", UserID: a.ID}, newIdentity(b, 2)
	full.Provider, full.Subject = "Ünïque '; DROP", "\U0001F511 주체"
	full.LastUsedAt = when(1999 * time.Nanosecond)
	f.add(a, b, full, bare, theirs)
	full.LastUsedAt = when(time.Microsecond)
	for _, want := range []struct {
		mapae.Identity
		owner mapae.User
	}{{full, a}, {bare, a}, {theirs, b}} {
		got, owner, err := f.store.Identity(f.ctx, want.Provider, want.Subject)
		f.answers("identity", err, nil)
		f.same("identity", got, want.Identity)
		f.same("its user", owner, want.owner)
		f.update(func(tx mapae.Tx) error {
			got, owner, err = tx.Identity(f.ctx, want.Provider, want.Subject)
			return err
		})
		f.same("identity in a transaction", got, want.Identity)
		f.same("its user in a transaction", owner, want.owner)
	}
	w := f.world(a.ID, b.ID)
	f.same("by user, ordered by provider and subject", w.Identities, []mapae.Identity{bare, full, theirs})
}

func identitiesMissing(f *fixture) {
	a := newUser(1)
	i := newIdentity(a, 1)
	f.add(a, i)
	for _, x := range [][2]string{{i.Provider, "subject"}, {"provider", i.Subject}, {i.Subject, i.Provider}, {"", ""}, {i.Provider, ""}, {i.Provider + i.Subject, ""}} {
		_, _, err := f.store.Identity(f.ctx, x[0], x[1])
		f.answers(x[0]+", "+x[1], err, mapae.ErrNotFound)
	}
	list, err := f.store.Identities(f.ctx, newUser(2).ID)
	f.answers("of another user", err, nil)
	f.same("of another user", len(list), 0)
}

func identitiesUnique(f *fixture) {
	a, b := newUser(1), newUser(2)
	mine := newIdentity(a, 1)
	f.add(a, b, mine)
	stolen, elsewhere := newIdentity(b, 1), newIdentity(b, 1)
	elsewhere.Provider = "another"
	f.update(func(tx mapae.Tx) error {
		f.answers("another's", tx.AddIdentity(f.ctx, stolen), mapae.ErrExists)
		f.answers("one's own", tx.AddIdentity(f.ctx, mine), mapae.ErrExists)
		return tx.AddIdentity(f.ctx, elsewhere)
	})
	f.same("identities", f.world(a.ID, b.ID).Identities, []mapae.Identity{mine, elsewhere})
}

func identitiesNeedUser(f *fixture) {
	f.breaks("without a user", func(tx mapae.Tx) error { return tx.AddIdentity(f.ctx, newIdentity(newUser(1), 1)) })
}

func identitiesOwned(f *fixture) {
	a, b := newUser(1), newUser(2)
	mine, theirs := newIdentity(a, 1), newIdentity(b, 2)
	f.add(a, b, mine, theirs)
	f.update(func(tx mapae.Tx) error {
		f.answers("remove another's", tx.RemoveIdentity(f.ctx, a.ID, theirs.Provider, theirs.Subject), mapae.ErrNotFound)
		f.answers("touch another's", tx.TouchIdentity(f.ctx, a.ID, theirs.Provider, theirs.Subject, when(0)), mapae.ErrNotFound)
		f.answers("remove what is not there", tx.RemoveIdentity(f.ctx, a.ID, mine.Provider, "nobody"), mapae.ErrNotFound)
		f.answers("touch what is not there", tx.TouchIdentity(f.ctx, a.ID, "nowhere", mine.Subject, when(0)), mapae.ErrNotFound)
		return nil
	})
	f.same("nothing changed", f.world(a.ID, b.ID).Identities, []mapae.Identity{mine, theirs})
	f.update(func(tx mapae.Tx) error { return tx.RemoveIdentity(f.ctx, a.ID, mine.Provider, mine.Subject) })
	f.same("removed", f.world(a.ID, b.ID).Identities, []mapae.Identity{theirs})
	f.add(mine)
	f.same("linked again", f.world(a.ID).Identities, []mapae.Identity{mine})
}

func identitiesTouched(f *fixture) {
	a := newUser(1)
	i := newIdentity(a, 1)
	f.add(a, i)
	for _, at := range []time.Time{when(time.Hour), when(0), when(time.Hour)} {
		f.update(func(tx mapae.Tx) error { return tx.TouchIdentity(f.ctx, a.ID, i.Provider, i.Subject, at) })
		i.LastUsedAt = when(time.Hour)
		f.same("identity", f.world(a.ID).Identities, []mapae.Identity{i})
	}
}

func raceIdentity(f *fixture, n int) {
	users := []mapae.User{newUser(2 * n), newUser(2*n + 1)}
	f.add(users[0], users[1])
	f.once(f.at(func(i int) (bool, error) {
		return f.unless(mapae.ErrExists, func(tx mapae.Tx) error { return tx.AddIdentity(f.ctx, newIdentity(users[i%2], n)) })
	}))
}

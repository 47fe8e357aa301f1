package storetest

import (
	"bytes"
	"context"
	"time"

	"github.com/mapae/mapae"
)

var mails = []test{
	{"come back byte for byte when they are claimed", mailsComeBack},
	{"are claimed when they are due, those that are due longest first", mailsDue},
	{"that are claimed are claimed again only when the claim has run out", mailsClaimed},
	{"are delayed and removed once", mailsDelayed},
	{"have an ID that is there once, and need no user", mailsAlone},
	{"that were claimed in a transaction that failed are not", mailsUndone},
	{"are listed page by page, due or not", mailsListed},
	{"are replaced by who knows what they held", mailsReplaced},
	{"share no bytes with who wrote and who claimed them", mailsCopied},
}

// holds demands that the outbox holds these mails, those that are due longest
// first.
func (f *fixture) holds(want ...mapae.Mail) {
	f.Helper()
	got, err := readOutbox(f.ctx, f.store)
	f.answers("read the outbox", err, nil)
	for i := range want {
		want[i].DueAt = time.Time{}
	}
	f.same("the outbox", got, append([]mapae.Mail(nil), want...))
}

// readOutbox returns all mails, those that are due longest first, as they are
// but for DueAt, which it leaves out: it claims them one by one, and undoes it.
func readOutbox(ctx context.Context, s mapae.Store) (list []mapae.Mail, err error) {
	end := when(100 * 365 * 24 * time.Hour)
	err = s.Update(ctx, func(tx mapae.Tx) error {
		list = nil
		for {
			next, err := tx.ClaimMail(ctx, end, end.Add(time.Hour), 1)
			if err != nil {
				return err
			}
			if len(next) == 0 {
				return errChanged
			}
			next[0].Attempts, next[0].DueAt = next[0].Attempts-1, time.Time{}
			list = append(list, next[0])
		}
	})
	if is(err, errChanged) {
		err = nil
	}
	return list, err
}

// claims demands that a claim at now of at most limit mails, for an hour,
// returns these.
func (f *fixture) claims(now time.Time, limit int, want ...mapae.Mail) {
	f.Helper()
	var got []mapae.Mail
	f.update(func(tx mapae.Tx) (err error) {
		got, err = tx.ClaimMail(f.ctx, now, now.Add(time.Hour), limit)
		return err
	})
	f.same("claimed", got, append([]mapae.Mail(nil), want...))
}

// claimed returns m as its n-th claim at now returns it.
func claimed(m mapae.Mail, now time.Time, n int) mapae.Mail {
	m.DueAt, m.Attempts = now.Add(time.Hour), n
	return m
}

func mailsComeBack(f *fixture) {
	u := newUser(1)
	f.add(u)
	full, bare, odd := newMail(u, 1), mapae.Mail{ID: mapae.MailID(nonce(2)[:16])}, newMail(u, 3)
	full.To, full.Kind, full.Locale = "zoë@例え.テスト", "kind '; DROP", "zh-Hant"
	full.Data, full.LastError, full.Attempts = bytes.Repeat([]byte{0, 0xff}, 4096), "550 5.1.1 no\r\n", 1<<30
	odd.CreatedAt, odd.DueAt = when(1999*time.Nanosecond), when(-time.Hour+1999*time.Nanosecond)
	f.add(full, bare, odd)
	odd.CreatedAt = when(time.Microsecond)
	now := when(time.Minute)
	f.claims(now, 10, claimed(full, now, 1<<30+1), claimed(odd, now, 1), claimed(bare, now, 1))
}

func mailsDue(f *fixture) {
	u := newUser(1)
	one, two, three, twin := newMail(u, 1), newMail(u, 2), newMail(u, 3), newMail(u, 4)
	one.DueAt, two.DueAt, three.DueAt, twin.DueAt = when(time.Minute), when(time.Second), when(2*time.Minute), when(time.Second)
	f.add(u, one, two, three, twin)
	f.claims(when(time.Second-time.Microsecond), 10)
	now := when(time.Minute)
	f.claims(now, 1, claimed(two, now, 1))
	f.claims(now, 2, claimed(one, now, 1), claimed(twin, now, 1))
	f.claims(now, 10)
	f.holds(three, claimed(one, now, 1), claimed(two, now, 1), claimed(twin, now, 1))
}

func mailsClaimed(f *fixture) {
	u := newUser(1)
	m := newMail(u, 1)
	f.add(u, m)
	now := when(time.Minute)
	f.claims(now, 10, claimed(m, now, 1))
	f.claims(now.Add(time.Hour-time.Microsecond), 10)
	f.claims(now.Add(time.Hour), 10, claimed(m, now.Add(time.Hour), 2))
	f.holds(claimed(m, now, 2))
}

func mailsDelayed(f *fixture) {
	u := newUser(1)
	m, other := newMail(u, 1), newMail(u, 2)
	f.add(u, m, other)
	now := when(time.Minute)
	f.claims(now, 10, claimed(m, now, 1), claimed(other, now, 1))
	f.update(func(tx mapae.Tx) error { return tx.DelayMail(f.ctx, m.ID, now.Add(time.Second), "451 later") })
	m.LastError = "451 later"
	f.claims(now.Add(time.Second-time.Microsecond), 10)
	now = now.Add(time.Second)
	f.claims(now, 10, claimed(m, now, 2))
	f.update(func(tx mapae.Tx) error { return tx.RemoveMail(f.ctx, m.ID) })
	f.update(func(tx mapae.Tx) error {
		f.answers("remove twice", tx.RemoveMail(f.ctx, m.ID), mapae.ErrNotFound)
		f.answers("delay what is gone", tx.DelayMail(f.ctx, m.ID, now, ""), mapae.ErrNotFound)
		f.answers("remove nothing", tx.RemoveMail(f.ctx, ""), mapae.ErrNotFound)
		return nil
	})
	f.holds(claimed(other, now, 1))
}

func mailsAlone(f *fixture) {
	u := newUser(1)
	m := newMail(u, 1)
	f.add(m) // no such user: the store need not know
	again := newMail(u, 1)
	again.To = "another"
	f.breaks("the same ID twice", func(tx mapae.Tx) error { return tx.AddMail(f.ctx, again) })
	f.holds(m)
}

func mailsUndone(f *fixture) {
	u := newUser(1)
	m := newMail(u, 1)
	f.add(u, m)
	err := f.store.Update(f.ctx, func(tx mapae.Tx) error {
		list, err := tx.ClaimMail(f.ctx, when(time.Minute), when(time.Hour), 10)
		f.answers("claim", err, nil)
		f.same("claimed", len(list), 1)
		return errChanged
	})
	f.answers("update", err, errChanged)
	now := when(time.Minute)
	f.claims(now, 10, claimed(m, now, 1))
}

func mailsListed(f *fixture) {
	u := newUser(1)
	one, two, three := newMail(u, 1), newMail(mapae.User{}, 2), newMail(u, 3)
	two.DueAt, two.Attempts, two.LastError = when(time.Hour), 3, "451 later"
	f.add(u, three, one, two)
	list := func(what string, r mapae.Reader, after mapae.MailID, limit int, want ...mapae.Mail) {
		f.Helper()
		got, err := r.Mails(f.ctx, after, limit)
		f.answers(what, err, nil)
		f.same(what, append([]mapae.Mail{}, got...), append([]mapae.Mail{}, want...))
	}
	list("all", f.store, "", 9, one, two, three)
	list("the first two", f.store, "", 2, one, two)
	list("those after the second", f.store, two.ID, 2, three)
	list("those after the last", f.store, three.ID, 2)
	f.update(func(tx mapae.Tx) error {
		list("in a transaction", tx, one.ID, 1, two)
		return tx.RemoveMail(f.ctx, two.ID)
	})
	list("what is left", f.store, "", 9, one, three)
	got, err := f.store.Mails(f.ctx, "", 1)
	f.answers("again", err, nil)
	clear(got[0].Data)
	list("after writing into what came out", f.store, "", 1, one)
}

func mailsReplaced(f *fixture) {
	u := newUser(1)
	m, other := newMail(u, 1), newMail(u, 2)
	f.add(u, m, other)
	replace := func(what string, id mapae.MailID, data, old []byte, want bool) {
		f.Helper()
		f.tells(what, want, func(tx mapae.Tx) (bool, error) { return tx.ReplaceMail(f.ctx, id, data, old) })
	}
	next := []byte("sealed anew")
	replace("one that is not there", newMail(u, 3).ID, next, m.Data, false)
	replace("not knowing", m.ID, next, other.Data, false)
	replace("knowing a part", m.ID, next, m.Data[:len(m.Data)-1], false)
	replace("knowing nothing", m.ID, next, nil, false)
	f.holds(m, other)
	replace("knowing", m.ID, next, m.Data, true)
	replace("knowing what it held before", m.ID, next, m.Data, false)
	m.Data = []byte("sealed anew")
	clear(next)
	f.holds(m, other)
}

func mailsCopied(f *fixture) {
	m := newMail(newUser(1), 1)
	given := m
	given.Data = bytes.Clone(m.Data)
	f.add(given)
	clear(given.Data)
	f.update(func(tx mapae.Tx) error {
		list, err := tx.ClaimMail(f.ctx, when(time.Minute), when(time.Hour), 1)
		if err == nil {
			clear(list[0].Data)
		}
		return err
	})
	f.claims(when(time.Hour), 1, claimed(m, when(time.Hour), 2))
}

// raceClaim lets all racers claim mails three at a time until none is left.
func raceClaim(f *fixture, n int) {
	const each = 20
	var all []any
	for i := range each {
		all = append(all, newMail(mapae.User{}, n*each+i))
	}
	f.add(all...)
	now := when(time.Duration((n+1)*each) * time.Second)
	claims := make([]map[mapae.MailID]int, racers)
	f.at(func(i int) (bool, error) {
		claims[i] = map[mapae.MailID]int{}
		for {
			var got []mapae.Mail
			err := f.store.Update(f.ctx, func(tx mapae.Tx) (err error) {
				got, err = tx.ClaimMail(f.ctx, now, now.AddDate(1, 0, 0), 3)
				return err
			})
			if err != nil || len(got) == 0 {
				return true, err
			}
			for _, m := range got {
				claims[i][m.ID] += m.Attempts
			}
		}
	})
	total := map[mapae.MailID]int{}
	for _, c := range claims {
		for id, attempts := range c {
			total[id] += attempts
		}
	}
	f.same("mails claimed", len(total), each)
	for id, attempts := range total {
		f.same("claims of mail "+id.String(), attempts, 1)
	}
	f.update(func(tx mapae.Tx) error { // an outbox that grows from round to round is another test
		for id := range total {
			if err := tx.RemoveMail(f.ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func raceRemoveMail(f *fixture, n int) {
	m := newMail(mapae.User{}, n)
	f.add(m)
	f.once(f.at(func(int) (bool, error) {
		return f.unless(mapae.ErrNotFound, func(tx mapae.Tx) error { return tx.RemoveMail(f.ctx, m.ID) })
	}))
}

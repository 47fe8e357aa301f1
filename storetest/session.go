package storetest

import (
	"bytes"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

var sessions = []test{
	{"come back byte for byte with their user", sessionsComeBack},
	{"live until the first of their two ends", sessionsEnds},
	{"die with the user's epoch and while the user is disabled", sessionsUser},
	{"are found by their whole token only", sessionsToken},
	{"are listed newest first", sessionsListed},
	{"are touched forward, never back", sessionsTouched},
	{"are ended by their owner only", sessionsEnded},
	{"end all at once but one", sessionsEndedAll},
	{"share no bytes with the caller", sessionsCopied},
}

// bare returns an admission of s without spend, credential or event.
func bare(s mapae.Session) mapae.Admission { return mapae.Admission{Session: s} }

func sessionsComeBack(f *fixture) {
	u := newUser(1)
	u.Epoch = 1 << 40
	f.add(u)
	full := newSession(u, 1)
	full.TokenHash[0], full.TokenHash[31] = 0, 0xff
	full.Uses = []mapae.Use{
		{Method: mapae.MethodPasskey, At: when(-time.Microsecond), Credential: bytes.Repeat([]byte{0, 0xff, '"'}, 341), UserVerified: true},
		{Method: mapae.MethodPassword, At: when(-2 * time.Hour)},
		{Method: mapae.MethodTOTP},
	}
	full.App, full.Address, full.UserAgent = true, "2001:db8::1", strings.Repeat("é\"", 85)
	full.CreatedAt, full.SeenAt = when(-time.Microsecond), when(time.Microsecond)
	none := newSession(u, 2)
	none.Uses = nil
	for _, want := range []mapae.Session{full, none} {
		f.signIn(bare(want))
		got, owner, err := f.store.Session(f.ctx, want.ID, want.TokenHash, when(0))
		f.answers("session", err, nil)
		f.same("session", got, want)
		f.same("its user", owner, u)
		f.update(func(tx mapae.Tx) error {
			got, _, err = tx.Session(f.ctx, want.ID, want.TokenHash, when(0))
			return err
		})
		f.same("session in a transaction", got, want)
	}
}

func sessionsEnds(f *fixture) {
	u := newUser(1)
	f.add(u)
	idle, absolute := newSession(u, 1), newSession(u, 2)
	absolute.IdleEndsAt, absolute.EndsAt = idle.EndsAt, idle.IdleEndsAt
	for _, s := range []mapae.Session{idle, absolute} {
		f.signIn(bare(s))
		for _, c := range []struct {
			now  time.Time
			want error
		}{
			{when(time.Hour - time.Microsecond), nil},
			{when(time.Hour - time.Nanosecond), nil},
			{when(time.Hour), mapae.ErrNotFound},
			{when(time.Hour + time.Microsecond), mapae.ErrNotFound},
		} {
			_, _, err := f.store.Session(f.ctx, s.ID, s.TokenHash, c.now)
			f.answers(c.now.String(), err, c.want)
			list, err := f.store.Sessions(f.ctx, u.ID, c.now)
			f.answers("Sessions", err, nil)
			f.same("listed at "+c.now.String(), len(list) > 0, c.want == nil)
		}
		f.update(func(tx mapae.Tx) error { return tx.EndSession(f.ctx, u.ID, s.ID) })
	}
}

func sessionsUser(f *fixture) {
	u, other := newUser(1), newUser(2)
	f.add(u, other)
	s := newSession(u, 1)
	f.signIn(bare(s))
	f.signIn(bare(newSession(other, 2)))
	for _, c := range []struct {
		name   string
		change func(*mapae.User)
		want   error
	}{
		{"epoch raised", func(u *mapae.User) { u.Epoch++ }, mapae.ErrNotFound},
		{"epoch lowered", func(u *mapae.User) { u.Epoch-- }, mapae.ErrNotFound},
		{"disabled", func(u *mapae.User) { u.DisabledAt = when(24 * time.Hour) }, mapae.ErrNotFound},
		{"as before", func(*mapae.User) {}, nil},
	} {
		changed := u
		c.change(&changed)
		f.update(func(tx mapae.Tx) error { return tx.UpdateUser(f.ctx, changed) })
		_, _, err := f.store.Session(f.ctx, s.ID, s.TokenHash, when(0))
		f.answers(c.name, err, c.want)
		list, err := f.store.Sessions(f.ctx, u.ID, when(0))
		f.answers("Sessions", err, nil)
		f.same(c.name+": listed", len(list) == 1, c.want == nil)
		list, err = f.store.Sessions(f.ctx, other.ID, when(0))
		f.answers("Sessions", err, nil)
		f.same(c.name+": the other user's", len(list), 1)
	}
}

func sessionsToken(f *fixture) {
	u := newUser(1)
	f.add(u)
	a, b := newSession(u, 1), newSession(u, 2)
	f.signIn(bare(a))
	f.signIn(bare(b))
	wrong := a.TokenHash
	wrong[31] ^= 1
	for name, hash := range map[string][32]byte{"last bit": wrong, "zero": {}, "another session's": b.TokenHash} {
		_, _, err := f.store.Session(f.ctx, a.ID, hash, when(0))
		f.answers(name, err, mapae.ErrNotFound)
	}
	for name, id := range map[string]mapae.SessionID{"no ID": "", "cut": a.ID[:15], "not there": mapae.SessionID(timed(when(0), 3))} {
		_, _, err := f.store.Session(f.ctx, id, a.TokenHash, when(0))
		f.answers(name, err, mapae.ErrNotFound)
	}
}

func sessionsListed(f *fixture) {
	a, b := newUser(1), newUser(2)
	f.add(a, b)
	for _, n := range []int{2, 4, 1, 3} {
		f.signIn(bare(newSession(a, n)))
	}
	f.signIn(bare(newSession(b, 5)))
	got, err := f.store.Sessions(f.ctx, a.ID, when(0))
	f.answers("Sessions", err, nil)
	f.same("sessions", got, []mapae.Session{newSession(a, 4), newSession(a, 3), newSession(a, 2), newSession(a, 1)})
}

func sessionsTouched(f *fixture) {
	u := newUser(1)
	f.add(u)
	s := newSession(u, 1)
	f.signIn(bare(s))
	for _, c := range []struct {
		name           string
		seen, idle     time.Duration
		wantS, wantEnd time.Duration
	}{
		{"both forward", time.Minute, 2 * time.Hour, time.Minute, 2 * time.Hour},
		{"both back", time.Second, time.Hour, time.Minute, 2 * time.Hour},
		{"only seen forward", 2 * time.Minute, time.Hour, 2 * time.Minute, 2 * time.Hour},
		{"only the end forward", time.Minute, 3 * time.Hour, 2 * time.Minute, 3 * time.Hour},
	} {
		f.update(func(tx mapae.Tx) error { return tx.TouchSession(f.ctx, s.ID, when(c.seen), when(c.idle)) })
		s.SeenAt, s.IdleEndsAt = when(c.wantS), when(c.wantEnd)
		f.same(c.name, f.world(u.ID).Sessions, []mapae.Session{s})
	}
	f.update(func(tx mapae.Tx) error {
		return tx.TouchSession(f.ctx, newSession(u, 2).ID, when(time.Hour), when(time.Hour))
	})
	f.same("one that is gone", f.world(u.ID).Sessions, []mapae.Session{s})
}

func sessionsEnded(f *fixture) {
	a, b := newUser(1), newUser(2)
	f.add(a, b)
	s, other := newSession(a, 1), newSession(a, 2)
	f.signIn(bare(s))
	f.signIn(bare(other))
	f.update(func(tx mapae.Tx) error {
		f.answers("another's", tx.EndSession(f.ctx, b.ID, s.ID), mapae.ErrNotFound)
		return nil
	})
	f.same("nothing ended", len(f.world(a.ID).Sessions), 2)
	f.update(func(tx mapae.Tx) error { return tx.EndSession(f.ctx, a.ID, s.ID) })
	f.same("one ended", f.world(a.ID).Sessions, []mapae.Session{other})
	_, _, err := f.store.Session(f.ctx, s.ID, s.TokenHash, when(0))
	f.answers("by its token", err, mapae.ErrNotFound)
	f.update(func(tx mapae.Tx) error {
		f.answers("twice", tx.EndSession(f.ctx, a.ID, s.ID), mapae.ErrNotFound)
		return nil
	})
}

func sessionsEndedAll(f *fixture) {
	a, b := newUser(1), newUser(2)
	f.add(a, b)
	for n := range 3 {
		f.signIn(bare(newSession(a, n)))
	}
	f.signIn(bare(newSession(b, 9)))
	end := func(but mapae.SessionID, want int) {
		f.Helper()
		f.update(func(tx mapae.Tx) error {
			n, err := tx.EndSessions(f.ctx, a.ID, but)
			f.same("ended", n, want)
			return err
		})
	}
	end(newSession(a, 1).ID, 2)
	f.same("all but one", f.world(a.ID, b.ID).Sessions, []mapae.Session{newSession(a, 1), newSession(b, 9)})
	end(newSession(b, 9).ID, 1)
	end("", 0)
	f.same("all", f.world(a.ID, b.ID).Sessions, []mapae.Session{newSession(b, 9)})
}

func sessionsCopied(f *fixture) {
	u := newUser(1)
	f.add(u)
	s := newSession(u, 1)
	s.Uses[0].Credential = []byte("id")
	f.signIn(bare(s))
	s.Uses[0].Credential[0] = 'X'
	s.Uses[0].Method = "X"
	read := f.world(u.ID).Sessions
	read[0].Uses[0].Credential[0] = 'Y'
	want := newSession(u, 1)
	want.Uses[0].Credential = []byte("id")
	f.same("after writing into what went in and came out", f.world(u.ID).Sessions, []mapae.Session{want})
}

package storetest

import (
	"bytes"
	"math"
	"time"

	"github.com/mapae/mapae"
)

var secrets = []test{
	{"come back byte for byte", secretsComeBack},
	{"are listed by ID, of one kind or all", secretsListed},
	{"are found by their data, of one kind and by their owner only", secretsFound},
	{"are listed by root key, page by page, whoever's they are", secretsListedUnder},
	{"need a user and an ID of their own", secretsNeed},
	{"are removed by kind and by their owner only", secretsRemoved},
	{"are used once and by their owner only", secretsUsed},
	{"step up only and by their owner only", secretsStepped},
	{"are replaced by who knows what they held and by their owner only", secretsReplaced},
	{"go with their user", secretsGo},
	{"share no bytes with the caller", secretsCopied},
}

// secretsOf returns a user's secrets of all kinds.
func (f *fixture) secretsOf(u mapae.User) []mapae.Secret {
	f.Helper()
	list, err := f.store.Secrets(f.ctx, u.ID, "")
	f.answers("Secrets", err, nil)
	return list
}

// tells demands that do, in a transaction that commits, tells want.
func (f *fixture) tells(what string, want bool, do func(tx mapae.Tx) (bool, error)) {
	f.Helper()
	f.update(func(tx mapae.Tx) error {
		got, err := do(tx)
		f.same(what, got, want)
		return err
	})
}

func secretsComeBack(f *fixture) {
	u := newUser(1)
	full := newSecret(u, mapae.SecretTOTP, 2)
	full.Data = bytes.Repeat([]byte{0, 0xff, '"', 0xc3}, 256)
	full.KeyID, full.Step = "schlüssel \"1\" \U0001F511", math.MaxInt64
	full.CreatedAt, full.UsedAt = when(999*time.Nanosecond), when(time.Microsecond)
	low := newSecret(u, "x", 3)
	low.Step, low.CreatedAt = math.MinInt64, time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	none := mapae.Secret{ID: timed(when(0), 4), UserID: u.ID, Kind: mapae.SecretRecoveryCode}
	f.add(u, full, low, none)
	full.CreatedAt = when(0)
	want := []mapae.Secret{full, low, none}
	f.same("secrets", f.secretsOf(u), want)
	f.update(func(tx mapae.Tx) error {
		got, err := tx.Secrets(f.ctx, u.ID, "")
		f.same("secrets in a transaction", got, want)
		return err
	})
}

func secretsListed(f *fixture) {
	a, b := newUser(1), newUser(2)
	f.add(a, b, newSecret(b, mapae.SecretPassword, 5))
	for _, n := range []int{3, 1, 4, 2} {
		f.add(newSecret(a, []mapae.SecretKind{mapae.SecretPassword, mapae.SecretRecoveryCode}[n%2], n))
	}
	for _, c := range []struct {
		name string
		user mapae.UserID
		kind mapae.SecretKind
		want []int
	}{
		{"of all kinds", a.ID, "", []int{1, 2, 3, 4}},
		{"of one kind", a.ID, mapae.SecretPassword, []int{2, 4}},
		{"of another kind", a.ID, mapae.SecretRecoveryCode, []int{1, 3}},
		{"of a kind that is not there", a.ID, mapae.SecretTOTP, nil},
		{"of a kind whose name begins so", a.ID, "pass", nil},
		{"another's", b.ID, "", []int{5}},
		{"nobody's", newUser(3).ID, "", nil},
	} {
		list, err := f.store.Secrets(f.ctx, c.user, c.kind)
		f.answers(c.name, err, nil)
		var got []int
		for _, s := range list {
			got = append(got, int(s.ID[15]))
		}
		f.same(c.name, got, c.want)
	}
}

func secretsFound(f *fixture) {
	a, b := newUser(1), newUser(2)
	code, password := mapae.SecretRecoveryCode, mapae.SecretPassword
	used, other, theirs, empty := newSecret(a, code, 1), newSecret(a, code, 2), newSecret(b, code, 3), newSecret(a, mapae.SecretTOTP, 4)
	second, first := newSecret(a, password, 7), newSecret(a, password, 6)
	used.UsedAt, empty.Data = when(time.Minute), nil
	first.Data, second.Data = bytes.Repeat([]byte{0xff, 0}, 512), bytes.Repeat([]byte{0xff, 0}, 512)
	f.add(a, b, used, other, theirs, empty, second, first)
	for _, c := range []struct {
		name string
		user mapae.UserID
		kind mapae.SecretKind
		data []byte
		want mapae.Secret // zero: not found
	}{
		{"own", a.ID, code, other.Data, other},
		{"a used one", a.ID, code, used.Data, used},
		{"the one with the lowest ID", a.ID, password, first.Data, first},
		{"an empty one", a.ID, mapae.SecretTOTP, nil, empty},
		{"another's", a.ID, code, theirs.Data, mapae.Secret{}},
		{"own, asked for by another", b.ID, code, other.Data, mapae.Secret{}},
		{"of another kind", a.ID, password, other.Data, mapae.Secret{}},
		{"of no kind", a.ID, "", other.Data, mapae.Secret{}},
		{"by a part", a.ID, code, other.Data[:len(other.Data)-1], mapae.Secret{}},
		{"by more", a.ID, code, append(bytes.Clone(other.Data), 0), mapae.Secret{}},
		{"by nothing", a.ID, code, nil, mapae.Secret{}},
		{"nobody's", newUser(3).ID, code, other.Data, mapae.Secret{}},
		{"without a user", "", code, other.Data, mapae.Secret{}},
	} {
		var wrong error
		if c.want.ID == "" {
			wrong = mapae.ErrNotFound
		}
		got, err := f.store.SecretByData(f.ctx, c.user, c.kind, c.data)
		f.answers(c.name, err, wrong)
		f.same(c.name, got, c.want)
		f.update(func(tx mapae.Tx) error {
			got, err := tx.SecretByData(f.ctx, c.user, c.kind, c.data)
			f.answers(c.name+", in a transaction", err, wrong)
			f.same(c.name+", in a transaction", got, c.want)
			return nil
		})
	}
	got, err := f.store.SecretByData(f.ctx, a.ID, code, other.Data)
	f.answers("again", err, nil)
	clear(got.Data)
	f.same("after writing into what came out", f.secretsOf(a)[1], other)
}

func secretsListedUnder(f *fixture) {
	a, b := newUser(1), newUser(2)
	f.add(a, b)
	for n, under := range []string{"old", "new", "old", "", "old", "OLD", "ol"} {
		s := newSecret([]mapae.User{a, b}[n%4/2], []mapae.SecretKind{mapae.SecretTOTP, mapae.SecretRecoveryCode}[n%2], n+1)
		s.KeyID = under
		f.add(s)
	}
	list := func(what string, r mapae.Reader, keyID, after string, limit int, want []int) []mapae.Secret {
		f.Helper()
		all, err := r.SecretsUnder(f.ctx, keyID, after, limit)
		f.answers(what, err, nil)
		var got []int
		for _, s := range all {
			got = append(got, int(s.ID[15]))
		}
		f.same(what, got, want)
		return all
	}
	page := list("the first page", f.store, "old", "", 2, []int{1, 3})
	f.same("owners", []mapae.UserID{page[0].UserID, page[1].UserID}, []mapae.UserID{a.ID, b.ID})
	f.same("whole", page[:1], f.secretsOf(a)[:1])
	list("the next page", f.store, "old", page[1].ID, 2, []int{5})
	list("under another key", f.store, "new", "", 9, []int{2})
	list("under no key", f.store, "", "", 9, []int{4})
	list("under a key that is not there", f.store, "o", "", 9, nil)
	f.update(func(tx mapae.Tx) error {
		s := page[0]
		s.KeyID = "new"
		replaced, err := tx.ReplaceSecret(f.ctx, s, s.Data)
		f.same("replaced", replaced, true)
		list("after one was replaced", tx, "old", "", 9, []int{3, 5})
		return err
	})
}

func secretsNeed(f *fixture) {
	a, b := newUser(1), newUser(2)
	s := newSecret(a, mapae.SecretTOTP, 1)
	f.add(a, b, s)
	taken := newSecret(b, mapae.SecretPassword, 1)
	f.breaks("an ID that is there", func(tx mapae.Tx) error { return tx.AddSecret(f.ctx, taken) })
	f.breaks("without a user", func(tx mapae.Tx) error { return tx.AddSecret(f.ctx, newSecret(newUser(9), "x", 2)) })
	f.same("a's", f.secretsOf(a), []mapae.Secret{s})
	f.same("b's", len(f.secretsOf(b)), 0)
}

func secretsRemoved(f *fixture) {
	a, b := newUser(1), newUser(2)
	code, totp, theirs := mapae.SecretRecoveryCode, newSecret(a, mapae.SecretTOTP, 3), newSecret(b, mapae.SecretRecoveryCode, 4)
	f.add(a, b, newSecret(a, code, 1), newSecret(a, code, 2), totp, theirs)
	remove := func(what string, kind mapae.SecretKind, want int) {
		f.Helper()
		f.update(func(tx mapae.Tx) error {
			n, err := tx.RemoveSecrets(f.ctx, a.ID, kind)
			f.same(what, n, want)
			return err
		})
	}
	remove("of a kind that is not there", mapae.SecretPassword, 0)
	remove("of no kind", "", 0)
	f.same("nothing removed", len(f.secretsOf(a)), 3)
	remove("two codes", code, 2)
	remove("again", code, 0)
	f.same("another kind stays", f.secretsOf(a), []mapae.Secret{totp})
	f.same("another's stays", f.secretsOf(b), []mapae.Secret{theirs})
}

func secretsUsed(f *fixture) {
	a, b := newUser(1), newUser(2)
	s, other := newSecret(a, mapae.SecretRecoveryCode, 1), newSecret(a, mapae.SecretRecoveryCode, 2)
	f.add(a, b, s, other)
	use := func(what string, user mapae.UserID, id string, at time.Time, want bool) {
		f.Helper()
		f.tells(what, want, func(tx mapae.Tx) (bool, error) { return tx.UseSecret(f.ctx, user, id, at) })
	}
	use("another's", b.ID, s.ID, when(0), false)
	use("one that is not there", a.ID, newSecret(a, "", 3).ID, when(0), false)
	use("without a time", a.ID, s.ID, time.Time{}, false)
	use("at a time that would be none", a.ID, s.ID, time.UnixMicro(0), false)
	f.same("nothing used", f.secretsOf(a), []mapae.Secret{s, other})
	use("the first time", a.ID, s.ID, when(999*time.Nanosecond), true)
	s.UsedAt = when(0)
	use("the second time", a.ID, s.ID, when(time.Hour), false)
	f.same("one used", f.secretsOf(a), []mapae.Secret{s, other})
	f.update(func(tx mapae.Tx) error {
		for _, want := range []bool{true, false} {
			first, err := tx.UseSecret(f.ctx, a.ID, other.ID, when(0))
			f.answers("use", err, nil)
			f.same("in one transaction", first, want)
		}
		return nil
	})
}

func secretsStepped(f *fixture) {
	a, b := newUser(1), newUser(2)
	s, other := newSecret(a, mapae.SecretTOTP, 1), newSecret(a, mapae.SecretTOTP, 2)
	s.Step = 10
	f.add(a, b, s, other)
	for _, c := range []struct {
		name string
		user mapae.UserID
		id   string
		step int64
		want bool
	}{
		{"another's", b.ID, s.ID, 11, false},
		{"one that is not there", a.ID, newSecret(a, "", 3).ID, 11, false},
		{"to where it is", a.ID, s.ID, 10, false},
		{"back", a.ID, s.ID, 9, false},
		{"below zero", a.ID, s.ID, -11, false},
		{"by one", a.ID, s.ID, 11, true},
		{"to the same again", a.ID, s.ID, 11, false},
		{"far", a.ID, s.ID, math.MaxInt64, true},
		{"back from the end", a.ID, s.ID, math.MaxInt64 - 1, false},
	} {
		f.tells(c.name, c.want, func(tx mapae.Tx) (bool, error) { return tx.StepSecret(f.ctx, c.user, c.id, c.step) })
		if c.want {
			s.Step = c.step
		}
		f.same(c.name+": secrets", f.secretsOf(a), []mapae.Secret{s, other})
	}
}

func secretsReplaced(f *fixture) {
	a, b := newUser(1), newUser(2)
	s, other := newSecret(a, mapae.SecretPassword, 1), newSecret(a, mapae.SecretPassword, 2)
	s.Step, s.UsedAt = 3, when(time.Minute)
	f.add(a, b, s, other)
	next := mapae.Secret{ID: s.ID, UserID: a.ID, Kind: "other", Data: []byte{0, 1}, KeyID: "k2", Step: 9, CreatedAt: when(0)}
	foreign, missing := next, next
	foreign.UserID, missing.ID = b.ID, newSecret(a, "", 3).ID
	replace := func(what string, with mapae.Secret, old []byte, want bool) {
		f.Helper()
		f.tells(what, want, func(tx mapae.Tx) (bool, error) { return tx.ReplaceSecret(f.ctx, with, old) })
	}
	replace("another's", foreign, s.Data, false)
	replace("one that is not there", missing, s.Data, false)
	replace("not knowing", next, other.Data, false)
	replace("knowing a part", next, s.Data[:len(s.Data)-1], false)
	replace("knowing nothing", next, nil, false)
	f.same("nothing replaced", f.secretsOf(a), []mapae.Secret{s, other})
	replace("knowing", next, s.Data, true)
	replace("knowing what it held before", next, s.Data, false)
	s.Data, s.KeyID = next.Data, next.KeyID
	f.same("data and key replaced", f.secretsOf(a), []mapae.Secret{s, other})
	replace("by the same", next, s.Data, true)
	next.Data = nil
	replace("by nothing", next, s.Data, true)
	replace("knowing that it is empty", next, nil, true)
	s.Data = nil
	f.same("empty", f.secretsOf(a), []mapae.Secret{s, other})
}

func secretsGo(f *fixture) {
	a, b := newUser(1), newUser(2)
	mine, theirs := newSecret(a, mapae.SecretPassword, 1), newSecret(b, mapae.SecretPassword, 2)
	f.add(a, b, mine, theirs)
	f.update(func(tx mapae.Tx) error { return tx.DeleteUser(f.ctx, a.ID) })
	f.same("of a user that is gone", len(f.secretsOf(a)), 0)
	f.same("another's", f.secretsOf(b), []mapae.Secret{theirs})
	f.tells("use after the user is gone", false, func(tx mapae.Tx) (bool, error) {
		return tx.UseSecret(f.ctx, a.ID, mine.ID, when(0))
	})
	f.add(a)
	f.same("a user of the same ID inherits none", len(f.secretsOf(a)), 0)
	f.add(mine)
}

func secretsCopied(f *fixture) {
	u := newUser(1)
	s, want := newSecret(u, mapae.SecretPassword, 1), newSecret(u, mapae.SecretPassword, 1)
	f.add(u, s)
	clear(s.Data)
	clear(f.secretsOf(u)[0].Data)
	f.same("after writing into what went in and came out", f.secretsOf(u), []mapae.Secret{want})
	next := want
	next.Data = []byte("next")
	f.tells("replace", true, func(tx mapae.Tx) (bool, error) { return tx.ReplaceSecret(f.ctx, next, want.Data) })
	clear(next.Data)
	f.same("after writing into what replaced it", string(f.secretsOf(u)[0].Data), "next")
}

package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

var users = []test{
	{"come back byte for byte", usersComeBack},
	{"that nobody added are not found", usersMissing},
	{"have unique IDs, login keys, keys of proven addresses and external IDs, and the transaction goes on", usersUnique},
	{"are found by the key of a proven address", usersByEmail},
	{"are found by the ID of the application around it", usersByExternalID},
	{"are listed by ID, a page at a time", usersListed},
	{"change in all but ID and creation", usersChange},
	{"do not change into one another", usersChangeUnique},
	{"take all that is theirs but events when they go", usersGo},
}

// oddUsers are users that a careless store would bend.
func oddUsers() []mapae.User {
	full := newUser(1)
	full.Login, full.LoginKey, full.Name = "Zoë@例え.テスト", "zoë@例え.テスト", "조에 \U0001F511 \"'; DROP"
	full.Email, full.Locale, full.ExternalID = strings.Repeat("a", 242)+"@example.com", "ko-KR", "urn:x:Ünïque/1"
	full.EmailVerifiedAt, full.DisabledAt, full.Epoch = when(time.Microsecond), when(2*time.Microsecond), 1<<62
	full.EmailKey, full.FrozenUntil = "zoë@例え.テスト", when(3*time.Microsecond)
	full.OfferAfter = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	full.CreatedAt = time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	one := newUser(2)
	one.ID = "\x00"
	long := newUser(3)
	long.ID = mapae.UserID(strings.Repeat("\xff\x00\xc3\x28", 16))
	bare := mapae.User{ID: "\x00\x00", LoginKey: "A"}
	lower := mapae.User{ID: "\x00\x01", LoginKey: "a"}
	return []mapae.User{full, one, long, bare, lower}
}

func usersComeBack(f *fixture) {
	for _, u := range oddUsers() {
		f.add(u)
	}
	for _, u := range oddUsers() {
		got, err := f.store.User(f.ctx, u.ID)
		f.answers("by ID", err, nil)
		f.same("by ID", got, u)
		got, err = f.store.UserByLogin(f.ctx, u.LoginKey)
		f.answers("by login", err, nil)
		f.same("by login", got, u)
		f.update(func(tx mapae.Tx) error {
			got, err = tx.LockUser(f.ctx, u.ID)
			return err
		})
		f.same("locked", got, u)
	}
	elsewhere := newUser(9)
	elsewhere.CreatedAt = when(999 * time.Nanosecond).In(time.FixedZone("", 9*3600))
	f.add(elsewhere)
	got, err := f.store.User(f.ctx, elsewhere.ID)
	f.answers("user", err, nil)
	f.same("a time is cut to microseconds, in UTC", got.CreatedAt, when(0))
}

func usersMissing(f *fixture) {
	f.add(newUser(1))
	none := newUser(2)
	_, err := f.store.User(f.ctx, none.ID)
	f.answers("User", err, mapae.ErrNotFound)
	_, err = f.store.User(f.ctx, "")
	f.answers("User of no ID", err, mapae.ErrNotFound)
	for _, key := range []string{none.LoginKey, "", "Person1@example.com", "person1@example.com ", "person_@example.com"} {
		_, err = f.store.UserByLogin(f.ctx, key)
		f.answers("UserByLogin "+key, err, mapae.ErrNotFound)
	}
	f.update(func(tx mapae.Tx) error {
		_, err := tx.LockUser(f.ctx, none.ID)
		f.answers("LockUser", err, mapae.ErrNotFound)
		f.answers("UpdateUser", tx.UpdateUser(f.ctx, none), mapae.ErrNotFound)
		f.answers("DeleteUser", tx.DeleteUser(f.ctx, none.ID), mapae.ErrNotFound)
		return nil
	})
}

func usersListed(f *fixture) {
	all := oddUsers()
	for _, u := range all {
		f.add(u)
	}
	slices.SortFunc(all, func(a, b mapae.User) int { return strings.Compare(string(a.ID), string(b.ID)) })
	var pages []mapae.User
	for after := mapae.UserID(""); ; {
		page, err := f.store.Users(f.ctx, after, 2)
		f.answers("Users", err, nil)
		if len(page) > 2 {
			f.Errorf("a page of %d", len(page))
		}
		if len(page) == 0 {
			break
		}
		pages, after = append(pages, page...), page[len(page)-1].ID
	}
	f.same("users", pages, all)
}

func usersUnique(f *fixture) {
	first := newUser(1)
	first.ExternalID, first.EmailKey = "x-1", "proven"
	f.add(first)
	id, login, external, email, free := newUser(2), newUser(3), newUser(4), newUser(7), newUser(5)
	id.ID, login.LoginKey, external.ExternalID, email.EmailKey = first.ID, first.LoginKey, first.ExternalID, first.EmailKey
	f.update(func(tx mapae.Tx) error {
		f.answers("same ID", tx.AddUser(f.ctx, id), mapae.ErrExists)
		f.answers("same login key", tx.AddUser(f.ctx, login), mapae.ErrExists)
		f.answers("same external ID", tx.AddUser(f.ctx, external), mapae.ErrExists)
		f.answers("same key of a proven address", tx.AddUser(f.ctx, email), mapae.ErrExists)
		f.answers("another", tx.AddUser(f.ctx, free), nil)
		f.answers("yet another without external ID", tx.AddUser(f.ctx, newUser(6)), nil)
		return nil
	})
	f.same("users", f.world(first.ID, login.ID, external.ID, email.ID, free.ID).Users, []mapae.User{first, free})
}

func usersChange(f *fixture) {
	old := newUser(1)
	old.ExternalID, old.EmailKey, old.DisabledAt = "x-1", "proven", when(0)
	other := newUser(2)
	f.add(old, other)
	u := oddUsers()[0]
	u.ID = old.ID
	f.update(func(tx mapae.Tx) error { return tx.UpdateUser(f.ctx, u) })
	u.CreatedAt = old.CreatedAt
	f.same("users", f.world(old.ID, other.ID).Users, []mapae.User{u, other})
	_, err := f.store.UserByLogin(f.ctx, old.LoginKey)
	f.answers("the old login key", err, mapae.ErrNotFound)
	_, err = f.store.UserByEmail(f.ctx, old.EmailKey)
	f.answers("the old key of a proven address", err, mapae.ErrNotFound)
	_, err = f.store.UserByExternalID(f.ctx, old.ExternalID)
	f.answers("the old external ID", err, mapae.ErrNotFound)
	heir := newUser(3)
	heir.LoginKey, heir.EmailKey, heir.ExternalID = old.LoginKey, old.EmailKey, old.ExternalID
	f.add(heir)
	f.update(func(tx mapae.Tx) error { return tx.UpdateUser(f.ctx, u) })
}

func usersChangeUnique(f *fixture) {
	a, b := newUser(1), newUser(2)
	a.ExternalID, b.ExternalID = "x-1", "x-2"
	a.EmailKey = "proven"
	f.add(a, b)
	login, email, external := b, b, b
	login.LoginKey, email.EmailKey, external.ExternalID = a.LoginKey, a.EmailKey, a.ExternalID
	f.update(func(tx mapae.Tx) error {
		f.answers("login key", tx.UpdateUser(f.ctx, login), mapae.ErrExists)
		f.answers("key of a proven address", tx.UpdateUser(f.ctx, email), mapae.ErrExists)
		f.answers("external ID", tx.UpdateUser(f.ctx, external), mapae.ErrExists)
		return tx.AddEvent(f.ctx, newEvent(a, 1))
	})
	w := f.world(a.ID, b.ID)
	f.same("users", w.Users, []mapae.User{a, b})
	f.same("the transaction went on", len(w.Events), 1)
}

func usersByEmail(f *fixture) {
	a, b := newUser(1), newUser(2)
	a.EmailKey = "zoë@例え.テスト"
	f.add(a, b)
	got, err := f.store.UserByEmail(f.ctx, a.EmailKey)
	f.answers("by key", err, nil)
	f.same("by key", got, a)
	f.update(func(tx mapae.Tx) error {
		got, err = tx.UserByEmail(f.ctx, a.EmailKey)
		return err
	})
	f.same("by key, in a transaction", got, a)
	for _, key := range []string{"", b.Email, b.LoginKey, "Zoë@例え.テスト", a.EmailKey + " "} {
		_, err = f.store.UserByEmail(f.ctx, key)
		f.answers("UserByEmail "+key, err, mapae.ErrNotFound)
	}
	a.EmailKey, b.EmailKey = "", a.EmailKey
	f.update(func(tx mapae.Tx) error {
		if err := tx.UpdateUser(f.ctx, a); err != nil {
			return err
		}
		return tx.UpdateUser(f.ctx, b)
	})
	got, err = f.store.UserByEmail(f.ctx, b.EmailKey)
	f.answers("after it moved", err, nil)
	f.same("after it moved", got, b)
	f.update(func(tx mapae.Tx) error { return tx.DeleteUser(f.ctx, b.ID) })
	_, err = f.store.UserByEmail(f.ctx, b.EmailKey)
	f.answers("after its user went", err, mapae.ErrNotFound)
}

func usersByExternalID(f *fixture) {
	a, b := newUser(1), newUser(2)
	a.ExternalID = "Zoë/1"
	f.add(a, b)
	got, err := f.store.UserByExternalID(f.ctx, a.ExternalID)
	f.answers("by ID", err, nil)
	f.same("by ID", got, a)
	f.update(func(tx mapae.Tx) error {
		got, err = tx.UserByExternalID(f.ctx, a.ExternalID)
		return err
	})
	f.same("by ID, in a transaction", got, a)
	for _, id := range []string{"", b.LoginKey, "zoë/1", a.ExternalID + " "} {
		_, err = f.store.UserByExternalID(f.ctx, id)
		f.answers("UserByExternalID "+id, err, mapae.ErrNotFound)
	}
	f.update(func(tx mapae.Tx) error { return tx.DeleteUser(f.ctx, a.ID) })
	_, err = f.store.UserByExternalID(f.ctx, a.ExternalID)
	f.answers("after its user went", err, mapae.ErrNotFound)
}

func usersGo(f *fixture) {
	a, b := newUser(1), newUser(2)
	ca, cb := newCredential(a, 1), newCredential(b, 2)
	nobodys := newMail(mapae.User{Email: "new@example.com"}, 3)
	f.add(a, b, ca, cb, newIdentity(a, 1), newIdentity(b, 2), newMail(a, 1), newMail(b, 2), nobodys)
	f.signIn(newAdmission(a, ca, 1))
	f.signIn(newAdmission(b, cb, 2))
	before := f.world(b.ID)
	f.update(func(tx mapae.Tx) error { return tx.DeleteUser(f.ctx, a.ID) })
	f.same("what is left", f.world(a.ID, b.ID), before)
	f.same("events stay", len(before.Events), 2)
	f.holds(newMail(b, 2), nobodys) // mails of others and of nobody stay
	_, _, err := f.store.Identity(f.ctx, newIdentity(a, 1).Provider, newIdentity(a, 1).Subject)
	f.answers("its identity", err, mapae.ErrNotFound)

	_, _, err = f.store.Credential(f.ctx, ca.ID)
	f.answers("its credential", err, mapae.ErrNotFound)
	creds, err := f.store.Credentials(f.ctx, a.ID)
	f.answers("Credentials", err, nil)
	f.same("credentials", len(creds), 0)
	s := newSession(a, 1)
	_, _, err = f.store.Session(f.ctx, s.ID, s.TokenHash, when(0))
	f.answers("its session", err, mapae.ErrNotFound)
	f.add(a, ca)
	list, err := f.store.Sessions(f.ctx, a.ID, when(0))
	f.answers("Sessions", err, nil)
	f.same("a user of the same ID inherits no session", len(list), 0)
	f.same("and no identity", len(f.world(a.ID).Identities), 0)
}

package storetest

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

var credentials = []test{
	{"come back byte for byte with their user", credentialsComeBack},
	{"are listed newest first", credentialsListed},
	{"are unique over all users, and the transaction goes on", credentialsUnique},
	{"need a user", credentialsNeedUser},
	{"are renamed and removed by their owner only", credentialsOwned},
	{"are suspended and lifted by their owner only", credentialsSuspended},
	{"that are suspended let nobody in", credentialsSuspendedRefuse},
	{"share no bytes with the caller", credentialsCopied},
}

// oddCredentials are credentials of u that a careless store would bend.
func oddCredentials(u mapae.User) []mapae.Credential {
	bare := mapae.Credential{Credential: webauthn.Credential{ID: []byte{0}}, UserID: u.ID}
	full := newCredential(u, 2)
	full.ID = bytes.Repeat([]byte{0, 0xff, 0x80}, 341)
	full.PublicKey = bytes.Repeat([]byte{0}, 600)
	full.Algorithm, full.SignCount = -257, math.MaxUint32
	full.UVInitialized, full.BackupEligible, full.BackupState, full.FirstFactor = true, true, true, false
	full.Transports = []string{"internal", "hybrid", "smart-card", "a,b \"quoted\" \\ ✓"}
	full.AAGUID = webauthn.AAGUID{0xff, 0, 1, 2, 15: 0xfe}
	full.AttestationFormat = "packed"
	full.AttestationObject = bytes.Repeat([]byte{0xa3, 0}, 1<<14)
	full.AttestationClientDataJSON = []byte(`{"type":"webauthn.create"}`)
	full.RPID, full.Name = "xn--r8jz45g.xn--zckzah", "나의 열쇠 \x01 \U0001F511"
	full.LastUsedAt, full.LastUsedAgent = when(time.Microsecond), strings.Repeat("é", 128)
	full.SuspendedAt, full.ForeignHandle = when(2*time.Microsecond), true
	algorithm := newCredential(u, 3)
	algorithm.Algorithm = math.MinInt32
	return []mapae.Credential{full, algorithm, bare}
}

func credentialsComeBack(f *fixture) {
	u := newUser(1)
	f.add(u)
	for _, c := range oddCredentials(u) {
		f.add(c)
		got, owner, err := f.store.Credential(f.ctx, c.ID)
		f.answers("credential", err, nil)
		f.same("credential", got, c)
		f.same("its user", owner, u)
		_, _, err = f.store.Credential(f.ctx, c.ID[:len(c.ID)-1])
		f.answers("an ID cut short", err, mapae.ErrNotFound)
		_, _, err = f.store.Credential(f.ctx, append(bytes.Clone(c.ID), 0))
		f.answers("an ID made longer", err, mapae.ErrNotFound)
	}
	_, _, err := f.store.Credential(f.ctx, nil)
	f.answers("no ID", err, mapae.ErrNotFound)
}

func credentialsListed(f *fixture) {
	a, b := newUser(1), newUser(2)
	f.add(a, b, newCredential(b, 1))
	list := []mapae.Credential{newCredential(a, 11), newCredential(a, 13), newCredential(a, 12), newCredential(a, 14)}
	list[3].CreatedAt = list[1].CreatedAt // a tie: the greater ID comes first
	for _, c := range list {
		f.add(c)
	}
	got, err := f.store.Credentials(f.ctx, a.ID)
	f.answers("Credentials", err, nil)
	f.same("credentials", got, []mapae.Credential{list[3], list[1], list[2], list[0]})
	got, err = f.store.Credentials(f.ctx, newUser(3).ID)
	f.answers("of nobody", err, nil)
	f.same("of nobody", len(got), 0)
}

func credentialsUnique(f *fixture) {
	a, b := newUser(1), newUser(2)
	c := newCredential(a, 1)
	f.add(a, b, c)
	stolen := newCredential(b, 1)
	f.update(func(tx mapae.Tx) error {
		f.answers("another's ID", tx.AddCredential(f.ctx, stolen), mapae.ErrExists)
		f.answers("one's own ID", tx.AddCredential(f.ctx, c), mapae.ErrExists)
		return tx.AddCredential(f.ctx, newCredential(b, 2))
	})
	f.same("credentials", f.world(a.ID, b.ID).Credentials, []mapae.Credential{c, newCredential(b, 2)})
}

func credentialsNeedUser(f *fixture) {
	f.breaks("without a user", func(tx mapae.Tx) error { return tx.AddCredential(f.ctx, newCredential(newUser(1), 1)) })
}

func credentialsOwned(f *fixture) {
	a, b := newUser(1), newUser(2)
	c, d := newCredential(a, 1), newCredential(b, 2)
	f.add(a, b, c, d)
	f.update(func(tx mapae.Tx) error {
		f.answers("rename another's", tx.RenameCredential(f.ctx, b.ID, c.ID, "mine"), mapae.ErrNotFound)
		f.answers("remove another's", tx.RemoveCredential(f.ctx, b.ID, c.ID), mapae.ErrNotFound)
		f.answers("rename what is not there", tx.RenameCredential(f.ctx, a.ID, nonce(3), "x"), mapae.ErrNotFound)
		f.answers("remove what is not there", tx.RemoveCredential(f.ctx, a.ID, nonce(3)), mapae.ErrNotFound)
		return nil
	})
	f.same("nothing changed", f.world(a.ID, b.ID).Credentials, []mapae.Credential{c, d})

	f.update(func(tx mapae.Tx) error { return tx.RenameCredential(f.ctx, a.ID, c.ID, "Büro") })
	c.Name = "Büro"
	f.same("renamed", f.world(a.ID, b.ID).Credentials, []mapae.Credential{c, d})
	f.update(func(tx mapae.Tx) error { return tx.RemoveCredential(f.ctx, a.ID, c.ID) })
	f.same("removed", f.world(a.ID, b.ID).Credentials, []mapae.Credential{d})
	f.update(func(tx mapae.Tx) error {
		f.answers("remove twice", tx.RemoveCredential(f.ctx, a.ID, c.ID), mapae.ErrNotFound)
		return nil
	})
}

func credentialsSuspended(f *fixture) {
	a, b := newUser(1), newUser(2)
	c, d := newCredential(a, 1), newCredential(b, 2)
	f.add(a, b, c, d)
	f.update(func(tx mapae.Tx) error {
		f.answers("another's", tx.SuspendCredential(f.ctx, b.ID, c.ID, when(0)), mapae.ErrNotFound)
		f.answers("what is not there", tx.SuspendCredential(f.ctx, a.ID, nonce(3), when(0)), mapae.ErrNotFound)
		return tx.SuspendCredential(f.ctx, a.ID, c.ID, when(1999*time.Nanosecond))
	})
	c.SuspendedAt = when(time.Microsecond)
	f.same("suspended", f.world(a.ID, b.ID).Credentials, []mapae.Credential{c, d})
	f.update(func(tx mapae.Tx) error { return tx.SuspendCredential(f.ctx, a.ID, c.ID, time.Time{}) })
	c.SuspendedAt = time.Time{}
	f.same("lifted", f.world(a.ID, b.ID).Credentials, []mapae.Credential{c, d})
}

func credentialsSuspendedRefuse(f *fixture) {
	a := newArena(f)
	for n, counter := range []uint32{8, 7, 0} { // which rises, stays, falls
		a.update(func(tx mapae.Tx) error { return tx.SuspendCredential(a.ctx, a.user.ID, a.cred.ID, when(0)) })
		before := a.world()
		adm := newAdmission(a.user, a.cred, n)
		adm.Use.SignCount = counter
		a.admit(adm, mapae.VerdictCredentialGone)
		after := a.world()
		a.same("events", len(after.Events), len(before.Events)+1)
		after.Events = before.Events
		a.same("all else", after, before)
		a.update(func(tx mapae.Tx) error {
			v, err := tx.Admit(a.ctx, newAdmission(a.user, a.cred, 100+n))
			a.same("verdict in a transaction", v, mapae.VerdictCredentialGone)
			return err
		})
	}
	a.update(func(tx mapae.Tx) error { return tx.SuspendCredential(a.ctx, a.user.ID, a.cred.ID, time.Time{}) })
	a.signIn(newAdmission(a.user, a.cred, 9))
}

func credentialsCopied(f *fixture) {
	u := newUser(1)
	c := oddCredentials(u)[0]
	f.add(u, c)
	want, _, err := f.store.Credential(f.ctx, c.ID)
	f.answers("credential", err, nil)
	id := bytes.Clone(c.ID)
	scribble := func(c mapae.Credential) {
		for _, b := range [][]byte{c.ID, c.PublicKey, c.AttestationObject, c.AttestationClientDataJSON} {
			clear(b)
		}
		clear(c.Transports)
	}
	read, _, err := f.store.Credential(f.ctx, id)
	f.answers("credential", err, nil)
	want.ID, want.PublicKey, want.Transports = bytes.Clone(want.ID), bytes.Clone(want.PublicKey), slices.Clone(want.Transports)
	want.AttestationObject = bytes.Clone(want.AttestationObject)
	want.AttestationClientDataJSON = bytes.Clone(want.AttestationClientDataJSON)
	scribble(c)
	scribble(read)
	got, _, err := f.store.Credential(f.ctx, id)
	f.answers("credential", err, nil)
	f.same("after writing into what went in and came out", got, want)
}

package mapae

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// mailLetters is the length of a code that is mailed: 40 random bits in
// Crockford's alphabet, two groups of four.
const mailLetters = 8

// mailCodeLife is how long a mailed code is good.
const mailCodeLife = ticketLife

// mailCode returns the letters of a new code.
func (a *Auth) mailCode() string { return a.letters(mailLetters) }

// showMailCode is a code as a mail has it.
func showMailCode(letters string) string { return letters[:4] + "-" + letters[4:] }

// codeHash is what a ticket keeps of the code that was mailed for it. It binds
// the code to purpose, address, and the account as it was: another epoch, and
// the code is wrong.
func codeHash(p purpose, login string, u User, letters string) []byte {
	h := sha256.New()
	h.Write([]byte{byte(p), byte(len(u.ID)), byte(len(letters))})
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(u.Epoch)))
	h.Write([]byte(string(u.ID) + letters + login))
	return h.Sum(nil)
}

// isCode reports whether typed is the code that was mailed for t to the address
// of u.
func (t ticket) isCode(u User, typed string) bool {
	letters := readLetters(typed, mailLetters)
	same := subtle.ConstantTimeCompare(codeHash(t.Purpose, t.Login, u, letters), t.Key) == 1
	return same && letters != ""
}

// boundTo binds t to the client that asks for it.
func (t ticket) boundTo(c Client) ticket {
	t.App = c.App
	if !c.App && len(c.Bindings) > 0 {
		t.Binding = c.Bindings[0]
	}
	return t
}

// openCodeTicket opens a ticket that a code was mailed for, and counts the try.
func (a *Auth) openCodeTicket(ctx context.Context, text string, want purpose, c Client) (ticket, error) {
	t, err := a.openTicket(text, want, &c)
	if err != nil {
		return ticket{}, err
	}
	return t, a.countTicket(ctx, t)
}

// wrongMailCode records a code of u that was wrong.
func (a *Auth) wrongMailCode(ctx context.Context, c Client, t ticket, u User, failed EventType) error {
	wrong := fail(CodeAuthenticationFailed, errors.New("wrong code"))
	return a.spare(ctx, a.record(ctx, a.failure(c, failed, u.ID, MethodEmailCode, reasonCode), wrong), a.ticketKey(t))
}

// provenUser returns the enabled user who has proven the address with that key,
// or, where there is none, nobody: a User that has the key alone.
func (a *Auth) provenUser(ctx context.Context, key string) (User, error) {
	u, err := a.store.UserByEmail(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && u.Disabled():
		return User{LoginKey: key}, nil
	case err != nil:
		return User{}, broken("look up an address", err)
	}
	return u, nil
}

// proven reports whether the user has shown to get mail at the address.
func (u User) proven() bool { return u.EmailKey != "" }

// post puts l in the outbox, in a transaction of its own, and then what else
// belongs to it. Its work is the same for who is nobody.
func (a *Auth) post(ctx context.Context, l letter, also consume) error {
	err := a.store.Update(ctx, func(tx Tx) error {
		switch _, err := tx.LockUser(ctx, l.User.ID); {
		case errors.Is(err, ErrNotFound):
			l.User.ID = "" // nobody, or gone meanwhile
		case err != nil:
			return err
		}
		if err := a.mail(ctx, tx, l); err != nil || also == nil {
			return err
		}
		return also(ctx, tx)
	})
	if err != nil {
		return broken("put a mail in the outbox", err)
	}
	return nil
}

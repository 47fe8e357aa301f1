package mapae

import "context"

// ThrottleKey shows tests where wrong proofs of a user are counted.
func (a *Auth) ThrottleKey(method MethodName, user UserID) [32]byte {
	return a.throttleKey(method, user, "")
}

// Letter is a mail that a flow asks for.
type Letter = letter

// Write asks for a mail as flows do, in a transaction of its own.
func (a *Auth) Write(ctx context.Context, l Letter) error {
	return a.store.Update(ctx, func(tx Tx) error { return a.mail(ctx, tx, l) })
}

// MailKey shows tests where mails to an address are counted.
func (a *Auth) MailKey(to string) [32]byte { return a.mailKey(to) }

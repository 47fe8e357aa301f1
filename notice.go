package mapae

import (
	"context"
	"crypto/sha256"
	"time"
)

// noticeLife is how long the link "This was not me" of a notice works.
const noticeLife = 7 * 24 * time.Hour

// noticed reports whether the owner of an account gets a mail about e. A
// sign-in is told of where it took a recovery code, and where its browser was
// not known, which only the sign-in itself can say.
func noticed(e Event) bool {
	switch e.Type {
	case EventPasskeyAdded, EventPasskeyRemoved, EventTOTPAdded, EventTOTPRemoved, EventPasswordSet, EventPasswordRemoved,
		EventPasswordReset, EventRecoveryCodesMade, EventRecovered, EventRecoveryIssued, EventCounterRegressed, EventEmailChanged,
		EventIdentityLinked, EventIdentityUnlinked:
		return true
	case EventSignIn, EventReauth, EventRecoveryProof:
		return e.Method == MethodRecoveryCode || e.Type == EventRecoveryProof && e.Method != MethodEmailCode
	}
	return false
}

// tell puts a notice of e to its user u in the outbox, with the link "This was
// not me". Only an address that was proven gets one: whoever reads the mail can
// freeze the account. about names what e is about, as people know it; it may be
// empty.
func (a *Auth) tell(ctx context.Context, tx Tx, u User, e Event, about string) error {
	if a.cfg.Mailer == nil || u.EmailKey == "" {
		return nil
	}
	code, err := a.noticeCode(u, e)
	if err != nil {
		return err
	}
	return a.mail(ctx, tx, letter{Kind: MailNotice, User: u, To: u.Email, Link: a.pageURL("/not-me", code), EndsAt: e.At.Add(noticeLife), Event: &e, Device: about})
}

// noticeCode is the code of the link "This was not me" about e, for the address
// that u has.
func (a *Auth) noticeCode(u User, e Event) (string, error) {
	t := ticket{Purpose: purposeNotice, UserID: []byte(e.UserID), Login: u.EmailKey, Name: string(e.Type)}
	if e.Credential != nil {
		hash := sha256.Sum256(e.Credential)
		t.Key = hash[:]
	}
	return a.sealLinkCode(t, noticeLife)
}

// addEvent appends e, and tells its user u of it by mail where that is due.
func (a *Auth) addEvent(ctx context.Context, tx Tx, u User, e Event, about string) error {
	if err := tx.AddEvent(ctx, e); err != nil || !noticed(e) {
		return err
	}
	return a.tell(ctx, tx, u, e, about)
}

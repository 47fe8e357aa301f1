package mapae

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// Suggestion is what to offer next to who has just signed in.
type Suggestion string

const (
	SuggestPasskey      Suggestion = "create_passkey"       // no passkey was used
	SuggestLocalPasskey Suggestion = "create_local_passkey" // a passkey of another device was used, such as a phone's

	SuggestSecondPasskey Suggestion = "create_second_passkey" // the only one was used, and it is on one device alone
)

// OfferAnswer is what somebody says to the offer of a passkey, other than yes.
type OfferAnswer string

const (
	OfferNotNow OfferAnswer = "not_now" // asked again after 30 days
	OfferNever  OfferAnswer = "never"   // not asked again
)

// offerPause is how long "not now" lasts.
const offerPause = 30 * 24 * time.Hour

// spareAfter is how old an only passkey is before a second one is offered: who
// has just made it was told.
const spareAfter = 24 * time.Hour

// never is a time after all offers.
var never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// suggest returns what to offer after the success of step: something only to
// who begins a session and has not said lately to be left alone.
func (a *Auth) suggest(step *admission) []Suggestion {
	if step.current != nil || !a.offers(MethodPasskey) || !a.mayOffer(step.user) {
		return nil
	}
	if !slices.ContainsFunc(step.uses, func(u Use) bool { return u.Method == MethodPasskey }) {
		return []Suggestion{SuggestPasskey}
	}
	if step.elsewhere {
		return []Suggestion{SuggestLocalPasskey}
	}
	if step.single {
		return []Suggestion{SuggestSecondPasskey}
	}
	return nil
}

// mayOffer reports whether u can be offered something now.
func (a *Auth) mayOffer(u User) bool {
	return !a.now().Before(u.OfferAfter) && !a.now().Before(u.FrozenUntil)
}

// single reports whether the passkey of o is the only one that its owner signs
// in with, and lost with its device. A synced one is not: it costs sign-ins no
// further look at the store.
func (a *Auth) single(ctx context.Context, o *opened, result *webauthn.Assertion) (bool, error) {
	if result.BackupState || a.now().Before(o.credential.CreatedAt.Add(spareAfter)) || !a.mayOffer(o.owner) {
		return false, nil
	}
	own, err := a.store.Credentials(ctx, o.owner.ID)
	if err != nil {
		return false, broken("read credentials", err)
	}
	return !slices.ContainsFunc(usable(own), func(c Credential) bool {
		return c.FirstFactor && c.RPID == a.cfg.RP.ID && !bytes.Equal(c.ID, o.credential.ID)
	}), nil
}

// elsewhere reports whether the passkey of o lies on another device that was
// reached from here: a phone beside this computer, and no security key.
func elsewhere(o *opened) bool {
	return o.response.Attachment == webauthn.AttachmentCrossPlatform && slices.Contains(o.credential.Transports, "hybrid")
}

// AnswerOffer remembers what the user of cur says to the offer of a passkey.
// Errors: CodeBadRequest with the field answer; CodeUnauthenticated;
// CodeUnavailable.
func (a *Auth) AnswerOffer(ctx context.Context, cur Current, answer OfferAnswer) error {
	after := map[OfferAnswer]time.Time{OfferNotNow: a.now().Add(offerPause), OfferNever: never}[answer]
	if after.IsZero() {
		return badField("answer", fmt.Errorf("%q is neither %s nor %s", clip(string(answer)), OfferNotNow, OfferNever))
	}
	err := a.store.Update(ctx, func(tx Tx) error {
		if err := a.lock(ctx, tx, cur); err != nil {
			return err
		}
		u, err := tx.LockUser(ctx, cur.User.ID)
		if err != nil {
			return err
		}
		u.OfferAfter = after
		return tx.UpdateUser(ctx, u)
	})
	if err != nil {
		return answerOr("remember an answer", err)
	}
	return nil
}

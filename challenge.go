package mapae

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// Purposes of the key ring: what is sealed, and what is authenticated.
const (
	sealChallenge = "challenge"
	sealTicket    = "ticket"
	sealSecret    = "secret"
	sealLink      = "link"
	sealMail      = "mail"
	sealState     = "state"
	sealDevice    = "device"

	macRecoveryCode = "recovery code"
)

// How long things live, and how far the clocks of nodes may be apart.
const (
	challengeLife = 5 * time.Minute
	autofillLife  = 15 * time.Minute
	ticketLife    = 10 * time.Minute
	clockSkew     = 3 * time.Minute
	spentKept     = 10 * time.Minute // past the sealed end
)

// purpose is what a ceremony or a half-finished flow is for; one never
// finishes another.
type purpose byte

const (
	purposeSignUp purpose = 1 + iota
	purposeRegister
	purposeRegisterConditional
	purposeSignIn
	purposeReauth
	purposeInvitation
	purposeSecondFactor
	purposeTOTP
	purposeAction
	purposeRecover
	purposeRecoverReady
	purposeEmailCode
	purposeReauthCode
	purposeSignUpCode
	purposeSignUpProven
	purposeReset
	purposeVerifyEmail
	purposeTrip
	purposeTripLink
	purposeTripReauth
	purposeTripRecover
	purposeFederatedEmail
	purposeFederatedCode
	purposeNotice
	purposeChangeEmail
	purposeUndoEmail
	purposeCancelRecovery
	purposeSignInLink
	purposeRecoverLink
	purposeInquiry
	purposes = iota // how many there are
)

// challenge is the whole state of a ceremony between its options and its
// answer. It is sealed and handed to the client as the WebAuthn challenge, so
// beginning writes nothing; its nonce is spent when it is finished.
type challenge struct {
	purpose  purpose
	app      bool // for an app only; else for a browser only
	autofill bool // the options were for conditional mediation
	verify   bool // the options required user verification
	fresh    bool // the session was fresh when the options were asked for
	bound    bool // extra is set
	issuedAt time.Time
	endsAt   time.Time
	binding  [32]byte // browser: hash of a ceremony cookie; in a session: hash of its ID; app: zero
	extra    [32]byte // hash of the login typed (sign-in), of the ticket (sign-up, second step, recovery) or of the action (step-up)
	rpID     string
	userID   UserID // whose ceremony it is; empty: anyone's

	nonce []byte // of the seal; set by openChallenge
}

const challengeFixed = 2 + 8 + 8 + 32 + 32 + 1

func (c challenge) flags() (f byte) {
	for i, set := range []bool{c.app, c.autofill, c.verify, c.fresh, c.bound} {
		if set {
			f |= 1 << i
		}
	}
	return f
}

func (c challenge) encode() []byte {
	out := make([]byte, 0, challengeFixed+len(c.rpID)+len(c.userID))
	out = append(out, byte(c.purpose), c.flags())
	out = binary.BigEndian.AppendUint64(out, uint64(c.issuedAt.UnixMicro()))
	out = binary.BigEndian.AppendUint64(out, uint64(c.endsAt.UnixMicro()))
	out = append(append(out, c.binding[:]...), c.extra[:]...)
	out = append(append(out, byte(len(c.rpID))), c.rpID...)
	return append(out, c.userID...)
}

func decodeChallenge(b []byte) (c challenge, err error) {
	if len(b) < challengeFixed || len(b) < challengeFixed+int(b[challengeFixed-1]) {
		return challenge{}, errors.New("challenge is short")
	}
	c.purpose = purpose(b[0])
	for i, set := range []*bool{&c.app, &c.autofill, &c.verify, &c.fresh, &c.bound} {
		*set = b[1]&(1<<i) != 0
	}
	c.issuedAt = time.UnixMicro(int64(binary.BigEndian.Uint64(b[2:]))).UTC()
	c.endsAt = time.UnixMicro(int64(binary.BigEndian.Uint64(b[10:]))).UTC()
	c.binding, c.extra = [32]byte(b[18:50]), [32]byte(b[50:82])
	rpEnd := challengeFixed + int(b[challengeFixed-1])
	c.rpID, c.userID = string(b[challengeFixed:rpEnd]), UserID(b[rpEnd:])
	return c, nil
}

// sealNew issues c to client: it sets times, RP ID, kind of client and, unless
// the binding is set already, the client's first binding.
func (a *Auth) sealNew(c challenge, client Client, life time.Duration) ([]byte, error) {
	c.issuedAt = a.now()
	c.endsAt = c.issuedAt.Add(life)
	c.rpID = a.cfg.RP.ID
	c.app = client.App
	if c.binding == ([32]byte{}) && !client.App {
		if len(client.Bindings) == 0 {
			return nil, errors.New("mapae: a browser's Client needs a binding")
		}
		c.binding = client.Bindings[0]
	}
	return a.ring.Load().Seal(sealChallenge, c.encode()), nil
}

// openChallenge opens what came back as challenge and checks that it is one of
// ours for want, still living, for this RP and for this client. session is the
// one that asks, nil outside of one. Every failure is CodeCeremonyInvalid, and
// means that there is nothing to spend.
func (a *Auth) openChallenge(sealed []byte, client Client, session *Session, want ...purpose) (challenge, error) {
	plain, nonce, err := a.ring.Load().Open(sealChallenge, sealed)
	if err != nil {
		return challenge{}, fail(CodeCeremonyInvalid, err)
	}
	c, err := decodeChallenge(plain)
	if err != nil {
		return challenge{}, fail(CodeCeremonyInvalid, err)
	}
	c.nonce = nonce
	if err := c.check(a, client, session, want); err != nil {
		return challenge{}, fail(CodeCeremonyInvalid, fmt.Errorf("challenge: %w", err))
	}
	return c, nil
}

func (c challenge) check(a *Auth, client Client, session *Session, want []purpose) error {
	fits := false
	for _, p := range want {
		fits = fits || p == c.purpose
	}
	switch {
	case !fits:
		return fmt.Errorf("purpose %d, want %d", c.purpose, want)
	case c.rpID != a.cfg.RP.ID:
		return fmt.Errorf("RP ID %q, want %q", c.rpID, a.cfg.RP.ID)
	}
	if err := a.checkLife(c.issuedAt, c.endsAt); err != nil {
		return err
	}
	return checkBinding(c.app, c.binding, client, session)
}

// checkLife compares the sealed times with this node's clock.
func (a *Auth) checkLife(issuedAt, endsAt time.Time) error {
	now := a.now()
	if !now.Before(endsAt) {
		return fmt.Errorf("ended at %v, it is %v", endsAt, now)
	}
	if issuedAt.After(now.Add(clockSkew)) {
		return fmt.Errorf("issued at %v, more than %v in the future of %v", issuedAt, clockSkew, now)
	}
	return nil
}

// checkBinding reports whether what was issued to an app or a browser, and to
// that browser or session, came back from there.
func checkBinding(app bool, binding [32]byte, client Client, session *Session) error {
	if app != client.App {
		return fmt.Errorf("issued to an app: %v, brought by an app: %v", app, client.App)
	}
	if session != nil {
		if b := sessionBinding(session.ID); subtle.ConstantTimeCompare(b[:], binding[:]) == 1 {
			return nil
		}
		return errors.New("issued in another session")
	}
	if app && binding == ([32]byte{}) {
		return nil
	}
	for _, b := range client.Bindings {
		if subtle.ConstantTimeCompare(b[:], binding[:]) == 1 {
			return nil
		}
	}
	return errors.New("issued to another browser")
}

// sessionBinding binds a ceremony to a session by its stable ID, which outlives
// its tokens.
func sessionBinding(id SessionID) [32]byte {
	return sha256.Sum256([]byte("mapae session " + string(id)))
}

// verification is what the options asked for, as far as it is enforced.
func (c challenge) verification() webauthn.UserVerification {
	if c.verify {
		return webauthn.UserVerificationRequired
	}
	return webauthn.UserVerificationPreferred
}

// spend is what a finished challenge spends.
func (c challenge) spend() *Spend {
	return &Spend{Kind: SpendChallenge, ID: c.nonce, Until: c.endsAt}
}

// refuse ends a ceremony that opened and failed: it spends s and records e in
// one transaction, and returns refused; or CodeCeremonyInvalid, and no event,
// where s was spent before; or CodeUnavailable.
func (a *Auth) refuse(ctx context.Context, s *Spend, e Event, refused error) error {
	spent := false
	err := a.store.Update(ctx, func(tx Tx) (err error) {
		if spent, err = tx.Spend(ctx, *s); err != nil || !spent {
			return err
		}
		return tx.AddEvent(ctx, e)
	})
	switch {
	case err != nil:
		return broken("spend a challenge", err)
	case !spent:
		return errSpent
	}
	a.notify(ctx, e)
	return refused
}

// errSpent is the answer to a challenge or ticket that was used before.
var errSpent = fail(CodeCeremonyInvalid, errors.New("it was used before"))

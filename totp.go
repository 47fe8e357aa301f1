package mapae

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// TOTP offers authenticator apps as second factor (RFC 6238: SHA-1, 6 digits,
// 30 seconds).
type TOTP struct {
	Issuer string // shown in the app; empty: the relying party's name
}

const (
	totpPeriod = 30 // seconds
	totpDrift  = 1  // steps that a clock may be off
	totpKey    = 20 // bytes
)

// Name returns MethodTOTP.
func (TOTP) Name() MethodName { return MethodTOTP }

func (TOTP) check() error { return nil }

// TOTPSetup is what a person puts into an authenticator app. Nothing is stored
// until FinishTOTP has seen a code.
type TOTPSetup struct {
	Ticket string
	Secret string // base32 without padding
	URI    string // "otpauth://totp/…", for a QR code
}

// BeginTOTP makes the key of an authenticator app, in a session that is fresh.
// Errors: CodeStepUpRequired; CodeForbidden TOTP is not offered.
func (a *Auth) BeginTOTP(_ context.Context, c Client, cur Current) (TOTPSetup, error) {
	if !a.offers(MethodTOTP) {
		return TOTPSetup{}, errNotOffered
	}
	if err := a.mayChange(cur); err != nil {
		return TOTPSetup{}, err
	}
	key := make([]byte, totpKey)
	a.random(key)
	text, err := a.sealTicket(ticket{Purpose: purposeTOTP, App: c.App, Binding: sessionBinding(cur.Session.ID),
		UserID: []byte(cur.User.ID), Epoch: cur.User.Epoch, Key: key}, ticketLife)
	if err != nil {
		return TOTPSetup{}, err
	}
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
	issuer := or(a.totp.Issuer, a.cfg.RP.Name)
	query := url.Values{"secret": {secret}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	uri := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + cur.User.Login, RawQuery: query.Encode()}
	return TOTPSetup{Ticket: text, Secret: secret, URI: uri.String()}, nil
}

// FinishTOTP stores the key of BeginTOTP's ticket once the app has shown a code
// for it, in the place of an earlier one. That code can't be used again. It
// returns recovery codes where the user had none.
//
// Errors: CodeCeremonyInvalid the ticket; CodeAuthenticationFailed the code;
// CodeUnauthenticated the session ended meanwhile; CodeUnavailable.
func (a *Auth) FinishTOTP(ctx context.Context, c Client, cur Current, ticketText, code string) ([]string, error) {
	t, err := a.openSessionTicket(ticketText, purposeTOTP, c, cur)
	if err != nil {
		return nil, err
	}
	if err := a.countTicket(ctx, t); err != nil {
		return nil, err
	}
	at := a.now()
	step, ok := totpStep(t.Key, code, at)
	if !ok {
		e := a.event(c, EventTOTPAddFailed, cur.User.ID)
		e.Method, e.SessionID, e.Reason = MethodTOTP, cur.Session.ID, reasonCode
		return nil, a.record(ctx, e, fail(CodeAuthenticationFailed, errors.New("wrong code")))
	}
	ring := a.ring.Load()
	secret := Secret{ID: a.orderedID(at), UserID: cur.User.ID, Kind: SecretTOTP, Data: ring.Seal(sealSecret, t.Key), KeyID: ring.KeyID(), Step: step, CreatedAt: at}
	var codes []string
	err = a.change(ctx, c, cur, changed{what: EventTOTPAdded, method: MethodTOTP}, func(tx Tx) error {
		if err := t.consume(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.RemoveSecrets(ctx, cur.User.ID, SecretTOTP); err != nil {
			return err
		}
		if err := tx.AddSecret(ctx, secret); err != nil {
			return err
		}
		if err := a.unbar(ctx, tx, cur.User.ID, MethodTOTP); err != nil {
			return err
		}
		codes, err = a.firstRecoveryCodes(ctx, tx, cur.User.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// RemoveTOTP removes the user's authenticator app, in a session that is fresh.
// Errors: CodeStepUpRequired; CodeNotFound; CodeLastFactor; CodeUnauthenticated;
// CodeUnavailable.
func (a *Auth) RemoveTOTP(ctx context.Context, c Client, cur Current) error {
	return a.removeSecret(ctx, c, cur, SecretTOTP, changed{what: EventTOTPRemoved, method: MethodTOTP})
}

// openTOTP returns the key of a stored secret.
func (a *Auth) openTOTP(s Secret) ([]byte, error) {
	key, _, err := a.ring.Load().Open(sealSecret, s.Data)
	if err != nil {
		return nil, fmt.Errorf("mapae: a TOTP key sealed under root key %s: %w", s.KeyID, err)
	}
	return key, nil
}

// totpStep returns the time step whose code is code, the newest first, within
// the drift that is allowed.
func totpStep(key []byte, code string, at time.Time) (step int64, ok bool) {
	if len(code) != 6 {
		return 0, false
	}
	secret := base32.StdEncoding.EncodeToString(key)
	now := at.Unix() / totpPeriod
	for s := now + totpDrift; s >= now-totpDrift; s-- {
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && equalText(want, code) {
			return s, true
		}
	}
	return 0, false
}

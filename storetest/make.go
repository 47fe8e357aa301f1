package storetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// is is errors.Is, where a nil want asks for success.
func is(err, want error) bool {
	if want == nil {
		return err == nil
	}
	return errors.Is(err, want)
}

// when is a time with microseconds, d after the moment at which tests play.
func when(d time.Duration) time.Time {
	return time.Date(2031, 3, 14, 15, 9, 26, 535_897_000, time.UTC).Add(d)
}

// timed returns 16 bytes that begin with the time at, as session and event IDs
// do, and end with n.
func timed(at time.Time, n int) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
	return string(binary.BigEndian.AppendUint64(b, uint64(n)))
}

// nonce returns 24 bytes made from n.
func nonce(n int) []byte {
	return binary.BigEndian.AppendUint64(bytes.Repeat([]byte{0xa5}, 16), uint64(n))
}

// newUser returns the n-th user.
func newUser(n int) mapae.User {
	return mapae.User{
		ID:        mapae.UserID(binary.BigEndian.AppendUint64(bytes.Repeat([]byte{0xfe, 0}, 12), uint64(n))),
		Login:     fmt.Sprintf("Person%d@example.com", n),
		LoginKey:  fmt.Sprintf("person%d@example.com", n),
		Email:     fmt.Sprintf("Person%d@example.com", n),
		Name:      fmt.Sprintf("Person %d", n),
		CreatedAt: when(-time.Hour),
	}
}

// newCredential returns the n-th credential, u's, device-bound, counter at 7.
func newCredential(u mapae.User, n int) mapae.Credential {
	return mapae.Credential{
		Credential: webauthn.Credential{
			ID:        append([]byte("credential "), nonce(n)...),
			PublicKey: bytes.Repeat([]byte{4}, 77),
			Algorithm: -7,
			SignCount: 7,
		},
		UserID:      u.ID,
		RPID:        "example.com",
		Name:        fmt.Sprintf("Passkey %d", n),
		FirstFactor: true,
		CreatedAt:   when(-time.Hour + time.Duration(n)*time.Second),
	}
}

// newSession returns the n-th session, u's, that idles out in an hour and ends
// in a day.
func newSession(u mapae.User, n int) mapae.Session {
	s := mapae.Session{
		ID:         mapae.SessionID(timed(when(0), n)),
		UserID:     u.ID,
		Epoch:      u.Epoch,
		Uses:       []mapae.Use{{Method: mapae.MethodPasskey, At: when(0), UserVerified: true}},
		CreatedAt:  when(0),
		SeenAt:     when(0),
		IdleEndsAt: when(time.Hour),
		EndsAt:     when(24 * time.Hour),
	}
	copy(s.TokenHash[:], nonce(n))
	return s
}

// newEvent returns the n-th event, u's.
func newEvent(u mapae.User, n int) mapae.Event {
	at := when(time.Duration(n) * time.Microsecond)
	return mapae.Event{ID: mapae.EventID(timed(at, n)), At: at, Type: mapae.EventSignIn, UserID: u.ID}
}

// newSpend returns the n-th one-time thing, which ends in five minutes.
func newSpend(n int) *mapae.Spend {
	return &mapae.Spend{Kind: mapae.SpendChallenge, ID: nonce(n), Until: when(5 * time.Minute)}
}

// newKey returns the n-th key of failures, or hash of a claim.
func newKey(n int) (key [32]byte) {
	copy(key[:], nonce(n))
	return key
}

// newSecret returns the n-th secret, u's.
func newSecret(u mapae.User, kind mapae.SecretKind, n int) mapae.Secret {
	return mapae.Secret{
		ID: timed(when(-time.Hour), n), UserID: u.ID, Kind: kind, Data: append([]byte("secret "), nonce(n)...),
		KeyID: "k1", CreatedAt: when(-time.Hour),
	}
}

// newRecovery returns a recovery of u, with the n-th claim, that is ready in an
// hour and ends in two.
func newRecovery(u mapae.User, n int) mapae.Recovery {
	return mapae.Recovery{
		UserID: u.ID, ClaimHash: newKey(n), Proof: mapae.MethodPassword,
		CreatedAt: when(0), ReadyAt: when(time.Hour), EndsAt: when(2 * time.Hour),
	}
}

// newIdentity returns the n-th identity, u's, at the first provider or, for an
// odd n, the second.
func newIdentity(u mapae.User, n int) mapae.Identity {
	return mapae.Identity{
		Provider: fmt.Sprint("provider ", n%2), Subject: fmt.Sprint("subject ", n), UserID: u.ID,
		Email: u.Email, CreatedAt: when(-time.Hour),
	}
}

// newMail returns the n-th mail, u's, written and due n seconds after the
// moment at which tests play.
func newMail(u mapae.User, n int) mapae.Mail {
	at := when(time.Duration(n) * time.Second)
	return mapae.Mail{
		ID: mapae.MailID(timed(at, n)), UserID: u.ID, To: u.Email, Kind: mapae.MailNotice, Locale: "ko",
		Data: append([]byte("sealed "), nonce(n)...), CreatedAt: at, DueAt: at,
	}
}

// newAdmission returns the n-th end of a sign-in: of u, with c, whose counter
// rises by one, and with an event for each verdict but spent.
func newAdmission(u mapae.User, c mapae.Credential, n int) mapae.Admission {
	a := mapae.Admission{
		Spend: newSpend(n),
		Use: &mapae.CredentialUse{
			ID: c.ID, UserID: u.ID, SignCount: c.SignCount + 1,
			BackupEligible: c.BackupEligible, BackupState: c.BackupState, At: when(0), Agent: "Browser/1",
		},
		Session: newSession(u, n),
		Event:   newEvent(u, n),
	}
	a.Event.Method, a.Event.Credential, a.Event.SessionID = mapae.MethodPasskey, c.ID, a.Session.ID
	for v := range a.Outcomes {
		a.Outcomes[v] = mapae.Outcome{Type: mapae.EventSignInFailed, Reason: mapae.Verdict(v).String()}
	}
	a.Outcomes[mapae.VerdictAdmitted].Type = mapae.EventSignIn
	a.Outcomes[mapae.VerdictAdmittedRegressed].Type = mapae.EventCounterRegressed
	a.Outcomes[mapae.VerdictSpent] = mapae.Outcome{}
	return a
}

package mapae

import (
	"encoding/base64"
	"time"
)

// EventType says what happened; the names are stable and appear in logs,
// metrics and the event table.
type EventType string

const (
	EventSignUp               EventType = "signup"
	EventSignUpFailed         EventType = "signup_failed"
	EventSignIn               EventType = "signin"
	EventSignInFailed         EventType = "signin_failed"
	EventReauth               EventType = "reauth"
	EventReauthFailed         EventType = "reauth_failed"
	EventPasskeyAdded         EventType = "passkey_added"
	EventPasskeyAddFailed     EventType = "passkey_add_failed"
	EventPasskeyRenamed       EventType = "passkey_renamed"
	EventPasskeyRemoved       EventType = "passkey_removed"
	EventCounterRegressed     EventType = "counter_regressed" // a copy of the passkey may exist
	EventFirstStep            EventType = "signin_first_step" // a second one is due
	EventPasswordSet          EventType = "password_set"
	EventPasswordRemoved      EventType = "password_removed"
	EventPasswordReset        EventType = "password_reset" // by a mailed link
	EventTOTPAdded            EventType = "totp_added"
	EventTOTPAddFailed        EventType = "totp_add_failed"
	EventTOTPRemoved          EventType = "totp_removed"
	EventRecoveryCodesMade    EventType = "recovery_codes_made"
	EventRecoveryCodesRemoved EventType = "recovery_codes_removed"
	EventRecoveryProof        EventType = "recovery_proof"   // a good proof in a recovery
	EventRecoveryStarted      EventType = "recovery_started" // it waits for its delay
	EventRecoveryFailed       EventType = "recovery_failed"
	EventRecoveryCancelled    EventType = "recovery_cancelled"
	EventRecovered            EventType = "recovered"
	EventRecoveryIssued       EventType = "recovery_issued" // a link to recover with, by the operator
	EventSignInIssued         EventType = "signin_issued"   // a link to sign in with, by the operator
	EventNotMe                EventType = "not_me"          // somebody with a notice said so; Reason: of what
	EventUnfrozen             EventType = "unfrozen"
	EventAccountChanged       EventType = "account_changed"
	EventEmailChanged         EventType = "email_changed"
	EventEmailVerified        EventType = "email_verified"
	EventEmailVerifyFailed    EventType = "email_verify_failed"
	EventEmailReleased        EventType = "email_released" // somebody else proved the address, which this account never did
	EventEmailRestored        EventType = "email_restored" // by the old address
	EventAccountDeleted       EventType = "account_deleted"
	EventSignOut              EventType = "signout"
	EventSessionsEnded        EventType = "sessions_ended"
	EventUserAdded            EventType = "user_added" // by the operator
	EventUserDisabled         EventType = "user_disabled"
	EventUserEnabled          EventType = "user_enabled"
	EventIdentityLinked       EventType = "identity_linked"
	EventIdentityLinkFailed   EventType = "identity_link_failed"
	EventIdentityUnlinked     EventType = "identity_unlinked"
	EventInvitationIssued     EventType = "invitation_issued"
	EventMailSent             EventType = "mail_sent"   // told to Config.Notify only: the record of accounts has what the mail was about
	EventMailFailed           EventType = "mail_failed" // given up; Reason says why
)

// EventID orders events by time: 16 raw bytes, the first eight the time in
// microseconds, big-endian.
type EventID string

// String returns the ID as base64url without padding.
func (id EventID) String() string { return encode64([]byte(id)) }

// MarshalText and UnmarshalText write and read the form of String.
func (id EventID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is described at MarshalText.
func (id *EventID) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	*id = EventID(raw)
	return err
}

// Event is one line of the append-only record of what happened to accounts,
// successes and failures alike. It never holds a secret.
type Event struct {
	ID         EventID
	At         time.Time
	Type       EventType
	UserID     UserID     // empty: nobody was identified
	SessionID  SessionID  // empty: none
	Method     MethodName // empty: none was involved
	Credential []byte     // ID of the passkey, nil: none
	Reason     string     // why it failed: a check of package webauthn (of "trust" with why, as "trust:synced"), or a word of ours
	Address    string
	UserAgent  string // at most 256 bytes
	RequestID  string
	App        bool
}

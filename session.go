package mapae

import (
	"encoding/base64"
	"slices"
	"time"
)

// SessionID names a session for as long as it lives, while its token rotates:
// 16 raw bytes, the first eight the time of creation.
type SessionID string

// String returns the ID as base64url without padding.
func (id SessionID) String() string { return encode64([]byte(id)) }

// MarshalText and UnmarshalText write and read the form of String.
func (id SessionID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is described at MarshalText.
func (id *SessionID) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	*id = SessionID(raw)
	return err
}

// Session is a person signed in on one browser or app. Its token is known to
// the client only; the store has the SHA-256 of the token's secret part.
type Session struct {
	ID         SessionID
	TokenHash  [32]byte
	UserID     UserID
	Epoch      int64 // the user's epoch when it began; another one ends it
	Uses       []Use // every method used in it, newest use of each
	App        bool  // bearer token of an app, not a browser's cookie
	Address    string
	UserAgent  string
	CreatedAt  time.Time
	SeenAt     time.Time // written at most once a minute
	IdleEndsAt time.Time // SeenAt and the idle time, never after EndsAt
	EndsAt     time.Time
}

// Use is one method used in a session.
type Use struct {
	Method       MethodName `json:"method"`
	At           time.Time  `json:"at"`
	Credential   []byte     `json:"credential,omitempty"`    // ID of the passkey
	UserVerified bool       `json:"user_verified,omitempty"` // by a UV flag that can be relied on
}

// phishingResistant reports whether the method of u is bound to the origin.
func (u Use) phishingResistant() bool { return u.Method == MethodPasskey }

// AAL is the assurance level, 1 or 2, that the methods used add up to: a
// passkey with user verification is two factors, and so are two different
// methods of which one is something that the person has.
func (s Session) AAL() int {
	methods, has := map[MethodName]bool{}, false
	for _, u := range s.Uses {
		if u.Method == MethodPasskey && u.UserVerified {
			return 2
		}
		methods[u.Method] = true
		has = has || u.Method == MethodPasskey || u.Method == MethodTOTP || u.Method == MethodRecoveryCode
	}
	if has && len(methods) > 1 {
		return 2
	}
	return 1
}

// PhishingResistant reports whether a method bound to the origin was used.
func (s Session) PhishingResistant() bool {
	return slices.ContainsFunc(s.Uses, Use.phishingResistant)
}

// AMR returns the authentication method references (RFC 8176) of the methods
// used: pop, user, pwd, otp, mfa; in that order, each once.
func (s Session) AMR() []string {
	has := map[string]bool{"mfa": s.AAL() == 2}
	for _, u := range s.Uses {
		switch u.Method {
		case MethodPasskey:
			has["pop"] = true
			has["user"] = has["user"] || u.UserVerified
		case MethodPassword:
			has["pwd"] = true
		case MethodTOTP, MethodRecoveryCode, MethodEmailCode, MethodLink:
			has["otp"] = true
		}
	}
	return slices.DeleteFunc([]string{"pop", "user", "pwd", "otp", "mfa"}, func(name string) bool { return !has[name] })
}

// withUse returns the uses of s and u, which replaces an earlier use of the
// same method and credential.
func (s Session) withUse(u Use) []Use {
	uses := slices.DeleteFunc(slices.Clone(s.Uses), func(old Use) bool {
		return old.Method == u.Method && slices.Equal(old.Credential, u.Credential)
	})
	return append(uses, u)
}

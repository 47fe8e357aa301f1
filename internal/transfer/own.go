package transfer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// formOfLines is the form of Mapae's own lines.
const formOfLines = 1

// ownAccount is an account as a line of Mapae's own.
type ownAccount struct {
	Mapae    int          `json:"mapae"` // formOfLines
	User     ownUser      `json:"user"`
	Passkeys []ownPasskey `json:"passkeys"`
}

type ownUser struct {
	ID              mapae.UserID `json:"id"` // user handle, base64url
	Login           string       `json:"login"`
	Email           string       `json:"email,omitempty"`
	EmailVerifiedAt *time.Time   `json:"email_verified_at,omitempty"`
	Name            string       `json:"name"`
	Locale          string       `json:"locale,omitempty"`
	ExternalID      string       `json:"external_id,omitempty"`
	CreatedAt       time.Time    `json:"created_at"`
	DisabledAt      *time.Time   `json:"disabled_at,omitempty"`
}

type ownPasskey struct {
	ID             base64url  `json:"id"`
	PublicKey      base64url  `json:"public_key"` // COSE_Key
	SignCount      uint32     `json:"sign_count"`
	UserVerified   bool       `json:"user_verified"` // when it was made
	BackupEligible bool       `json:"backup_eligible"`
	BackupState    bool       `json:"backup_state"`
	Transports     []string   `json:"transports,omitempty"`
	AAGUID         base64url  `json:"aaguid"`
	RPID           string     `json:"rp_id"`
	Name           string     `json:"name"`
	FirstFactor    bool       `json:"first_factor"`
	ForeignHandle  bool       `json:"foreign_handle,omitempty"`
	CreatedAt      time.Time  `json:"created_at"`
	LastUsedAt     *time.Time `json:"last_used_at,omitempty"`
	SuspendedAt    *time.Time `json:"suspended_at,omitempty"`
}

// base64url is bytes that JSON has as base64url without padding.
type base64url []byte

func (b base64url) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

func (b *base64url) UnmarshalText(text []byte) (err error) {
	*b, err = base64.RawURLEncoding.Strict().DecodeString(string(text))
	return err
}

// moment is t, nil where that is zero, and timeOf the other way round.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Write writes an account and its passkeys as one of Mapae's own lines, which
// Read takes back.
func Write(w io.Writer, u mapae.User, passkeys []mapae.Credential) error {
	line := ownAccount{Mapae: formOfLines, Passkeys: []ownPasskey{}, User: ownUser{ID: u.ID, Login: u.Login, Email: u.Email,
		EmailVerifiedAt: moment(u.EmailVerifiedAt), Name: u.Name, Locale: u.Locale, ExternalID: u.ExternalID, CreatedAt: u.CreatedAt, DisabledAt: moment(u.DisabledAt)}}
	for _, c := range passkeys {
		line.Passkeys = append(line.Passkeys, ownPasskey{ID: c.ID, PublicKey: c.PublicKey, SignCount: c.SignCount, UserVerified: c.UVInitialized,
			BackupEligible: c.BackupEligible, BackupState: c.BackupState, Transports: c.Transports, AAGUID: c.AAGUID[:], RPID: c.RPID, Name: c.Name,
			FirstFactor: c.FirstFactor, ForeignHandle: c.ForeignHandle, CreatedAt: c.CreatedAt, LastUsedAt: moment(c.LastUsedAt), SuspendedAt: moment(c.SuspendedAt)})
	}
	return json.NewEncoder(w).Encode(line)
}

// ownLine reads what Write wrote.
func ownLine(text []byte) Account {
	var line ownAccount
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&line); err != nil {
		return Account{Err: err}
	}
	if d.More() {
		return Account{Err: errors.New("there is something behind the object")}
	}
	if line.Mapae != formOfLines {
		return Account{Err: fmt.Errorf("it is no line that mapae export has written, or that of a newer version (mapae: %d)", line.Mapae)}
	}
	u := line.User
	a := Account{Label: u.Login, Imported: mapae.Imported{User: mapae.User{ID: u.ID, Login: u.Login, Email: u.Email, EmailVerifiedAt: timeOf(u.EmailVerifiedAt),
		Name: u.Name, Locale: u.Locale, ExternalID: u.ExternalID, CreatedAt: u.CreatedAt, DisabledAt: timeOf(u.DisabledAt)}}}
	for _, p := range line.Passkeys {
		c := mapae.Credential{Credential: webauthn.Credential{ID: p.ID, PublicKey: p.PublicKey, SignCount: p.SignCount, UVInitialized: p.UserVerified,
			BackupEligible: p.BackupEligible, BackupState: p.BackupState, Transports: p.Transports},
			RPID: p.RPID, Name: p.Name, FirstFactor: p.FirstFactor, ForeignHandle: p.ForeignHandle, CreatedAt: p.CreatedAt,
			LastUsedAt: timeOf(p.LastUsedAt), SuspendedAt: timeOf(p.SuspendedAt)}
		copy(c.AAGUID[:], p.AAGUID)
		a.Passkeys = append(a.Passkeys, mapae.ImportedPasskey{Credential: c})
	}
	return a
}

package transfer

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// goUser is a line for go-webauthn: a user as its interface webauthn.User tells
// one, and their webauthn.Credential values as encoding/json writes them.
type goUser struct {
	ID          string         `json:"id"`   // WebAuthnID as base64, of either alphabet
	Name        string         `json:"name"` // WebAuthnName
	DisplayName string         `json:"displayName"`
	Email       string         `json:"email"`
	Verified    bool           `json:"emailVerified"`
	ExternalID  string         `json:"externalId"`
	Second      bool           `json:"secondFactorOnly"`
	Credentials []goCredential `json:"credentials"`
}

type goCredential struct {
	ID        []byte   `json:"id"`
	PublicKey []byte   `json:"publicKey"`
	Transport []string `json:"transport"`
	Flags     *struct {
		UserVerified   bool `json:"userVerified"`
		BackupEligible bool `json:"backupEligible"`
		BackupState    bool `json:"backupState"`
	} `json:"flags"`
	Authenticator struct {
		AAGUID    []byte `json:"AAGUID"`
		SignCount uint32 `json:"signCount"`
	} `json:"authenticator"`
	Attestation struct {
		Object []byte `json:"object"`
	} `json:"attestation"`
}

func goWebAuthnLine(line []byte) Account {
	var u goUser
	if err := json.Unmarshal(line, &u); err != nil {
		return Account{Err: err}
	}
	a := Account{Label: u.Name}
	id, err := decode64(u.ID)
	if err != nil {
		a.Err = fmt.Errorf("id: %w", err)
		return a
	}
	a.User = mapae.User{ID: mapae.UserID(id), Login: u.Name, Email: u.Email, Name: u.DisplayName, ExternalID: u.ExternalID}
	if a.User.Email == "" {
		a.User.Email = mailOf(u.Name)
	}
	if u.Verified {
		a.User.EmailVerifiedAt = time.Now()
	}
	for _, c := range u.Credentials {
		p := mapae.ImportedPasskey{Credential: mapae.Credential{FirstFactor: !u.Second,
			Credential: webauthn.Credential{ID: c.ID, PublicKey: c.PublicKey, SignCount: c.Authenticator.SignCount, Transports: c.Transport}}}
		copy(p.AAGUID[:], c.Authenticator.AAGUID)
		if c.Flags == nil {
			a.lost("flags of its credentials were not kept: they count as one factor")
		} else {
			p.UVInitialized, p.BackupEligible, p.BackupState = c.Flags.UserVerified, c.Flags.BackupEligible, c.Flags.BackupState
		}
		if len(c.Attestation.Object) > 0 { // tells the RP ID
			p.Registration = &webauthn.RegistrationResponse{ID: c.ID, AttestationObject: c.Attestation.Object}
		}
		a.Passkeys = append(a.Passkeys, p)
	}
	return a
}

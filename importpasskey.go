package mapae

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mapae/mapae/webauthn"
)

// Bounds of what is kept of an imported credential's transports, which are
// handed back to browsers.
const (
	maxTransports = 16
	maxTransport  = 32
)

// importedPasskey is p as it will be stored for a user, and what is to be said
// of it. The error says why it can't work here. The attestation statement of an
// imported credential is not kept: nobody here has verified it.
func (a *Auth) importedPasskey(user UserID, p ImportedPasskey) (_ Credential, note string, err error) {
	if p.RPID != "" && p.RPID != a.cfg.RP.ID {
		return Credential{}, "", fmt.Errorf("it was made for the RP ID %q, and can't be used for %q", p.RPID, a.cfg.RP.ID)
	}
	c := p.Credential
	if p.Registration != nil {
		c.ID = p.Registration.ID
	}
	if len(c.ID) < 1 || len(c.ID) > 1023 {
		return Credential{}, "", fmt.Errorf("its credential ID has %d bytes, and not 1 to 1,023", len(c.ID))
	}
	discoverable := true
	if p.Registration == nil {
		c.PublicKey, c.Algorithm, err = a.verifyKeptKey(c.ID, c.PublicKey)
	} else {
		var made *webauthn.Registration
		if made, err = a.verifyKeptRegistration(p.Registration); err == nil {
			discoverable = made.Discoverable == nil || *made.Discoverable
			c.Credential = updated(made.Credential, p.Credential.Credential)
		}
	}
	if err != nil {
		return Credential{}, "", a.explainImport(err)
	}
	c.UserID, c.RPID, c.FirstFactor = user, a.cfg.RP.ID, p.FirstFactor && discoverable
	c.Name, c.LastUsedAgent, c.CreatedAt = fitName(c.Name), "", past(c.CreatedAt, a.now())
	if c.LastUsedAt.After(a.now()) {
		c.LastUsedAt = a.now()
	}
	c.Transports = slices.DeleteFunc(slices.Clone(c.Transports), func(t string) bool { return t == "" || len(t) > maxTransport || strings.ContainsFunc(t, invisible) })
	c.Transports = c.Transports[:min(len(c.Transports), maxTransports)]
	c.AttestationFormat, c.AttestationObject, c.AttestationClientDataJSON = "none", nil, nil
	return c, noteOn(c), nil
}

// updated is the record of a registration with what has changed since: the
// other system's own record, as far as it kept one.
func updated(made, since webauthn.Credential) webauthn.Credential {
	made.SignCount = max(made.SignCount, since.SignCount)
	made.UVInitialized = made.UVInitialized || since.UVInitialized
	made.BackupState = made.BackupState || since.BackupState
	if len(since.Transports) > 0 {
		made.Transports = since.Transports
	}
	return made
}

// noteOn says what will be different with c than people may expect.
func noteOn(c Credential) string {
	switch {
	case !c.FirstFactor:
		return "it is a second factor only"
	case !c.UVInitialized && !c.BackupEligible:
		return "it is one factor: nothing tells that its user was verified when it was made"
	}
	return ""
}

// explainImport says in words why a credential that another system accepted
// can't be used here.
func (a *Auth) explainImport(err error) error {
	var w *webauthn.Error
	if !errors.As(err, &w) {
		return err
	}
	switch w.Check {
	case webauthn.CheckRPIDHash:
		return fmt.Errorf("it was made for another RP ID than %q, or is a U2F key under an AppID", a.cfg.RP.ID)
	case webauthn.CheckAlgorithm:
		return fmt.Errorf("its algorithm is not accepted here: %w", err)
	case webauthn.CheckKey:
		return fmt.Errorf("its public key can't verify a signature: %w", err)
	}
	return fmt.Errorf("it can't be read: %w", err)
}

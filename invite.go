package mapae

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Invite returns an invitation to sign up, which works once and for life. With
// an e-mail address only that address can be signed up with it; empty: any.
// Errors: CodeBadRequest with the field email; CodeUnavailable.
func (a *Auth) Invite(ctx context.Context, email string, life time.Duration) (string, error) {
	if email != "" {
		if _, err := loginKey(email); err != nil {
			return "", badField("email", err)
		}
	}
	text, err := a.sealTicket(ticket{Purpose: purposeInvitation, Login: email}, life)
	if err != nil {
		return "", err
	}
	e := a.event(Client{}, EventInvitationIssued, "")
	e.Method = ""
	return text, a.record(ctx, e, nil)
}

// openTo reports whether open sign-up takes the address with that key.
func (a *Auth) openTo(key string) bool {
	at := key[strings.LastIndexByte(key, '@')+1:]
	return len(a.cfg.SignUpDomains) == 0 || slices.Contains(a.cfg.SignUpDomains, at)
}

// mayRequestSignUp applies the sign-up policy to a request for the login key.
// Where an invitation is needed it returns what the sign-up spends of it.
func (a *Auth) mayRequestSignUp(invitation, key string) (*grant, error) {
	switch a.cfg.SignUp {
	case SignUpOpen:
		if a.openTo(key) {
			return nil, nil
		}
	case SignUpClosed:
		return nil, fail(CodeForbidden, errors.New("sign-up is closed"))
	}
	t, err := a.openTicket(invitation, purposeInvitation, nil)
	if err != nil {
		return nil, fail(CodeForbidden, err)
	}
	if t.Login != "" {
		if invited, err := loginKey(t.Login); err != nil || invited != key {
			return nil, fail(CodeForbidden, errors.New("the invitation is for another address"))
		}
	}
	return &grant{Nonce: t.nonce, EndsAt: t.endsAt()}, nil
}

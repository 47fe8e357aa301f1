package web

import (
	"net/http"

	"github.com/mapae/mapae"
)

// accountJSON is how a user can sign in, and what is known of them.
type accountJSON struct {
	User            userJSON           `json:"user"`
	EmailVerifiedAt *string            `json:"email_verified_at"`
	Locale          string             `json:"locale"`
	CreatedAt       string             `json:"created_at"`
	Methods         []mapae.MethodName `json:"methods"` // that the site offers
	Passkeys        []passkeyJSON      `json:"passkeys"`
	Password        bool               `json:"password"`
	EmailCode       bool               `json:"email_code"` // codes are mailed to the address, which is proven
	TOTP            bool               `json:"totp"`
	RecoveryCodes   int                `json:"recovery_codes_left"`
	Recovery        *waitingJSON       `json:"recovery"` // waits, and can be cancelled
}

// waitingJSON is a recovery that waits, as its user sees it.
type waitingJSON struct {
	Proof     mapae.MethodName `json:"proof"`
	CreatedAt string           `json:"created_at"`
	ReadyAt   string           `json:"ready_at"`
}

// account answers the account of who is signed in.
func (s *Site) account(w http.ResponseWriter, r *http.Request) error {
	return s.answerAccount(w, r, nil)
}

// answerAccount answers the account of who is signed in, and what a change of
// it signals.
func (s *Site) answerAccount(w http.ResponseWriter, r *http.Request, signals *signalsJSON) error {
	cur := on(r).current
	a, err := s.auth.Account(r.Context(), *cur)
	if err != nil {
		return err
	}
	out := accountJSON{
		User: showUser(a.User), EmailVerifiedAt: optionalStamp(a.User.EmailVerifiedAt), Locale: a.User.Locale, CreatedAt: stamp(a.User.CreatedAt),
		Methods: s.methodNames(), Passkeys: []passkeyJSON{}, Password: a.Password, EmailCode: a.EmailCode, TOTP: a.TOTP, RecoveryCodes: a.RecoveryCodesLeft,
	}
	for _, c := range a.Passkeys {
		out.Passkeys = append(out.Passkeys, s.showPasskey(c, cur))
	}
	if a.Recovery != nil {
		out.Recovery = &waitingJSON{a.Recovery.Proof, stamp(a.Recovery.CreatedAt), stamp(a.Recovery.ReadyAt)}
	}
	return answer(w, struct {
		Success bool         `json:"success"`
		Account accountJSON  `json:"account"`
		Signals *signalsJSON `json:"signals,omitempty"`
	}{true, out, signals})
}

func (s *Site) methodNames() []mapae.MethodName {
	names := []mapae.MethodName{}
	for _, m := range s.auth.Config().Methods {
		names = append(names, m.Name())
	}
	return names
}

// changeAccount changes name and language, and answers as account does.
func (s *Site) changeAccount(w http.ResponseWriter, r *http.Request) error {
	var to mapae.AccountChange
	if err := readJSON(r, member{name: "name", maybe: &to.Name}, member{name: "locale", maybe: &to.Locale}); err != nil {
		return err
	}
	ex := on(r)
	u, err := s.auth.ChangeAccount(r.Context(), ex.client, *ex.current, to)
	if err != nil {
		return err
	}
	ex.current.User = u
	return s.answerAccount(w, r, s.signalDetails(u))
}

// deleteAccount removes the user and all that is theirs, by the ticket of a
// step-up for delete_account.
func (s *Site) deleteAccount(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	if err := s.auth.DeleteAccount(r.Context(), ex.client, *ex.current, ex.ticket); err != nil {
		return err
	}
	s.dropSession(w, r)
	return answer(w, done{true, s.signalDeleted(ex.current.User)})
}

// cancelRecovery ends a recovery of the user's account that waits.
func (s *Site) cancelRecovery(w http.ResponseWriter, r *http.Request) error {
	ex := on(r)
	if err := s.auth.CancelRecovery(r.Context(), ex.client, *ex.current); err != nil {
		return err
	}
	return answer(w, done{Success: true})
}

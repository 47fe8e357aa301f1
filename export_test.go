package mapae

import (
	"context"

	"github.com/mapae/mapae/webauthn"
)

// ThrottleKey shows tests where wrong proofs of a user are counted.
func (a *Auth) ThrottleKey(method MethodName, user UserID) [32]byte {
	return a.throttleKey(method, user, "")
}

// Letter is a mail that a flow asks for.
type Letter = letter

// Write asks for a mail as flows do, in a transaction of its own.
func (a *Auth) Write(ctx context.Context, l Letter) error {
	return a.store.Update(ctx, func(tx Tx) error { return a.mail(ctx, tx, l) })
}

// MailKey shows tests where mails to an address are counted.
func (a *Auth) MailKey(to string) [32]byte { return a.mailKey(to) }

// Purposes is how many purposes there are; they are numbered from 1.
const Purposes = purposes

// CeremonyPurposes are those that only ceremonies, the set-up of an
// authenticator app and the operator's inquiry have.
var CeremonyPurposes = []int{int(purposeSignUp), int(purposeRegister), int(purposeRegisterConditional), int(purposeSignIn), int(purposeReauth), int(purposeTOTP), int(purposeInquiry)}

// PurposeOf is what a ticket, a link's code or a state is for; 0: it is none.
func (a *Auth) PurposeOf(text string) int {
	for prefix, what := range map[string]string{TicketPrefix: sealTicket, LinkPrefix: sealLink, StatePrefix: sealState} {
		if t, err := a.openUnder(what, prefix, text); err == nil {
			return int(t.Purpose)
		}
	}
	return 0
}

// VerifyKeptKey shows tests how a stored key is judged.
func (a *Auth) VerifyKeptKey(id, key []byte) ([]byte, webauthn.Algorithm, error) {
	return a.verifyKeptKey(id, key)
}

// VerifyKeptRegistration shows tests how a stored registration is judged.
func (a *Auth) VerifyKeptRegistration(r *webauthn.RegistrationResponse) (*webauthn.Registration, error) {
	return a.verifyKeptRegistration(r)
}

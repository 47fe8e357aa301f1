package web

import (
	"context"
	"html/template"
	"time"

	"github.com/mapae/mapae"
)

// samples are what each page is tried with: every step, with everything that
// there can be, and with nothing.
func samples() map[string][]any {
	in := signInData{Email: "a@example.com", Name: "A", Next: "/", Notice: "Example", Alert: "Example", Ticket: "mt_example",
		Password: true, Passkey: true, EmailCode: true, Resets: true, Mail: true}
	proofs := sampleProofs()
	codes := codesData{Codes: []string{"EXAMPLE"}, Next: "/"}
	method := methodData{Has: true, Alert: "Example", Email: "a@example.com", Ticket: "mt_example", Secret: "EXAMPLE",
		Picture: qrPicture{Size: 1, Dark: "M0 0"}, URI: template.URL("otpauth://totp/a"), Left: 1, All: allCodes, Codes: codes}
	mail := mailCodeData{Title: "mailcode.verify.title", Why: "mailcode.verify.why", Sent: "mailcode.verify.sent",
		Action: "/verify-email", Restart: "/verify-email", Email: "a@example.com", Name: "A", Next: "/", Alert: "Example"}
	sent := mail
	sent.Ticket, sent.Own = "mt_example", true
	return map[string][]any{
		"sign-in": {in, signInData{}}, "sign-up": {in, signInData{Password: true}}, "sign-up-proven": {in, signInData{Password: true}},
		"email-code": {mail, sent, mailCodeData{}},
		"reset":      sampleSteps([]string{"start", "sent", "new"}, func(step string) any { return resetData{step, "a@example.com", "EXAMPLE", "Example"} }),
		"confirm":    proofs, "second-factor": proofs,
		"recover":      sampleRecoveries(),
		"offer":        {offerData{Next: "/", Local: true, Upgrade: true}, offerData{Second: true}, offerData{}},
		"link":         sampleSteps([]string{"not_me", "undo", "cancel", "signin"}, sampleLink),
		"account":      {sampleAccount(), accountData{Passkeys: samplePasskeys(), Offers: sampleAccount().Offers, Notice: "Example"}, accountData{}},
		"activity":     {activityData{[]activityRow{{"activity.signin", time.Unix(1, 0), "Example", "127.0.0.1"}}, "EXAMPLE"}, activityData{}},
		"change-email": {changeEmailData{"mt_example", "a@example.com", "Example", "a@example.com", true}, changeEmailData{}},
		"delete":       {deleteData{"mt_example", "Example", "a@example.com"}, deleteData{}},
		"password":     {method, methodData{}}, "totp": {method, methodData{}}, "codes": {method, methodData{Left: 1}, methodData{}},
		"federated": sampleSteps([]string{"leave", "taken", "email", "code"}, func(step string) any {
			return federatedData{step, "example", "Example", "https://example.com/", "a@example.com", "mt_example", "/", "Example"}
		}),
		"passkeys": {nil},
		"error":    {errorData{404, "Example", "Example"}, errorData{}},
	}
}

// sampleSteps are the data of a page at each of its steps.
func sampleSteps(steps []string, at func(step string) any) []any {
	var all []any
	for _, step := range steps {
		all = append(all, at(step))
	}
	return all
}

func sampleLink(kind string) any {
	return linkData{Kind: kind, Path: "/", Code: "ml_example", About: "a@example.com", Over: kind == "undo", Done: kind == "cancel"}
}

// sampleProofs ask for each proof first, and for all others behind it.
func sampleProofs() []any {
	ways := []mapae.MethodName{mapae.MethodPasskey, mapae.MethodPassword, mapae.MethodTOTP, mapae.MethodRecoveryCode, mapae.MethodEmailCode, mapae.MethodFederated}
	var all []any
	for _, m := range ways {
		d := proofData{Ticket: "mt_example", Next: "/", Action: mapae.ActionChangeEmail, Alert: "Example", Email: "a@example.com", Own: sampleProviders, MailTicket: "mt_example", Mailed: true, ways: ways, routes: stepUpRoutes}
		all = append(all, d.begin(m))
	}
	return append(all, proofData{ways: []mapae.MethodName{mapae.MethodEmailCode}}, proofData{})
}

func sampleRecoveries() []any {
	methods := []mapae.MethodName{mapae.MethodEmailCode, mapae.MethodRecoveryCode, mapae.MethodTOTP, mapae.MethodFederated}
	all := sampleSteps([]string{"start", "proof", "more", "ready", "waiting"}, func(step string) any {
		return recoverData{Step: step, Email: "a@example.com", Alert: "Example", Ticket: "mt_example", Methods: methods, Claim: "EXAMPLE", Code: "ml_example",
			Mailed: step == "more", Providers: sampleProviders, ReadyAt: sampleTime, Delay: 3}
	})
	return append(all, recoverData{})
}

// sampleTime is some day.
var sampleTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sampleAccount has one of everything, and two of what is told apart.
func sampleAccount() accountData {
	user := mapae.User{Login: "a@example.com", Email: "a@example.com", Name: "A"}
	return accountData{
		User: user, Passkeys: samplePasskeys(),
		Sessions: []sessionCard{{ID: "AA", Device: "Example", Address: "192.0.2.1", CreatedAt: sampleTime, SeenAt: sampleTime, Current: true}, {ID: "AQ"}},
		Linked:   []linkedRow{{ID: "AA", Label: "Example", Email: "a@example.com", LastUsedAt: sampleTime}, {ID: "AQ"}},
		Account: mapae.Account{User: user, Password: true, EmailCode: true, TOTP: true, RecoveryCodesLeft: 1,
			Passkeys: []mapae.Credential{{}}, Identities: []mapae.Identity{{}}, Recovery: &mapae.Recovery{ReadyAt: sampleTime}},
		Offers: map[string]bool{"passkey": true, "password": true, "totp": true, "email_code": true, "federated": true},
		All:    allCodes, Verify: true, Frozen: sampleTime, Lift: true, Confirm: "/", Notice: "Example", Alert: "Example",
	}
}

// samplePasskeys are one of each kind, and one of which nothing is known.
func samplePasskeys() []passkeyCard {
	all := []passkeyCard{{ID: "AQ", Name: "B"}}
	for _, kind := range []mapae.ModelKind{mapae.ModelPlatform, mapae.ModelPasswordManager, mapae.ModelSecurityKey} {
		all = append(all, passkeyCard{ID: "AA", Name: "A", Model: mapae.Model{Name: "Example", Kind: kind}, Badge: "account.passkey.device_only",
			CreatedAt: sampleTime, LastUsedAt: sampleTime, Device: "Example", Current: true, LastWayIn: true, Renaming: true, Removing: true})
	}
	return all
}

// sampleProviders are one that nobody can go to.
var sampleProviders = mapae.Federated{sampleProvider{}}

type sampleProvider struct{}

func (sampleProvider) Name() string   { return "example" }
func (sampleProvider) Label() string  { return "Example" }
func (sampleProvider) Issuer() string { return "https://example.com" }

func (sampleProvider) Start(context.Context, mapae.ProviderTrip) (string, error) {
	return "", mapae.ErrUnavailable
}

func (sampleProvider) Finish(context.Context, mapae.ProviderTrip, mapae.ProviderAnswer) (mapae.Profile, error) {
	return mapae.Profile{}, mapae.ErrUnavailable
}

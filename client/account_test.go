package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

const password = "correct horse battery staple"

// place is a site under a clock that tests move.
type place struct {
	origin string
	ahead  atomic.Int64 // of the real clock, nanoseconds
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := new(place)
	p.origin = serveAt(t, p.now)
	return p
}

func (p *place) now() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }

// code is what an authenticator app shows, of a step that was not used before.
func (p *place) code(t *testing.T, secret string) string {
	t.Helper()
	p.ahead.Add(int64(30 * time.Second))
	code, err := totp.GenerateCode(secret, p.now())
	must(t, err)
	return code
}

func wantError(t *testing.T, err error, status int, code string) *client.Error {
	t.Helper()
	e := new(client.Error)
	if !errors.As(err, &e) || e.Status != status || e.Code != code {
		t.Fatalf("error is %v, want %d %s", err, status, code)
	}
	return e
}

func eachKind(t *testing.T, f func(ctx context.Context, t *testing.T, p *place, c *client.Client)) {
	t.Parallel()
	for name, app := range map[string]bool{"browser": false, "app": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			c := client.New(p.origin+"/auth/", webauthntest.New(p.origin))
			c.App = app
			f(t.Context(), t, p, c)
		})
	}
}

func TestAPasswordIsFollowedByASecondStep(t *testing.T) {
	eachKind(t, func(ctx context.Context, t *testing.T, p *place, c *client.Client) {
		up, err := c.SignUpPassword(ctx, "kim@example.com", "Kim", password, "")
		must(t, err)
		if up.Session.AAL != 1 || up.RecoveryCodes != nil || (up.Token != "") != c.App {
			t.Errorf("signed up as %+v", up)
		}
		setup, err := c.BeginTOTP(ctx)
		must(t, err)
		if !strings.HasPrefix(setup.URI, "otpauth://totp/") || !strings.HasPrefix(setup.QR, "data:image/svg+xml;base64,") {
			t.Errorf("set-up is %+v", setup)
		}
		codes, err := c.FinishTOTP(ctx, setup.Ticket, p.code(t, setup.Secret))
		must(t, err)
		if len(codes) != 10 {
			t.Fatalf("recovery codes are %q", codes)
		}
		_, err = c.SignInPassword(ctx, "kim@example.com", password)
		wantError(t, err, 401, "second_factor_required")
		due := client.SecondFactorOf(err)
		if !slices.Equal(due.Methods, []string{"totp", "recovery_code"}) || due.Options != nil {
			t.Errorf("the second step is %+v", due)
		}
		in, err := c.VerifyTOTP(ctx, due.Ticket, p.code(t, setup.Secret))
		must(t, err)
		if in.Session.AAL != 2 {
			t.Errorf("signed in as %+v", in)
		}
		added, err := c.AddPasskey(ctx, webauthntest.New(p.origin), "")
		must(t, err)
		if added.RecoveryCodes != nil {
			t.Error("recovery codes were made twice")
		}
		_, err = c.SignInPassword(ctx, "kim@example.com", password)
		due = client.SecondFactorOf(err)
		if due == nil || due.Methods[0] != "passkey" || due.Options == nil {
			t.Fatalf("the second step is %+v after %v", due, err)
		}
		_, err = c.VerifyRecoveryCode(ctx, due.Ticket, codes[0])
		must(t, err)
		left, err := c.RecoveryCodesLeft(ctx)
		must(t, err)
		again, err := c.NewRecoveryCodes(ctx)
		must(t, err)
		if left != 9 || len(again) != 10 || slices.Contains(again, codes[1]) {
			t.Errorf("%d were left, new ones are %q", left, again)
		}
		must(t, c.RemoveTOTP(ctx))
		must(t, c.RemovePassword(ctx))
		_, err = c.SetPassword(ctx, password+"!")
		must(t, err)
		if client.SecondFactorOf(context.Canceled) != nil {
			t.Error("a second step out of nothing")
		}
	})
}

func TestAPasskeyIsASecondStepAndAStepUp(t *testing.T) {
	eachKind(t, func(ctx context.Context, t *testing.T, p *place, c *client.Client) {
		_, err := c.SignUpPassword(ctx, "kim@example.com", "Kim", password, "")
		must(t, err)
		key := webauthntest.New(p.origin)
		added, err := c.AddPasskey(ctx, key, "Laptop")
		must(t, err)
		if len(added.RecoveryCodes) != 10 {
			t.Errorf("recovery codes are %q", added.RecoveryCodes)
		}
		other := client.New(p.origin+"/auth", key)
		other.App = c.App
		_, err = other.SignInPassword(ctx, "kim@example.com", password)
		in, err := other.VerifyPasskey(ctx, client.SecondFactorOf(err))
		must(t, err)
		if in.Session.AAL != 2 || !in.Session.PhishingResistant || len(in.Session.Methods) != 2 {
			t.Errorf("signed in as %+v", in)
		}
		options, err := other.BeginVerify(ctx, "")
		must(t, err)
		credential, err := key.Get(options)
		must(t, err)
		up, err := other.FinishVerify(ctx, "", credential)
		must(t, err)
		if up.Session.ID != in.Session.ID {
			t.Errorf("a step-up leads from %+v to %+v", in.Session, up.Session)
		}
		for name, step := range map[string]func() (client.SignedIn, error){
			"a password": func() (client.SignedIn, error) { return other.ReauthPassword(ctx, password, "change_email") },
			"a recovery code": func() (client.SignedIn, error) {
				return other.ReauthRecoveryCode(ctx, added.RecoveryCodes[0], "change_email")
			},
			"a passkey": func() (client.SignedIn, error) { return other.ReauthFor(ctx, client.ActionChangeEmail) },
		} {
			up, err := step()
			must(t, err)
			changed, err := other.BeginChangeEmail(ctx, up.Ticket, strings.ReplaceAll(name, " ", "-")+"@example.com")
			must(t, err)
			if email := changed.Account.User.Email; !strings.HasSuffix(email, "@example.com") || email == "kim@example.com" {
				t.Errorf("after %s the account is %+v", name, changed)
			}
		}
		_, err = other.BeginUpgrade(ctx)
		must(t, err)
		_, err = other.ReauthTOTP(ctx, "000000", "")
		wantError(t, err, 401, "authentication_failed")
	})
}

func TestAnAccountIsLookedAtChangedAndDeleted(t *testing.T) {
	eachKind(t, func(ctx context.Context, t *testing.T, _ *place, c *client.Client) {
		_, err := c.SignUp(ctx, "kim@example.com", "Kim")
		must(t, err)
		before, err := c.Account(ctx)
		must(t, err)
		if before.User.Name != "Kim" || len(before.Passkeys) != 1 || before.Password || before.TOTP || before.RecoveryCodesLeft != 10 || before.Recovery != nil ||
			before.EmailVerifiedAt != nil || before.CreatedAt.IsZero() || !slices.Equal(before.Methods, []string{"passkey", "password", "totp"}) {
			t.Errorf("account is %+v", before)
		}
		name, locale := "Kim Lee", "ko"
		after, err := c.ChangeAccount(ctx, client.AccountChange{Name: &name})
		must(t, err)
		if after.User.Name != name || after.Locale != before.Locale {
			t.Errorf("account is %+v", after)
		}
		after, err = c.ChangeAccount(ctx, client.AccountChange{Locale: &locale})
		must(t, err)
		if after.User.Name != name || after.Locale != locale {
			t.Errorf("account is %+v", after)
		}
		newest, next, err := c.Events(ctx, "", 2)
		must(t, err)
		oldest, end, err := c.Events(ctx, next, 0)
		must(t, err)
		if len(newest) != 2 || newest[0].Type != "account_changed" || next != newest[1].ID || len(oldest) != 1 || oldest[0].Type != "signup" || oldest[0].App != c.App || end != "" {
			t.Errorf("events are %+v, then %+v", newest, oldest)
		}
		wantError(t, c.DeleteAccount(ctx, ""), 403, "step_up_required")
		up, err := c.ReauthFor(ctx, client.ActionDeleteAccount)
		must(t, err)
		must(t, c.DeleteAccount(ctx, up.Ticket))
		_, err = c.Session(ctx)
		wantError(t, err, 401, "unauthenticated")
		if c.Token() != "" {
			t.Error("the token is kept")
		}
	})
}

func TestARecoveryWaitsOrTakesTwoProofs(t *testing.T) {
	eachKind(t, func(ctx context.Context, t *testing.T, p *place, c *client.Client) {
		up, err := c.SignUp(ctx, "kim@example.com", "Kim")
		must(t, err)
		setup, err := c.BeginTOTP(ctx)
		must(t, err)
		_, err = c.FinishTOTP(ctx, setup.Ticket, p.code(t, setup.Secret))
		must(t, err)
		lost := client.New(p.origin+"/auth", webauthntest.New(p.origin))
		lost.App = c.App
		methods, err := lost.RecoveryMethods(ctx)
		must(t, err)
		if !slices.Equal(methods, []string{"recovery_code", "totp"}) {
			t.Errorf("methods are %q", methods)
		}
		ticket, err := lost.BeginRecovery(ctx, "kim@example.com")
		must(t, err)
		step, err := lost.ProveRecovery(ctx, ticket, "recovery_code", up.RecoveryCodes[0])
		must(t, err)
		wait, err := lost.WaitForRecovery(ctx, step.Ticket)
		must(t, err)
		_, err = lost.ClaimRecovery(ctx, wait.Claim)
		if e := wantError(t, err, 409, "conflict"); e.RetryAfter < 71*time.Hour || !wait.ReadyAt.After(p.now()) {
			t.Errorf("to wait %v until %v", e.RetryAfter, wait.ReadyAt)
		}
		account, err := c.Account(ctx)
		must(t, err)
		if account.Recovery == nil || account.Recovery.Proof != "recovery_code" || !account.Recovery.ReadyAt.Equal(wait.ReadyAt) {
			t.Errorf("account is %+v", account)
		}
		must(t, c.CancelRecovery(ctx))
		ticket, err = lost.BeginRecovery(ctx, "kim@example.com")
		must(t, err)
		step, err = lost.ProveRecovery(ctx, ticket, "recovery_code", up.RecoveryCodes[1])
		must(t, err)
		step, err = lost.ProveRecovery(ctx, step.Ticket, "totp", p.code(t, setup.Secret))
		must(t, err)
		wantError(t, lost.RecoverPassword(ctx, step.Ticket, password), 403, "forbidden")
		in, err := lost.RecoverPasskey(ctx, step.Ticket)
		must(t, err)
		_, err = c.Session(ctx)
		wantError(t, err, 401, "unauthenticated")
		if !step.Ready || in.Session.AAL != 2 || in.User.ID != up.User.ID {
			t.Errorf("recovered as %+v", in)
		}
	})
}

func TestAPasswordIsRecovered(t *testing.T) {
	eachKind(t, func(ctx context.Context, t *testing.T, p *place, c *client.Client) {
		_, err := c.SignUpPassword(ctx, "kim@example.com", "Kim", password, "")
		must(t, err)
		codes, err := c.NewRecoveryCodes(ctx)
		must(t, err)
		ticket, err := c.BeginRecovery(ctx, "kim@example.com")
		must(t, err)
		step, err := c.ProveRecovery(ctx, ticket, "recovery_code", codes[0])
		must(t, err)
		must(t, c.RecoverPassword(ctx, step.Ticket, "another long password"))
		_, err = c.SignInPassword(ctx, "kim@example.com", password)
		wantError(t, err, 401, "authentication_failed")
		_, err = c.SignInPassword(ctx, "kim@example.com", "another long password")
		must(t, err)
	})
}

package mapae_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

func TestWhatIsSuggestedDependsOnTheWayIn(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	w.signUpPassword(c, "kim@example.com")
	wantSuggested(t, "a password", must(w.SignInPassword(w.ctx, c, "kim@example.com", password))(t).Admitted, mapae.SuggestPasskey)

	for _, at := range []struct {
		name       string
		attachment string
		transports []string
		want       []mapae.Suggestion
	}{
		{"this device", "platform", []string{"internal", "hybrid"}, nil},
		{"a phone beside this device", "cross-platform", []string{"internal", "hybrid"}, []mapae.Suggestion{mapae.SuggestLocalPasskey}},
		{"a security key", "cross-platform", []string{"usb", "nfc"}, nil},
		{"a browser that does not tell", "", []string{"hybrid"}, nil},
	} {
		key := webauthntest.New(origin)
		key.Transports = at.transports
		in := w.signUp(c, key, strings.ReplaceAll(at.name, " ", "-")+"@example.com")
		wantSuggested(t, "signing up with "+at.name, in)
		key.Attachment = at.attachment
		wantSuggested(t, at.name, w.signIn(c, key), at.want...)
		o := must(w.BeginReauth(w.ctx, c, w.current(in)))(t)
		wantSuggested(t, "a step-up with "+at.name, must(w.FinishReauth(w.ctx, c, w.current(in), must(key.Get(options(t, o)))(t)))(t))
	}
}

func TestASecondPasskeyIsSuggestedToWhoCouldLoseTheOnlyOne(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	alone := func(eligible bool) *webauthntest.Authenticator {
		key := webauthntest.New(origin)
		key.Transports, key.BackupEligible, key.BackupState = []string{"internal"}, eligible, false
		return key
	}
	second := []mapae.Suggestion{mapae.SuggestSecondPasskey}
	synced, device, unsaved := webauthntest.New(origin), alone(false), alone(true)
	w.signUp(c, device, "kim@example.com")
	w.signUp(c, synced, "lee@example.com")
	w.signUp(c, unsaved, "max@example.com")
	w.pass(24*time.Hour - time.Minute)
	wantSuggested(t, "making it", w.signIn(c, device))
	w.pass(time.Minute)
	wantSuggested(t, "a passkey that is synced", w.signIn(c, synced))
	wantSuggested(t, "a passkey that could be synced, and is not", w.signIn(c, unsaved), second...)
	unsaved.BackupState = true
	wantSuggested(t, "it was synced", w.signIn(c, unsaved))
	in := w.signIn(c, device)
	wantSuggested(t, "a passkey of one device", in, second...)
	o := must(w.BeginReauth(w.ctx, c, w.current(in)))(t)
	in = must(w.FinishReauth(w.ctx, c, w.current(in), must(device.Get(options(t, o)))(t)))(t)
	wantSuggested(t, "a step-up", in)

	if err := w.AnswerOffer(w.ctx, w.current(in), mapae.OfferNotNow); err != nil {
		t.Fatal(err)
	}
	wantSuggested(t, "not now", w.signIn(c, device))
	w.pass(30*24*time.Hour + time.Minute)
	in = w.signIn(c, device)
	wantSuggested(t, "30 days", in, second...)

	w.addPasskey(c, in, alone(false), "Spare")
	wantSuggested(t, "adding another", w.signIn(c, device))
}

func wantSuggested(t *testing.T, after string, in mapae.Admitted, want ...mapae.Suggestion) {
	t.Helper()
	if !slices.Equal(in.Suggest, want) {
		t.Errorf("after %s %v is suggested, want %v", after, in.Suggest, want)
	}
}

func TestAnOfferThatWasDeclinedIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	w.signUpPassword(c, "kim@example.com")
	signIn := func() mapae.Admitted {
		return must(w.SignInPassword(w.ctx, c, "kim@example.com", password))(t).Admitted
	}
	cur := w.current(signIn())
	wantCode(t, w.AnswerOffer(w.ctx, cur, "maybe"), mapae.CodeBadRequest)
	wantSuggested(t, "an answer that is none", signIn(), mapae.SuggestPasskey)

	if err := w.AnswerOffer(w.ctx, cur, mapae.OfferNotNow); err != nil {
		t.Fatal(err)
	}
	wantSuggested(t, "not now", signIn())
	w.pass(30*24*time.Hour - time.Minute)
	wantSuggested(t, "29 days", signIn())
	w.pass(2 * time.Minute)
	in := signIn()
	wantSuggested(t, "30 days", in, mapae.SuggestPasskey)

	if err := w.AnswerOffer(w.ctx, w.current(in), mapae.OfferNever); err != nil {
		t.Fatal(err)
	}
	w.pass(10 * 365 * 24 * time.Hour)
	wantSuggested(t, "never", signIn())

	ended := w.current(signIn())
	if err := w.SignOut(w.ctx, c, ended); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.AnswerOffer(w.ctx, ended, mapae.OfferNotNow), mapae.CodeUnauthenticated)
}

// TestAnAnswerToTheOfferKeepsWhatElseChanged: the user is read where it is
// written.
func TestAnAnswerToTheOfferKeepsWhatElseChanged(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), browser(1)
	in := w.signUp(c, webauthntest.New(origin), "kim@example.com")
	cur, name := w.current(in), "Another name"
	must(w.ChangeAccount(w.ctx, c, cur, mapae.AccountChange{Name: &name}))(t)
	if err := w.AnswerOffer(w.ctx, cur, mapae.OfferNever); err != nil {
		t.Fatal(err)
	}
	if u := w.current(in).User; u.Name != name || u.OfferAfter.Year() != 9999 {
		t.Errorf("the user is %+v", u)
	}
}

// TestRecoveryCodesWaitForAPasskeyThatIsSeenBeingMade: a silent upgrade has
// nobody to show them to.
func TestRecoveryCodesWaitForAPasskeyThatIsSeenBeingMade(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	for _, add := range []struct {
		silent bool
		codes  int
	}{{true, 0}, {false, 10}, {false, 0}} {
		key := webauthntest.New(origin)
		key.UserPresent, key.UserVerified = !add.silent, !add.silent
		o := must(w.BeginAddPasskey(w.ctx, c, w.current(in), add.silent))(t)
		if add.silent && o.UserVerification == webauthn.UserVerificationRequired {
			t.Error("a silent upgrade asks for user verification")
		}
		_, codes, err := w.Auth.FinishAddPasskey(w.ctx, c, w.current(in), must(key.Create(options(t, o)))(t), "")
		if err != nil || len(codes) != add.codes {
			t.Errorf("silent %v: %d recovery codes, %v, want %d", add.silent, len(codes), err, add.codes)
		}
	}
}

package mapae_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/storetest"
	"github.com/mapae/mapae/webauthntest"
)

var (
	oldKey = mapae.RootKey{Secret: [32]byte{1}}
	newKey = mapae.RootKey{Secret: [32]byte{2}}
)

// rotated has a ring of two keys, the older of which is that of newWorld.
func rotated(c *mapae.Config) { c.Secrets = []mapae.RootKey{newKey, oldKey} }

func TestAWrongProofCostsTheStoreTheSameWhoeverItIsOf(t *testing.T) {
	t.Parallel()
	store := storetest.Counting(memory.New())
	w, c := newWorldOn(t, store, all), browser(1)
	in := w.signUpPassword(c, "kim@example.com")
	w.addTOTP(c, in)
	w.signUp(c, webauthntest.New(origin), "lee@example.com") // has recovery codes, and neither password nor app
	w.signUpPassword(c, "ann@example.com")                   // has a password only
	w = w.node(rotated)
	prove := func(method mapae.MethodName, code string) func(string) error {
		return func(email string) error {
			ticket := w.recovery(c, email)
			store.Reset()
			_, err := w.ProveRecovery(w.ctx, c, ticket, method, code)
			return err
		}
	}
	for name, c := range map[string]struct {
		try  func(email string) error
		want storetest.Counts
	}{
		"a password": {func(email string) error {
			store.Reset()
			_, err := w.SignInPassword(w.ctx, c, email, "wrong")
			return err
		}, storetest.Counts{Reads: 2, Transactions: 2, Writes: 3}},
		"a TOTP code": {prove(mapae.MethodTOTP, "000000"), storetest.Counts{Reads: 2, Transactions: 3, Writes: 5}},
		"a recovery code, looked up under each root key": {prove(mapae.MethodRecoveryCode, "AAAA-BBBB-CCCC-DDDD"),
			storetest.Counts{Reads: 3, Transactions: 3, Writes: 5}},
		"what is no recovery code": {prove(mapae.MethodRecoveryCode, "wrong"), storetest.Counts{Reads: 1, Transactions: 3, Writes: 5}},
	} {
		for _, email := range []string{"kim@example.com", "lee@example.com", "ann@example.com", "nob@example.com"} {
			wantCode(t, c.try(email), mapae.CodeAuthenticationFailed)
			if got := store.Counts(); got != c.want {
				t.Errorf("%s of %s: %+v, want %+v", name, email, got, c.want)
			}
		}
	}
}

func TestRecoveryCodesOutliveARotationOfKeys(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, all), browser(1)
	codes := w.signUp(c, webauthntest.New(origin), "kim@example.com").RecoveryCodes
	his := w.signUp(c, webauthntest.New(origin), "lee@example.com").RecoveryCodes
	w = w.node(rotated)
	prove := func(code string) error {
		_, err := w.ProveRecovery(w.ctx, c, w.recovery(c, "kim@example.com"), mapae.MethodRecoveryCode, code)
		return err
	}
	if err := prove(codes[0]); err != nil {
		t.Errorf("a code under the older key: %v", err)
	}
	wantCode(t, prove(codes[0]), mapae.CodeAuthenticationFailed)
	if e := w.lastEvent(); e.Type != mapae.EventRecoveryFailed || e.Reason != "used" {
		t.Errorf("a used code: event %+v", e)
	}
	wantCode(t, prove(his[0]), mapae.CodeAuthenticationFailed)
	if e := w.lastEvent(); e.Reason != "code" {
		t.Errorf("another user's code: event %+v", e)
	}

	if err := w.store.Update(w.ctx, func(tx mapae.Tx) error { return tx.RemoveKeyCheck(w.ctx, oldKey.ID()) }); err != nil {
		t.Fatal(err)
	}
	w = w.node(func(c *mapae.Config) { c.Secrets = []mapae.RootKey{newKey} })
	wantCode(t, prove(codes[1]), mapae.CodeAuthenticationFailed) // nobody can check what was made under a key that is gone
}

func TestARefusedRecoveryIsAnsweredOnAGridOfTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // only the wait takes time here
		w, c := newWorld(t, all), browser(1)
		codes := w.signUp(c, webauthntest.New(origin), "kim@example.com").RecoveryCodes
		prove := func(ctx context.Context, email, code string) (time.Duration, error) {
			ticket, start := w.recovery(c, email), time.Now()
			_, err := w.ProveRecovery(ctx, c, ticket, mapae.MethodRecoveryCode, code)
			return time.Since(start), err
		}
		for _, email := range []string{"kim@example.com", "nob@example.com"} {
			took, err := prove(w.ctx, email, "AAAA-BBBB-CCCC-DDDD")
			wantCode(t, err, mapae.CodeAuthenticationFailed)
			if took != 10*time.Millisecond {
				t.Errorf("%s is refused after %v", email, took)
			}
		}
		if took, err := prove(w.ctx, "kim@example.com", codes[0]); err != nil || took != 0 {
			t.Errorf("a good code waits %v: %v", took, err)
		}
		gone, leave := context.WithCancel(w.ctx)
		leave()
		if took, err := prove(gone, "kim@example.com", "AAAA-BBBB-CCCC-DDDD"); err == nil || took != 0 {
			t.Errorf("who has left is waited for %v: %v", took, err)
		}
	})
}

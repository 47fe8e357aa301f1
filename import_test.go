package mapae_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// madeElsewhere makes a passkey of a at another system, under a user handle.
func madeElsewhere(t *testing.T, a *webauthntest.Authenticator, handle string) (*webauthntest.Credential, *webauthn.RegistrationResponse) {
	t.Helper()
	o := fmt.Appendf(nil, `{"rp":{"id":%q,"name":"Old"},"user":{"id":%q,"name":"kim","displayName":"Kim"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA",
		"pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-8}],"extensions":{"credProps":true}}`, rpID, base64.RawURLEncoding.EncodeToString([]byte(handle)))
	body := must(a.Create(o))(t)
	list := a.Credentials()
	return list[len(list)-1], must(webauthn.ParseRegistration(body))(t)
}

func cose(t *testing.T, c *webauthntest.Credential) []byte { t.Helper(); return must(c.COSEKey())(t) }

// imported is an account with one passkey as most systems keep it.
func imported(t *testing.T, c *webauthntest.Credential, email string) mapae.Imported {
	t.Helper()
	return mapae.Imported{
		User: mapae.User{ID: mapae.UserID(c.UserHandle), Login: email, Email: email, EmailVerifiedAt: time.UnixMicro(7), Name: "Kim", ExternalID: "7"},
		Passkeys: []mapae.ImportedPasskey{{Credential: mapae.Credential{FirstFactor: true, Name: "Phone", Credential: webauthn.Credential{
			ID: c.ID, PublicKey: cose(t, c), UVInitialized: true, Transports: []string{"internal"}}}}},
	}
}

func TestAnImportedPasskeySignsIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		device func(string) *webauthntest.Authenticator
		change func(*mapae.Imported, *webauthn.RegistrationResponse)
		aal    int
	}{
		"by its record": {webauthntest.New, func(*mapae.Imported, *webauthn.RegistrationResponse) {}, 2},
		"by its registration": {webauthntest.New, func(in *mapae.Imported, r *webauthn.RegistrationResponse) {
			in.Passkeys[0] = mapae.ImportedPasskey{Registration: r, Credential: mapae.Credential{FirstFactor: true}}
		}, 2},
		"made under another user handle": {webauthntest.New, func(in *mapae.Imported, _ *webauthn.RegistrationResponse) {
			in.User.ID, in.Passkeys[0].ForeignHandle = "another", true
		}, 2},
		"bound to a device, its user never verified": {webauthntest.NewPlatformBound, func(in *mapae.Imported, _ *webauthn.RegistrationResponse) {
			in.Passkeys[0].UVInitialized = false
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, device := newWorld(t), c.device(origin)
			device.Counter, device.CounterStep = 5, 1
			made, response := madeElsewhere(t, device, "\x00handle\xff")
			in := imported(t, made, "Kim@example.com")
			in.Passkeys[0].SignCount = 4
			c.change(&in, response)
			result := must(w.Import(w.ctx, in, false))(t)
			if result.User.Verdict != mapae.ImportAdded || result.Passkeys[0].Verdict != mapae.ImportAdded {
				t.Fatalf("%+v", result)
			}
			if e := w.lastEvent(); e.Type != mapae.EventPasskeyAdded || e.Reason != "import" || string(e.Credential) != string(made.ID) {
				t.Errorf("event %+v", e)
			}
			admitted := w.signIn(browser(1), device)
			u := w.current(admitted).User
			if u.ID != in.User.ID || u.LoginKey != "kim@example.com" || u.EmailKey != "kim@example.com" || u.ExternalID != "7" || u.Name != "Kim" {
				t.Errorf("user %+v", u)
			}
			if got := w.current(admitted).Session.AAL(); got != c.aal {
				t.Errorf("level %d, want %d", got, c.aal)
			}
		})
	}
}

func TestAForeignUserHandleIsForgivenToThatPasskeyOnly(t *testing.T) {
	t.Parallel()
	w, device := newWorld(t), webauthntest.New(origin)
	made, _ := madeElsewhere(t, device, "one")
	in := imported(t, made, "kim@example.com")
	in.User.ID = "another"
	must(w.Import(w.ctx, in, false))(t)
	if e := w.refusedSignIn(browser(1), w.answer(browser(1), device), mapae.CodeAuthenticationFailed); e.Reason != string(webauthn.CheckUserHandle) {
		t.Errorf("refused for %q", e.Reason)
	}
}

func TestAnImportTwiceDoublesNothingAndADryRunWritesNothing(t *testing.T) {
	t.Parallel()
	w, device, second := newWorld(t), webauthntest.New(origin), webauthntest.New(origin)
	made, _ := madeElsewhere(t, device, "handle")
	in := imported(t, made, "kim@example.com")
	before := len(w.events())
	if r := must(w.Import(w.ctx, in, true))(t); r.User.Verdict != mapae.ImportAdded || r.Passkeys[0].Verdict != mapae.ImportAdded {
		t.Errorf("the dry run finds %+v", r)
	}
	if all := must(w.store.Users(w.ctx, "", 10))(t); len(all) != 0 || len(w.events()) != before {
		t.Errorf("the dry run has added %+v", all)
	}
	must(w.Import(w.ctx, in, false))(t)
	later, _ := madeElsewhere(t, second, "handle")
	in.Passkeys = append(in.Passkeys, imported(t, later, "kim@example.com").Passkeys...)
	in.User.Name = "Changed elsewhere"
	r := must(w.Import(w.ctx, in, false))(t)
	if r.User != (mapae.ImportFinding{Verdict: mapae.ImportThere}) || r.Passkeys[0].Verdict != mapae.ImportThere || r.Passkeys[1].Verdict != mapae.ImportAdded {
		t.Errorf("the second run finds %+v", r)
	}
	own := must(w.store.Credentials(w.ctx, "handle"))(t)
	if u := must(w.store.User(w.ctx, "handle"))(t); len(own) != 2 || u.Name != "Kim" {
		t.Errorf("%d passkeys of %+v", len(own), u)
	}
	w.signIn(browser(1), second)
}

func TestAStrangersPasskeyNeverOpensAnAccountWithTheSameUserHandle(t *testing.T) {
	t.Parallel()
	w, device, stranger := newWorld(t), webauthntest.New(origin), webauthntest.New(origin)
	made, _ := madeElsewhere(t, device, "1")
	in := imported(t, made, kim)
	must(w.Import(w.ctx, in, false))(t)
	others, _ := madeElsewhere(t, stranger, "1")
	for name, email := range map[string]string{"of another address": "lee@example.com", "of none": ""} {
		other := imported(t, others, "lee@example.com")
		other.User.Email = email
		r := must(w.Import(w.ctx, other, false))(t)
		if r.User.Verdict != mapae.ImportRefused || !strings.HasSuffix(r.User.Note, "it may be another's with the same user handle") || r.Passkeys[0].Verdict != mapae.ImportRefused {
			t.Errorf("somebody %s: %+v", name, r)
		}
	}
	if own := must(w.store.Credentials(w.ctx, "1"))(t); len(own) != 1 {
		t.Errorf("%d passkeys", len(own))
	}

	later, _ := madeElsewhere(t, webauthntest.New(origin), "1")
	moved := imported(t, later, "moved@example.com")
	moved.User.Email = kim // the same that is proven here
	if r := must(w.Import(w.ctx, moved, false))(t); r.User != (mapae.ImportFinding{Verdict: mapae.ImportThere, Note: "its login is kim@example.com here"}) || r.Passkeys[0].Verdict != mapae.ImportAdded {
		t.Errorf("who is known by the address: %+v", r)
	}
	moved = imported(t, others, "moved@example.com")
	moved.Passkeys = append(moved.Passkeys, in.Passkeys...)
	if r := must(w.Import(w.ctx, moved, false))(t); r.User.Verdict != mapae.ImportThere || r.Passkeys[0].Verdict != mapae.ImportAdded || r.Passkeys[1].Verdict != mapae.ImportThere {
		t.Errorf("who is known by a passkey: %+v", r)
	}
}

// removedHere is a world in which somebody was imported, who then made a second
// passkey and removed the one that came along.
func removedHere(t *testing.T) (w *world, in mapae.Imported, second *webauthntest.Authenticator) {
	t.Helper()
	device := webauthntest.New(origin)
	w, second = newWorld(t), webauthntest.New(origin)
	made, _ := madeElsewhere(t, device, "handle")
	in = imported(t, made, "kim@example.com")
	must(w.Import(w.ctx, in, false))(t)
	session := w.signIn(browser(1), device)
	w.addPasskey(browser(1), session, second, "")
	if err := w.RemovePasskey(w.ctx, browser(1), w.current(session), made.ID); err != nil {
		t.Fatal(err)
	}
	return w, in, second
}

func TestWhatWasRemovedHereDoesNotComeBackByAnImport(t *testing.T) {
	t.Parallel()
	w, in, second := removedHere(t)
	if r := must(w.Import(w.ctx, in, false))(t); r.Passkeys[0] != (mapae.ImportFinding{Verdict: mapae.ImportRefused, Note: "it was removed here"}) {
		t.Errorf("a removed passkey: %+v", r)
	}
	session := w.actionTicket(browser(1), w.signIn(browser(1), second), second, mapae.ActionDeleteAccount)
	if err := w.DeleteAccount(w.ctx, browser(1), w.current(session), session.Ticket); err != nil {
		t.Fatal(err)
	}
	if r := must(w.Import(w.ctx, in, false))(t); r.User.Note != "it was deleted here" || r.Passkeys[0].Verdict != mapae.ImportRefused {
		t.Errorf("a deleted account: %+v", r)
	}
}

func TestWhatWasRemovedLongAgoDoesNotComeBackByAnImport(t *testing.T) {
	t.Parallel()
	w, in, _ := removedHere(t)
	err := w.store.Update(w.ctx, func(tx mapae.Tx) error {
		for range 2500 {
			at := w.now()
			id := mapae.EventID(binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))) + "12345678"
			if err := tx.AddEvent(w.ctx, mapae.Event{ID: id, At: at, Type: mapae.EventSignIn, UserID: "handle"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	later, _ := madeElsewhere(t, webauthntest.New(origin), "handle")
	in.Passkeys = append(in.Passkeys, imported(t, later, "kim@example.com").Passkeys...)
	r := must(w.Import(w.ctx, in, false))(t)
	if r.Passkeys[0] != (mapae.ImportFinding{Verdict: mapae.ImportRefused, Note: "it was removed here"}) || r.Passkeys[1].Verdict != mapae.ImportAdded {
		t.Errorf("a removed passkey and a new one: %+v", r)
	}
}

func TestWhatCannotWorkIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	device := webauthntest.New(origin)
	made, response := madeElsewhere(t, device, "handle")
	other := webauthntest.New("https://other.example")
	foreign, err := other.Create([]byte(`{"rp":{"id":"other.example"},"user":{"id":"AAAA","name":"a"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change       func(*mapae.Imported)
		user, passky string
	}{
		"no user handle":            {func(in *mapae.Imported) { in.User.ID = "" }, "its user handle has 0 bytes", ""},
		"a user handle of 65 bytes": {func(in *mapae.Imported) { in.User.ID = mapae.UserID(strings.Repeat("x", 65)) }, "its user handle has 65 bytes", ""},
		"no login":                  {func(in *mapae.Imported) { in.User.Login = "" }, "its login is neither an address nor a name", ""},
		"a login that steers":       {func(in *mapae.Imported) { in.User.Login = "kim\u202e" }, "its login is neither an address nor a name", ""},
		"an ID that is no text":     {func(in *mapae.Imported) { in.User.ExternalID = "a\x00" }, "its external ID can't be kept", ""},
		"a login that is taken": {func(in *mapae.Imported) { in.User.ID, in.User.Login, in.User.Email = "x", "Taken@example.com", "" },
			"another account has its login", ""},
		"an address that is taken": {func(in *mapae.Imported) { in.User.ID, in.User.Login, in.User.Email = "x", "free", "taken@example.com" },
			"another account has proven its address", ""},
		"an external ID that is taken": {func(in *mapae.Imported) { in.User.ID, in.User.ExternalID = "x", "1" }, "another account has its external ID", ""},
		"an RP ID that is told":        {func(in *mapae.Imported) { in.Passkeys[0].RPID = "other.example" }, "", `it was made for the RP ID "other.example"`},
		"an RP ID that is signed": {func(in *mapae.Imported) { in.Passkeys[0].Registration = must(webauthn.ParseRegistration(foreign))(t) },
			"", `it was made for another RP ID than "example.com", or is a U2F key`},
		"no key":          {func(in *mapae.Imported) { in.Passkeys[0].PublicKey = nil }, "", "its public key can't verify a signature"},
		"a key that ends": {func(in *mapae.Imported) { in.Passkeys[0].PublicKey = in.Passkeys[0].PublicKey[:40] }, "", "its public key can't verify a signature"},
		"an unknown algorithm": {func(in *mapae.Imported) { in.Passkeys[0].PublicKey = []byte{0xa2, 1, 2, 3, 0x38, 0x63} },
			"", "its algorithm is not accepted here"},
		"an algorithm that is not offered": {func(in *mapae.Imported) {
			key := webauthntest.New(origin)
			key.Algorithms = []webauthntest.Algorithm{webauthntest.EdDSA}
			c, _ := madeElsewhere(t, key, "x")
			in.Passkeys[0].PublicKey = cose(t, c)
		}, "", "its algorithm is not accepted here"},
		"no credential ID":     {func(in *mapae.Imported) { in.Passkeys[0].ID = nil }, "", "its credential ID has 0 bytes"},
		"an ID of 1,024 bytes": {func(in *mapae.Imported) { in.Passkeys[0].ID = make([]byte, 1024) }, "", "its credential ID has 1024 bytes"},
		"an ID that is taken":  {func(in *mapae.Imported) { in.Passkeys[0].ID = []byte("taken") }, "", "another account has a passkey with its ID"},
		"a registration cut off": {func(in *mapae.Imported) {
			r := *response
			r.AttestationObject = r.AttestationObject[:50]
			in.Passkeys[0].Registration = &r
		}, "", "it can't be read"},
		"a registration's ID":     {func(in *mapae.Imported) { r := *response; r.ID = []byte("x"); in.Passkeys[0].Registration = &r }, "", "it can't be read: webauthn: step 7.1.25"},
		"the same passkey, twice": {func(in *mapae.Imported) { in.Passkeys = append(in.Passkeys[:0:0], in.Passkeys[0], in.Passkeys[0]) }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(cfg *mapae.Config) {
				cfg.Methods = []mapae.Method{mapae.Passkey{Algorithms: []webauthn.Algorithm{webauthn.ES256}}}
			})
			taken := imported(t, made, "taken@example.com")
			taken.User.ID, taken.User.ExternalID, taken.Passkeys[0].ID = "taken", "1", []byte("taken")
			must(w.Import(w.ctx, taken, false))(t)
			before := len(w.events())
			in := imported(t, made, "kim@example.com")
			c.change(&in)
			r := must(w.Import(w.ctx, in, false))(t)
			switch {
			case c.user != "":
				if r.User.Verdict != mapae.ImportRefused || !strings.HasPrefix(r.User.Note, c.user) || r.Passkeys[0].Note != "its account is refused" {
					t.Errorf("%+v, want %q", r, c.user)
				}
				if all := must(w.store.Users(w.ctx, "", 10))(t); len(all) != 1 || len(w.events()) != before {
					t.Errorf("it was written: %+v", all)
				}
			case c.passky != "":
				if r.User.Verdict != mapae.ImportAdded || r.Passkeys[0].Verdict != mapae.ImportRefused || !strings.HasPrefix(r.Passkeys[0].Note, c.passky) {
					t.Errorf("%+v, want %q", r, c.passky)
				}
				if own := must(w.store.Credentials(w.ctx, in.User.ID))(t); len(own) != 0 {
					t.Errorf("it was written: %+v", own)
				}
			default:
				if r.Passkeys[0].Verdict != mapae.ImportAdded || r.Passkeys[1].Verdict != mapae.ImportThere {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

func TestWhatIsKeptOfAnImportIsBoundedAndFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := madeElsewhere(t, webauthntest.New(origin), "handle")
	in := imported(t, made, "kim")
	in.User.Email, in.User.Name, in.User.Locale = "no address", " \u202eKim\x00 "+strings.Repeat("김", 80), strings.Repeat("x", 36)
	in.User.CreatedAt, in.User.DisabledAt = w.now().Add(time.Hour), time.UnixMicro(9)
	p := &in.Passkeys[0]
	p.Name, p.CreatedAt, p.LastUsedAt, p.LastUsedAgent = "\x07", w.now().Add(time.Hour), w.now().Add(time.Hour), strings.Repeat("a", 999)
	p.Transports = append(slicesOf("", strings.Repeat("x", 33), "a\nb"), slicesOf(strings.Split(strings.Repeat("usb,", 20), ",")...)...)
	p.AttestationFormat, p.AttestationObject = "packed", []byte("unverified")
	r := must(w.Import(w.ctx, in, false))(t)
	if want := "its e-mail address can't be read, and is left out; it is disabled"; r.User.Note != want {
		t.Errorf("said %q, want %q", r.User.Note, want)
	}
	u, c := must(w.store.User(w.ctx, "handle"))(t), must(w.store.Credentials(w.ctx, "handle"))(t)[0]
	if u.Email != "" || u.EmailKey != "" || u.LoginKey != "kim" || u.Locale != "" || len([]rune(u.Name)) != 64 || !strings.HasPrefix(u.Name, "Kim 김") || u.CreatedAt.After(w.now()) || !u.Disabled() {
		t.Errorf("user %+v", u)
	}
	if c.Name != "Passkey" || c.CreatedAt.After(w.now()) || c.LastUsedAt.After(w.now()) || c.LastUsedAgent != "" || len(c.Transports) != 16 || c.AttestationObject != nil || c.RPID != rpID {
		t.Errorf("passkey %+v", c)
	}
}

func slicesOf(s ...string) []string { return s }

func TestASecurityKeyStaysASecondFactor(t *testing.T) {
	t.Parallel()
	w, device := newWorld(t), webauthntest.NewSecurityKey(origin)
	_, response := madeElsewhere(t, device, "handle")
	in := mapae.Imported{User: mapae.User{ID: "handle", Login: "kim@example.com"},
		Passkeys: []mapae.ImportedPasskey{{Registration: response, Credential: mapae.Credential{FirstFactor: true}}}}
	r := must(w.Import(w.ctx, in, false))(t)
	c := must(w.store.Credentials(w.ctx, "handle"))(t)[0]
	if r.Passkeys[0].Note != "it is a second factor only" || c.FirstFactor || c.SignCount != 1 || c.Transports[0] != "usb" {
		t.Errorf("%+v, %+v", r, c)
	}
}

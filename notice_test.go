package mapae_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// member is somebody with a proven address, in a session that a passkey began.
type member struct {
	*world
	a     *webauthntest.Authenticator
	in    mapae.Admitted
	codes []string // recovery codes
}

const kim = "kim@example.com"

func newMember(t *testing.T) member {
	t.Helper()
	m := member{world: newWorld(t, byMail), a: webauthntest.New(origin)}
	m.in = m.signUpProven(browser(1), m.a, kim)
	m.codes = m.in.RecoveryCodes
	return m
}

// notices delivers what waits and returns the notices in it.
func (w *world) notices() []mapae.Message { w.t.Helper(); return w.take(true) }

// notice demands that one notice waits, and that it is about what.
func (w *world) notice(what mapae.EventType) mapae.Message {
	w.t.Helper()
	sent := w.notices()
	if len(sent) != 1 || sent[0].Event.Type != what {
		w.t.Fatalf("notices %+v, want one of %s", sent, what)
	}
	return sent[0]
}

// codeIn is the code of a mailed link.
func codeIn(link string) string {
	_, code, _ := strings.Cut(link, "?code=")
	return code
}

// strange is a browser that nobody has used, at an address of its own.
func strange() mapae.Client {
	return mapae.Client{Bindings: [][32]byte{{9}}, Address: "198.51.100.7", UserAgent: "Other/2", RequestID: "x"}
}

func TestTheOwnerIsToldOfEachChange(t *testing.T) {
	t.Parallel()
	addTOTP := func(m member) { m.addTOTP(browser(1), m.in) }
	setPassword := func(m member) mapae.Admitted {
		return must(m.SetPassword(m.ctx, browser(1), m.current(m.in), password))(m.t)
	}
	for what, c := range map[mapae.EventType]struct {
		before, do func(m member)
		about      string
	}{
		mapae.EventPasskeyAdded: {nil, func(m member) { m.addPasskey(browser(1), m.in, webauthntest.New(origin), "Phone") }, "Phone"},
		mapae.EventPasskeyRemoved: {func(m member) { m.addPasskey(browser(1), m.in, webauthntest.New(origin), "Phone") }, func(m member) {
			own := must(m.Passkeys(m.ctx, m.current(m.in)))(m.t)
			if err := m.RemovePasskey(m.ctx, browser(1), m.current(m.in), own[0].ID); err != nil {
				m.t.Fatal(err)
			}
		}, "Phone"},
		mapae.EventTOTPAdded: {nil, addTOTP, ""},
		mapae.EventTOTPRemoved: {addTOTP, func(m member) {
			if err := m.RemoveTOTP(m.ctx, browser(1), m.current(m.in)); err != nil {
				m.t.Fatal(err)
			}
		}, ""},
		mapae.EventPasswordSet: {nil, func(m member) { setPassword(m) }, ""},
		mapae.EventPasswordRemoved: {nil, func(m member) {
			in := setPassword(m)
			m.notice(mapae.EventPasswordSet)
			if err := m.RemovePassword(m.ctx, browser(1), m.current(in)); err != nil {
				m.t.Fatal(err)
			}
		}, ""},
		mapae.EventPasswordReset: {func(m member) { setPassword(m) }, func(m member) {
			if err := m.ResetPassword(m.ctx, browser(1), m.forgot(kim), newPassword); err != nil {
				m.t.Fatal(err)
			}
		}, ""},
		mapae.EventRecoveryCodesMade: {nil, func(m member) { must(m.NewRecoveryCodes(m.ctx, browser(1), m.current(m.in)))(m.t) }, ""},
		mapae.EventReauth: {nil, func(m member) {
			must(m.ReauthCode(m.ctx, browser(1), m.current(m.in), mapae.MethodRecoveryCode, m.in.RecoveryCodes[0], mapae.ActionNone))(m.t)
		}, ""},
		mapae.EventRecoveryProof: {nil, func(m member) {
			must(m.ProveRecovery(m.ctx, browser(2), m.recovery(browser(2), kim), mapae.MethodRecoveryCode, m.in.RecoveryCodes[0]))(m.t)
		}, ""},
		mapae.EventSignIn: {nil, func(m member) {
			in := must(m.FinishSignIn(m.ctx, strange(), must(m.a.Get(options(m.t, must(m.BeginSignIn(m.ctx, strange(), mapae.SignInRequest{}))(m.t))))(m.t)))(m.t)
			if in.Second != nil {
				m.t.Fatal("a second step is due")
			}
		}, "Passkey"},
	} {
		t.Run(string(what), func(t *testing.T) {
			t.Parallel()
			m := newMember(t)
			if c.before != nil {
				c.before(m)
			}
			m.notices()
			c.do(m)
			got := m.notice(what)
			if got.To != kim || got.Name != "Kim" || got.Event.Address == "" || got.Event.UserAgent == "" || got.Event.At.IsZero() || got.Device != c.about {
				t.Errorf("message %+v about %+v", got, got.Event)
			}
			if !strings.HasPrefix(got.Link, origin+"/not-me?code="+mapae.LinkPrefix) || len(got.Link) > 600 {
				t.Errorf("the link is %s", got.Link)
			}
			told := must(m.Notice(m.ctx, codeIn(got.Link)))(t)
			if told.About != what {
				t.Errorf("the link says %+v", told)
			}
		})
	}
}

func TestACounterThatWentBackIsToldOf(t *testing.T) {
	t.Parallel()
	m := member{world: newWorld(t, byMail), a: webauthntest.New(origin)}
	m.a.BackupEligible, m.a.BackupState, m.a.Counter, m.a.CounterStep = false, false, 9, 0
	m.in = m.signUpProven(browser(1), m.a, kim)
	_, err := m.FinishSignIn(m.ctx, browser(1), m.answer(browser(1), m.a))
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	if got := m.notice(mapae.EventCounterRegressed); got.Device != "Passkey" || !slices.Equal(got.Event.Credential, m.in.Credential.ID) {
		t.Errorf("notice %+v", got)
	}
}

func TestNobodyIsToldAgainOfABrowserThatTheyUse(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	c := strange()
	in := m.signIn(c, m.a)
	m.notice(mapae.EventSignIn)
	if in.Device == "" || len(in.Device) > 400 {
		t.Fatalf("the browser keeps %q", in.Device)
	}
	m.signIn(c, m.a) // a live session has the same browser and address
	moved := c
	moved.Address, moved.Device = "203.0.113.9", in.Device
	if again := m.signIn(moved, m.a); again.Device != "" {
		t.Error("the browser is to keep what it has")
	}
	if sent := m.notices(); len(sent) != 0 {
		t.Errorf("told of %+v", sent)
	}
	other := m.signUpProven(browser(3), webauthntest.New(origin), "lee@example.com")
	m.notices()
	for name, device := range map[string]string{
		"nothing": "", "another user's": other.Device, "cut": in.Device[:len(in.Device)-1], "garbage": "AAAA", "too long": strings.Repeat("A", 5000), "no base64": "%",
	} {
		stranger := moved
		stranger.UserAgent, stranger.Device = "Third/"+name, device
		got := m.signIn(stranger, m.a)
		m.notice(mapae.EventSignIn)
		if got.Device == "" {
			t.Errorf("%s: the browser is given nothing to keep", name)
		}
	}
	shared := m.signUpProven(mapae.Client{Bindings: [][32]byte{{1}}, Device: in.Device}, webauthntest.New(origin), "min@example.com")
	m.notices()
	both := moved
	both.UserAgent, both.Device = "Shared/1", shared.Device
	m.signIn(both, m.a) // it keeps both people
	if sent := m.notices(); len(sent) != 0 {
		t.Errorf("told of %+v", sent)
	}
}

func TestWhoHasProvenNoAddressIsToldNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byMail)
	in := w.before().signUpPassword(browser(1), "lee@example.com")
	w.addPasskey(browser(1), in, webauthntest.New(origin), "")
	if sent := w.notices(); len(sent) != 0 {
		t.Errorf("mails %+v", sent)
	}
	without := w.before()
	quiet := without.signUpPassword(browser(1), "min@example.com")
	if quiet.Device != "" {
		t.Error("without mail the browser is to keep something")
	}
	w.pass(time.Second)
}

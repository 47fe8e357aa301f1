package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// agent is a UDP listener that a Datadog agent could be.
type agent struct {
	t    *testing.T
	conn net.PacketConn
}

func newAgent(t *testing.T) *agent {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &agent{t, conn}
}

// lines returns what arrives until n lines have, sorted.
func (a *agent) lines(n int) []string {
	a.t.Helper()
	var lines []string
	packet := make([]byte, 65536)
	if err := a.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		a.t.Fatal(err)
	}
	for len(lines) < n {
		size, _, err := a.conn.ReadFrom(packet)
		if err != nil {
			a.t.Fatalf("%d of %d lines arrived: %v\n%s", len(lines), n, err, strings.Join(lines, "\n"))
		}
		for line := range strings.Lines(string(packet[:size])) {
			lines = append(lines, cutTimestamp(strings.TrimSpace(line)))
		}
	}
	slices.Sort(lines)
	return lines
}

// cutTimestamp leaves of a line what stands before extensions of the protocol
// (|c:, |T, |card:): name, value, type and tags.
func cutTimestamp(line string) string {
	fields := strings.Split(line, "|")
	return strings.Join(slices.DeleteFunc(fields, func(f string) bool {
		return strings.HasPrefix(f, "c:") || strings.HasPrefix(f, "T") || strings.HasPrefix(f, "card:")
	}), "|")
}

func TestTheAgentCountsUnderTheNamesOfTheContract(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	provider := func(_ context.Context, e mapae.Event) string { return string(e.Credential) }
	sink, err := NewDogStatsD(a.conn.LocalAddr().String(), provider)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	passkey := func(t mapae.EventType, reason string) mapae.Event {
		return mapae.Event{Type: t, Method: mapae.MethodPasskey, Reason: reason, Credential: []byte("Keychain")}
	}
	for _, e := range []mapae.Event{
		passkey(mapae.EventSignUp, ""), passkey(mapae.EventPasskeyAdded, ""),
		passkey(mapae.EventPasskeyAddFailed, "origin"),
		passkey(mapae.EventSignIn, ""),
		passkey(mapae.EventSignInFailed, "signature"),
		passkey(mapae.EventCounterRegressed, "counter"),
		{Type: mapae.EventSignIn, Method: mapae.MethodPassword},
		{Type: mapae.EventSignInFailed, Method: mapae.MethodTOTP, Reason: "code"},
		{Type: mapae.EventSignUpFailed, Method: mapae.MethodPassword, Reason: "login_taken"}, // no ceremony, no sign-in
		{Type: mapae.EventRecoveryFailed, Method: mapae.MethodRecoveryCode, Reason: "code"},
		{Type: mapae.EventSignOut, Method: mapae.MethodPasskey},
		{Type: mapae.EventMailSent, Reason: "notice"}, {Type: mapae.EventMailFailed, Reason: "reset:expired"},
	} {
		sink.Notify(t.Context(), e)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"mapae.mail.failed:1|c|#kind:reset",
		"mapae.mail.sent:1|c|#kind:notice",
		"mapae.signin.failed:1|c|#method:passkey,reason:signature,provider:Keychain",
		"mapae.signin.failed:1|c|#method:totp,reason:code",
		"mapae.signin.success:1|c|#method:passkey,provider:Keychain",
		"mapae.signin.success:1|c|#method:password",
		"webauthn.registration.failed:1|c|#method:passkey,reason:origin,provider:Keychain",
		"webauthn.registration.success:2|c|#method:passkey,provider:Keychain",
		"webauthn.verify.failed:1|c|#method:passkey,reason:counter,provider:Keychain",
		"webauthn.verify.failed:1|c|#method:passkey,reason:signature,provider:Keychain",
		"webauthn.verify.success:1|c|#method:passkey,provider:Keychain",
	}
	if got := a.lines(len(want)); !slices.Equal(got, want) {
		t.Errorf("the agent got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTagsAreBounded(t *testing.T) {
	t.Parallel()
	a := newAgent(t)
	sink, err := NewDogStatsD(a.conn.LocalAddr().String(), func(_ context.Context, e mapae.Event) string { return "p" + e.Reason })
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxValues + 10 {
		sink.Notify(t.Context(), mapae.Event{Type: mapae.EventReauthFailed, Method: mapae.MethodPasskey, Reason: fmt.Sprint(i)})
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	lines := a.lines(maxValues + 1)
	if last := "webauthn.verify.failed:10|c|#method:passkey,reason:other,provider:other"; !slices.Contains(lines, last) {
		t.Errorf("what is beyond the bound is not counted as other:\n%s", strings.Join(lines, "\n"))
	}
}

func TestAnAgentThatIsNotThereDisturbsNobody(t *testing.T) {
	t.Parallel()
	sink, err := NewDogStatsD("127.0.0.1:9", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		sink.Notify(t.Context(), mapae.Event{Type: mapae.EventSignIn, Method: mapae.MethodPasskey})
	}
	_ = sink.Close() // whatever it says
	if _, err := NewDogStatsD("nowhere", nil); err == nil {
		t.Error("an address without a port is taken")
	}
}

// reader has one passkey, or is broken.
type reader struct {
	mapae.Reader
	aaguid webauthn.AAGUID
	err    error
}

func (r reader) Credential(context.Context, []byte) (mapae.Credential, mapae.User, error) {
	return mapae.Credential{Credential: webauthn.Credential{AAGUID: r.aaguid}}, mapae.User{}, r.err
}

func TestTheProviderIsNamedByTheAAGUID(t *testing.T) {
	t.Parallel()
	keychain := webauthn.AAGUID{0xfb, 0xfc, 0x30, 0x07, 0x15, 0x4e, 0x4e, 0xcc, 0x8c, 0x0b, 0x6e, 0x02, 0x05, 0x57, 0xd7, 0xbd}
	about := mapae.Event{Credential: []byte{1}}
	for name, c := range map[string]struct {
		r    reader
		e    mapae.Event
		want string
	}{
		"one that has a name":          {reader{aaguid: keychain}, about, "Apple Passwords"},
		"one that has none":            {reader{aaguid: webauthn.AAGUID{1}}, about, "other"},
		"no passkey":                   {reader{aaguid: keychain}, mapae.Event{}, ""},
		"a passkey that is not stored": {reader{err: mapae.ErrNotFound}, about, ""},
		"a store that is out of reach": {reader{err: errors.New("gone")}, about, ""},
	} {
		if got := PasskeyProvider(c.r)(t.Context(), c.e); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

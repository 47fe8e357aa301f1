package web

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthntest"
)

// signals returns what the answer says to signal.
func (a reply) signals(t *testing.T) signalsJSON {
	t.Helper()
	var out struct{ Signals signalsJSON }
	if err := json.Unmarshal(a.body, &out); err != nil {
		t.Fatal(err)
	}
	return out.Signals
}

func wantAccepted(t *testing.T, s signalsJSON, user string, ids ...string) {
	t.Helper()
	if s.Accepted == nil || s.Details != nil || s.Unknown != nil {
		t.Fatalf("signals are %+v, want the accepted passkeys only", s)
	}
	slices.Sort(s.Accepted.All)
	slices.Sort(ids)
	if s.Accepted.RPID != "example.com" || s.Accepted.UserID != user || !slices.Equal(s.Accepted.All, ids) {
		t.Errorf("accepted are %+v, want %v of user %s", *s.Accepted, ids, user)
	}
}

func TestWhatIsListedAndWhatIsLeftIsSignalledInFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	user := p.me().ID
	var ids []string
	for range 3 {
		w.pass(time.Second)
		added, err := p.AddPasskey(w.ctx, webauthntest.New(home), "")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, added.ID)
	}
	own, err := p.Passkeys(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	ids = append(ids, own[3].ID)
	wantAccepted(t, p.send("GET", "/api/webauthn/", "").want(t, 200, "").signals(t), user, ids...)
	for len(ids) > 1 {
		gone := ids[0]
		ids = ids[1:]
		wantAccepted(t, p.send("DELETE", "/api/webauthn/"+gone+"/", "").want(t, 200, "").signals(t), user, ids...)
	}
	refused := p.send("DELETE", "/api/webauthn/"+ids[0]+"/", "").want(t, 400, mapae.CodeLastFactor).signals(t)
	if refused != (signalsJSON{}) {
		t.Errorf("a refusal signals %+v", refused)
	}
}

// me is the person's user.
func (p person) me() (out struct{ ID, Login, Name string }) {
	p.w.t.Helper()
	now, err := p.Session(p.w.ctx)
	if err != nil {
		p.w.t.Fatal(err)
	}
	out.ID, out.Login, out.Name = now.User.ID, now.User.Login, now.User.Name
	return out
}

// confirm does a step-up for an action and returns its ticket.
func (p person) confirm(action string) string {
	p.w.t.Helper()
	in, err := p.ReauthFor(p.w.ctx, action)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return in.Ticket
}

// TestTheLastPasskeyOfSomebodyWithAPasswordIsNamed: an empty list is never
// sent for it.
func TestTheLastPasskeyOfSomebodyWithAPasswordIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods)
	p := w.member(alice)
	p.send("POST", "/api/account/password", `{"password":"`+password+`"}`).want(t, 200, "")
	id := p.passkeyID()
	s := p.send("DELETE", "/api/webauthn/"+id+"/", "").want(t, 200, "").signals(t)
	if s.Accepted != nil || s.Unknown == nil || *s.Unknown != (unknownSignal{"example.com", id}) {
		t.Errorf("signals are %+v, want the removed passkey by its name", s)
	}
	if s := p.send("GET", "/api/webauthn/", "").want(t, 200, "").signals(t); s != (signalsJSON{}) {
		t.Errorf("who has none signals %+v", s)
	}
}

// listless is a store that can't read credentials while it is told so.
type listless struct {
	*memory.Store
	broken *bool
}

func (f listless) Credentials(ctx context.Context, id mapae.UserID) ([]mapae.Credential, error) {
	if *f.broken {
		return nil, errors.New("the disk is gone")
	}
	return f.Store.Credentials(ctx, id)
}

func TestAListThatCantBeReadIsNotSignalledAsEmpty(t *testing.T) {
	t.Parallel()
	broken := false
	w := newWorld(t, withStore(listless{memory.New(), &broken}))
	p := w.member(alice)
	added, err := p.AddPasskey(w.ctx, webauthntest.New(home), "")
	if err != nil {
		t.Fatal(err)
	}
	broken = true
	s := p.send("DELETE", "/api/webauthn/"+added.ID+"/", "").want(t, 200, "").signals(t)
	if s.Accepted != nil || s.Unknown == nil || s.Unknown.ID != added.ID {
		t.Errorf("signals are %+v, want the removed passkey by its name", s)
	}
}

// TestPasskeysOfAnotherRPIDAreNotAccepted: the list is of one RP ID.
func TestPasskeysOfAnotherRPIDAreNotAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	cur := mapae.User{ID: "handle"}
	own := []mapae.Credential{{RPID: "old.example"}, {RPID: "old.example"}}
	if s := p.w.site.signalAccepted(cur, own); s != nil {
		t.Errorf("signals are %+v for passkeys of another RP ID", *s)
	}
}

func TestWhoIsRenamedOrMovesIsSignalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	user := p.me().ID
	details := func(a reply, want detailsSignal) {
		t.Helper()
		if s := a.want(t, 200, "").signals(t); s.Details == nil || *s.Details != want || s.Accepted != nil {
			t.Errorf("signals are %+v, want %+v", s, want)
		}
	}
	details(p.send("PATCH", "/api/account", `{"name":"Alice B"}`), detailsSignal{"example.com", user, alice, "Alice B"})
	ticket := p.confirm("change_email")
	details(p.send("POST", "/api/account/email", `{"email":"new@example.com"}`, header("Mapae-Ticket", ticket)),
		detailsSignal{"example.com", user, "new@example.com", "Alice B"})
	if s := p.send("GET", "/api/account", "").want(t, 200, "").signals(t); s != (signalsJSON{}) {
		t.Errorf("reading the account signals %+v", s)
	}
	gone := p.send("DELETE", "/api/account", "", header("Mapae-Ticket", p.confirm("delete_account"))).want(t, 200, "").signals(t)
	wantAccepted(t, gone, user)
	if gone.Accepted.All == nil {
		t.Error("the empty list is null")
	}
}

func TestAPasskeyThatNobodyHasIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	gone := p.passkeyID()
	if _, err := p.AddPasskey(w.ctx, webauthntest.New(home), ""); err != nil {
		t.Fatal(err)
	}
	options, err := p.BeginVerify(w.ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	stepUp, err := p.key.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	p.send("DELETE", "/api/webauthn/"+gone+"/", "").want(t, 200, "")
	for what, a := range map[string]reply{
		"a sign-in": p.finish(p.Client.BeginAutofill),
		"a step-up": p.send("POST", "/api/webauthn/verify/", `{"credential":`+string(stepUp)+`}`),
	} {
		s := a.want(t, 401, mapae.CodePasskeyUnknown).signals(t)
		if s.Accepted != nil || s.Unknown == nil || *s.Unknown != (unknownSignal{"example.com", gone}) {
			t.Errorf("%s signals %+v, want passkey %s by its name", what, s, gone)
		}
	}
}

package mapae_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/webauthntest"
)

// misused is what one-time things are issued in: kim, who has a passkey, a
// password, recovery codes and an account at acme, all under a proven address;
// and lee, who is somebody else.
type misused struct {
	member
	lee, away mapae.Admitted // away: kim on another browser
	acme      *idp
	spare     *atomic.Int64 // the next recovery code, or address
}

func newMisused(t *testing.T, store mapae.Store) misused {
	t.Helper()
	s := misused{acme: &idp{name: "acme"}, spare: new(atomic.Int64)}
	s.member = member{world: newWorldOn(t, store, byMail), a: webauthntest.New(origin)}
	s.world = s.node(func(c *mapae.Config) { c.Methods = append(c.Methods, mapae.Federated{s.acme}) })
	s.in = s.signUpProven(browser(1), s.a, kim)
	s.codes = s.in.RecoveryCodes
	s.in = must(s.SetPassword(s.ctx, browser(1), s.current(s.in), password))(t)
	cur := s.current(s.in)
	must(s.FinishFederated(s.ctx, browser(1), &cur, s.trip("sub:kim", s.BeginLinkOf(cur))))(t)
	s.lee = s.signUpProvenPassword(browser(3), "lee@example.com")
	s.away = s.signIn(browser(2), s.a)
	s.pass(time.Hour) // whoever got mail may get more
	s.in = must(s.ReauthPassword(s.ctx, browser(1), s.current(s.in), password, mapae.ActionNone))(t)
	s.mailed()
	s.notices()
	return s
}

// trip goes to acme as begin says, and comes back with that code.
func (s misused) trip(code string, begin func(context.Context, mapae.Client, mapae.FederatedRequest) (string, error)) mapae.FederatedAnswer {
	s.t.Helper()
	answer := back(s.acme, must(begin(s.ctx, browser(1), request(s.acme)))(s.t))
	answer.Code = code
	return answer
}

// BeginLinkOf is BeginLink in the session cur.
func (s misused) BeginLinkOf(cur mapae.Current) func(context.Context, mapae.Client, mapae.FederatedRequest) (string, error) {
	return func(ctx context.Context, c mapae.Client, r mapae.FederatedRequest) (string, error) {
		return s.BeginLink(ctx, c, cur, r)
	}
}

// comeBack is FinishFederated with what acme answered to the state c.
func (s misused) comeBack(at place, c carried) (mapae.FederatedStep, error) {
	cur := at.current
	return s.FinishFederated(s.ctx, at.client, &cur, mapae.FederatedAnswer{Provider: "acme", RedirectURI: redirect, State: c.text,
		ProviderAnswer: mapae.ProviderAnswer{Code: c.code}})
}

// move steps kim up for a change of address.
func (s misused) move() mapae.Admitted {
	return must(s.ReauthPassword(s.ctx, browser(1), s.current(s.in), password, mapae.ActionChangeEmail))(s.t)
}

// invited is a node that takes invitations, and proves no address first.
func (s misused) invited() *world {
	return s.before().node(func(c *mapae.Config) { c.SignUp = mapae.SignUpInvited })
}

// everything is what the store has of kim and lee, but events, and whether
// somebody new has come.
func (s misused) everything() (all []string) {
	s.t.Helper()
	for _, login := range []string{"new@example.com", "fresh@example.com"} {
		u, err := s.store.UserByLogin(s.ctx, login)
		all = append(all, fmt.Sprintf("%s %+v %v", login, u, err))
	}
	for _, in := range []mapae.Admitted{s.in, s.lee} {
		all = append(all, s.has(in.User.ID)...)
	}
	return all
}

// has is what the store has of one of them.
func (s misused) has(id mapae.UserID) (all []string) {
	s.t.Helper()
	u := must(s.store.User(s.ctx, id))(s.t)
	waiting, err := s.store.RecoveryOf(s.ctx, id)
	all = append(all, fmt.Sprintf("%+v %+v %v", u, waiting, err))
	for _, own := range []any{must(s.store.Credentials(s.ctx, id))(s.t), must(s.store.Secrets(s.ctx, id, ""))(s.t),
		must(s.store.Sessions(s.ctx, id, s.now()))(s.t), must(s.store.Identities(s.ctx, id))(s.t)} {
		all = append(all, fmt.Sprintf("%+v", own))
	}
	return all
}

// carried is a one-time thing as a client has it: a ticket, the code of a link,
// a claim or a state; and what is typed, or brought by a provider, beside it.
type carried struct{ text, code string }

// place is where a thing is used: a browser, and who is signed in there.
type place struct {
	client  mapae.Client
	current mapae.Current
}

// tie says where a thing can be used.
type tie string

const (
	toBrowser tie = "a browser" // where it was issued
	toSession tie = "a session" // likewise
	toTrip    tie = "a browser and a session"
	toNobody  tie = "nobody" // a mail is read where it is read
)

// oneTime is a kind of one-time thing, and the one call that it is for.
type oneTime struct {
	name  string
	tied  tie
	life  time.Duration
	issue func(s misused) carried
	use   func(s misused, at place, c carried) error

	often  bool       // it may be used again while it lives: what it leads to works once
	racers int        // zero: 16
	bad    mapae.Code // of what can't be read, has ended or is for something else; empty: CodeCeremonyInvalid
}

// misuse is one of the ways to use a one-time thing wrongly.
type misuse string

const (
	twice     misuse = "used twice"
	parallel  misuse = "in parallel"
	tooLate   misuse = "late"
	foreign   misuse = "on another browser"
	otherwise misuse = "for another purpose"
	cut       misuse = "truncated"
	otherUser misuse = "with another user signed in"
)

var misuses = []misuse{twice, parallel, tooLate, foreign, otherwise, cut, otherUser}

// reasons are what the answer to a misuse has to say, one of them.
var reasons = map[misuse][]string{
	twice:     {"used before", "the user has changed", "no recovery waits"},
	parallel:  {"used before", "the user has changed", "no recovery waits", "tried five times"},
	tooLate:   {"ended at", "no recovery waits"},
	foreign:   {"issued to another browser", "issued in another session"},
	otherwise: {"purpose", "not one of ours", "it belongs to something else", "can't be opened", "no recovery waits"},
	cut:       {"not one of ours", "can't be opened", "illegal base64", "no recovery waits", "unexpected end"},
	otherUser: {"issued in another session", "it belongs to something else"},
}

var oneTimes = []oneTime{
	{name: "the ticket of a sign-in code", tied: toBrowser, life: 10 * time.Minute, issue: func(s misused) carried {
		ticket := must(s.BeginEmailCode(s.ctx, browser(1), kim, ""))(s.t)
		return carried{ticket, s.mail(mapae.MailSignInCode, kim).Code}
	}, use: func(s misused, at place, c carried) error {
		return second(s.FinishEmailCode(s.ctx, at.client, c.text, c.code))
	}},
	{name: "the ticket of the second step after a sign-in code", tied: toBrowser, life: 10 * time.Minute, racers: 8, issue: func(s misused) carried {
		ticket := must(s.BeginEmailCode(s.ctx, browser(1), kim, ""))(s.t)
		step := must(s.FinishEmailCode(s.ctx, browser(1), ticket, s.mail(mapae.MailSignInCode, kim).Code))(s.t)
		return carried{text: step.Second.Ticket}
	}, use: func(s misused, at place, c carried) error {
		code := s.codes[(s.spare.Add(1)-1)%10]
		return second(s.SecondFactorRecoveryCode(s.ctx, at.client, c.text, code))
	}},
	{name: "the ticket of a step-up code", tied: toSession, life: 10 * time.Minute, issue: func(s misused) carried {
		ticket := must(s.BeginReauthEmailCode(s.ctx, browser(1), s.current(s.in), ""))(s.t)
		return carried{ticket, s.mail(mapae.MailReauthCode, kim).Code}
	}, use: func(s misused, at place, c carried) error {
		return second(s.ReauthEmailCode(s.ctx, at.client, at.current, c.text, c.code, mapae.ActionNone))
	}},
	{name: "the ticket of a sign-up code", tied: toBrowser, life: 10 * time.Minute, issue: func(s misused) carried {
		step := must(s.BeginSignUp(s.ctx, browser(1), mapae.SignUpRequest{Login: "new@example.com", Name: "New"}))(s.t)
		return carried{step.Ticket, s.mail(mapae.MailSignUpCode, "new@example.com").Code}
	}, use: func(s misused, at place, c carried) error {
		return second(s.ProveSignUp(s.ctx, at.client, c.text, c.code))
	}},
	{name: "the ticket of a proven address", tied: toBrowser, life: 10 * time.Minute, issue: func(s misused) carried {
		return carried{text: s.proveSignUp(browser(1), "new@example.com").Ticket}
	}, use: func(s misused, at place, c carried) error {
		return second(s.FinishSignUpPassword(s.ctx, at.client, c.text, password))
	}},
	{name: "the ticket of a verification", tied: toSession, life: 10 * time.Minute, issue: func(s misused) carried {
		s.unprove()
		ticket := must(s.BeginVerifyEmail(s.ctx, browser(1), s.current(s.in), ""))(s.t)
		return carried{ticket, s.mail(mapae.MailVerifyEmail, kim).Code}
	}, use: func(s misused, at place, c carried) error {
		return second(s.FinishVerifyEmail(s.ctx, at.client, at.current, c.text, c.code))
	}},
	{name: "the link of a reset", tied: toNobody, life: 30 * time.Minute, issue: func(s misused) carried {
		return carried{text: s.forgot(kim)}
	}, use: func(s misused, at place, c carried) error {
		return s.ResetPassword(s.ctx, at.client, c.text, newPassword)
	}},
	{name: "the step-up for a change of address", tied: toSession, life: 10 * time.Minute, issue: func(s misused) carried {
		return carried{text: s.move().Ticket}
	}, use: func(s misused, at place, c carried) error {
		return second(s.BeginChangeEmail(s.ctx, at.client, at.current, c.text, "fresh@example.com", ""))
	}},
	{name: "the ticket of a change of address", tied: toSession, life: 10 * time.Minute, issue: func(s misused) carried {
		in := s.move()
		step := must(s.BeginChangeEmail(s.ctx, browser(1), s.current(in), in.Ticket, "fresh@example.com", ""))(s.t)
		return carried{step.Ticket, s.mail(mapae.MailVerifyEmail, "fresh@example.com").Code}
	}, use: func(s misused, at place, c carried) error {
		return second(s.FinishChangeEmail(s.ctx, at.client, at.current, c.text, c.code))
	}},
	{name: "the link that takes a change of address back", tied: toNobody, life: 72 * time.Hour, issue: func(s misused) carried {
		in := s.move()
		must(s.ChangeEmail(s.ctx, browser(1), s.current(in), in.Ticket, "fresh@example.com"))(s.t)
		return carried{text: codeIn(s.mail(mapae.MailEmailChanged, kim).UndoLink)}
	}, use: func(s misused, at place, c carried) error { return second(s.UndoEmail(s.ctx, at.client, c.text)) }},
	{name: "the link “This was not me”", tied: toNobody, life: 7 * 24 * time.Hour, issue: func(s misused) carried {
		_, _, code := s.added("Evil")
		return carried{text: code}
	}, use: func(s misused, at place, c carried) error { return second(s.DisownNotice(s.ctx, at.client, c.text)) }},
	{name: "an invitation", tied: toNobody, life: time.Hour, bad: mapae.CodeForbidden, issue: func(s misused) carried {
		return carried{text: must(s.Invite(s.ctx, "", time.Hour))(s.t)}
	}, use: func(s misused, at place, c carried) error {
		req := mapae.SignUpRequest{Login: fmt.Sprintf("new%d@example.com", s.spare.Add(1)), Name: "New", Invitation: c.text}
		return second(s.invited().SignUpPassword(s.ctx, at.client, req, password))
	}},
	{name: "the operator's link that signs in", tied: toNobody, life: time.Hour, issue: func(s misused) carried {
		return carried{text: codeIn(must(s.IssueSignIn(s.ctx, kim, time.Hour, true))(s.t).URL)}
	}, use: func(s misused, at place, c carried) error { return second(s.SignInByLink(s.ctx, at.client, c.text)) }},
	{name: "the operator's link that recovers" /* BI-389 */, tied: toNobody, life: time.Hour, issue: func(s misused) carried {
		return carried{text: codeIn(must(s.IssueRecovery(s.ctx, kim, time.Hour))(s.t).URL)}
	}, use: func(s misused, at place, c carried) error {
		return second(s.BeginIssuedRecovery(s.ctx, at.client, c.text))
	}},
	{name: "the ticket of a recovery's mailed code", tied: toBrowser, life: 10 * time.Minute, issue: func(s misused) carried {
		ticket := must(s.MailRecoveryCode(s.ctx, browser(1), s.recovery(browser(1), kim), ""))(s.t)
		return carried{ticket, s.mail(mapae.MailRecoveryCode, kim).Code}
	}, use: func(s misused, at place, c carried) error {
		return second(s.ProveRecovery(s.ctx, at.client, c.text, mapae.MethodEmailCode, c.code))
	}},
	{name: "the ticket of a recovery that is ready", tied: toBrowser, life: 10 * time.Minute, issue: func(s misused) carried {
		link := must(s.IssueRecovery(s.ctx, kim, time.Hour))(s.t)
		return carried{text: must(s.BeginIssuedRecovery(s.ctx, browser(1), codeIn(link.URL)))(s.t).Ticket}
	}, use: func(s misused, at place, c carried) error {
		return s.RecoverPassword(s.ctx, at.client, c.text, newPassword)
	}},
	{name: "the link to a recovery that has waited", tied: toNobody, life: 7 * 24 * time.Hour, issue: func(s misused) carried {
		wait, _ := s.waits(browser(1))
		s.pass(wait.ReadyAt.Sub(s.now()))
		return carried{text: wait.Claim}
	}, use: func(s misused, at place, c carried) error {
		step, err := s.ClaimRecovery(s.ctx, at.client, c.text)
		if err != nil {
			return err
		}
		return s.RecoverPassword(s.ctx, at.client, step.Ticket, newPassword)
	}},
	{name: "the link that cancels a recovery", tied: toNobody, life: 10 * 24 * time.Hour, issue: func(s misused) carried {
		_, mail := s.waits(browser(1))
		return carried{text: codeIn(mail.UndoLink)}
	}, use: func(s misused, at place, c carried) error { return s.DisownRecovery(s.ctx, at.client, c.text) }},
	{name: "the state of a sign-in by a provider", tied: toBrowser, life: 10 * time.Minute, issue: func(s misused) carried {
		return carried{s.trip("sub:kim", s.BeginFederated).State, "sub:kim"}
	}, use: func(s misused, at place, c carried) error { return second(s.comeBack(at, c)) }},
	{name: "the state of a link with a provider", tied: toTrip, life: 10 * time.Minute, issue: func(s misused) carried {
		return carried{s.trip("sub:second", s.BeginLinkOf(s.current(s.in))).State, "sub:second"}
	}, use: func(s misused, at place, c carried) error { return second(s.comeBack(at, c)) }},
	{name: "the state of a step-up by a provider", tied: toTrip, life: 10 * time.Minute, issue: func(s misused) carried {
		cur := s.current(s.in)
		return carried{s.trip("sub:kim", func(ctx context.Context, c mapae.Client, r mapae.FederatedRequest) (string, error) {
			return s.BeginReauthFederated(ctx, c, cur, r)
		}).State, "sub:kim"}
	}, use: func(s misused, at place, c carried) error { return second(s.comeBack(at, c)) }},
	{name: "the state of a provider's proof in a recovery", tied: toBrowser, life: 10 * time.Minute, issue: func(s misused) carried {
		ticket := s.recovery(browser(1), kim)
		return carried{s.trip("sub:kim", func(ctx context.Context, c mapae.Client, r mapae.FederatedRequest) (string, error) {
			return s.BeginRecoveryFederated(ctx, c, ticket, r)
		}).State, "sub:kim"}
	}, use: func(s misused, at place, c carried) error { return second(s.comeBack(at, c)) }},
	{name: "the ticket of whom a provider vouches no address for", tied: toBrowser, life: 10 * time.Minute, often: true, issue: func(s misused) carried {
		answer := s.trip("sub:new", s.BeginFederated)
		return carried{text: must(s.FinishFederated(s.ctx, browser(1), nil, answer))(s.t).Unproven.Ticket}
	}, use: func(s misused, at place, c carried) error {
		return second(s.RequestFederatedCode(s.ctx, at.client, c.text, "new@example.com"))
	}},
	{name: "the ticket of the code after a provider", tied: toBrowser, life: 10 * time.Minute, issue: func(s misused) carried {
		answer := s.trip("sub:new", s.BeginFederated)
		step := must(s.FinishFederated(s.ctx, browser(1), nil, answer))(s.t)
		ticket := must(s.RequestFederatedCode(s.ctx, browser(1), step.Unproven.Ticket, "new@example.com"))(s.t)
		return carried{ticket, s.mail(mapae.MailSignUpCode, "new@example.com").Code}
	}, use: func(s misused, at place, c carried) error {
		return second(s.FinishFederatedSignUp(s.ctx, at.client, c.text, c.code))
	}},
}

// unprove takes the proof of kim's address away, as if there had been no mail.
func (s misused) unprove() {
	s.t.Helper()
	u := s.current(s.in).User
	u.EmailKey, u.EmailVerifiedAt = "", time.Time{}
	if err := s.store.Update(s.ctx, func(tx mapae.Tx) error { return tx.UpdateUser(s.ctx, u) }); err != nil {
		s.t.Fatal(err)
	}
}

// at is a browser in the session of in, as the store has it now.
func (s misused) at(n byte, in mapae.Admitted) place {
	s.t.Helper()
	return s.renewed(place{browser(n), mapae.Current{User: in.User, Session: in.Session}})
}

// renewed is at with its user and session as they are now, if it still lives.
func (s misused) renewed(at place) place {
	s.t.Helper()
	at.current.User = must(s.store.User(s.ctx, at.current.User.ID))(s.t)
	for _, session := range must(s.store.Sessions(s.ctx, at.current.User.ID, s.now()))(s.t) {
		if session.ID == at.current.Session.ID {
			at.current.Session = session
		}
	}
	return at
}

// refused demands that a misuse was refused with one of the codes, for one of
// its reasons.
func (f oneTime) refused(t *testing.T, what misuse, detail string, err error, codes ...mapae.Code) {
	t.Helper()
	var e *mapae.Error
	if !errors.As(err, &e) || !slices.Contains(codes, e.Code) {
		t.Errorf("%s %s%s: %v, want one of %v", f.name, what, detail, err, codes)
		return
	}
	for _, reason := range reasons[what] {
		if strings.Contains(err.Error(), reason) {
			return
		}
	}
	t.Errorf("%s %s%s: refused for %v, want one of %q", f.name, what, detail, err, reasons[what])
}

// badCode is the answer to a thing that is not one, or not any more.
func (f oneTime) badCode() mapae.Code {
	if f.bad != "" {
		return f.bad
	}
	return mapae.CodeCeremonyInvalid
}

// cells are the misuses of each thing that were tried.
type cells struct {
	mu       sync.Mutex
	done     map[string]string
	purposes []int
}

func (c *cells) mark(f oneTime, what misuse, outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[f.name+string(what)] = outcome
}

// TestNoOneTimeThingIsMisused tries every misuse of every link, code, ticket and
// state that mail and providers have. The table that it logs has no empty cell.
func TestNoOneTimeThingIsMisused(t *testing.T) {
	t.Parallel()
	all := &cells{done: map[string]string{}}
	t.Run("things", func(t *testing.T) {
		for _, f := range oneTimes {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				t.Run("apart", func(t *testing.T) { t.Parallel(); f.misuseApart(t, all) })
				t.Run("late", func(t *testing.T) { t.Parallel(); f.misuseLate(t, all) })
				eachStore(t, func(t *testing.T, store mapae.Store) { f.misuseAtOnce(t, all, store) })
			})
		}
	})
	// A purpose that is not tried here is that of a ceremony with a passkey, or of
	// the set-up of an authenticator app, which neither mail nor providers begin,
	// or the operator's inquiry, which is no one-time thing.
	for p := 1; p <= mapae.Purposes; p++ {
		if !slices.Contains(all.purposes, p) && !slices.Contains(mapae.CeremonyPurposes, p) {
			t.Errorf("nothing of purpose %d was tried", p)
		}
	}
	var table strings.Builder
	for _, f := range oneTimes {
		fmt.Fprintf(&table, "\n%-55s", f.name)
		for _, what := range misuses {
			outcome := all.done[f.name+string(what)]
			if outcome == "" {
				t.Errorf("%s was not tried %s", f.name, what)
			}
			fmt.Fprintf(&table, " | %s: %s", what, outcome)
		}
	}
	t.Log(table.String())
}

// misuseApart tries one thing wrongly in all ways that leave it usable, sees
// that nothing changed, then uses it and tries again.
func (f oneTime) misuseApart(t *testing.T, all *cells) {
	s := newMisused(t, memory.New())
	c := f.issue(s)
	all.mu.Lock()
	all.purposes = append(all.purposes, s.PurposeOf(c.text))
	all.mu.Unlock()
	home, before := s.at(1, s.in), s.everything()
	for _, n := range []int{1, 3, 10, len(c.text) / 2, len(c.text) - 1} {
		f.refused(t, cut, fmt.Sprintf(" to %d bytes", n), f.use(s, home, carried{c.text[:n], c.code}), f.badCode())
	}
	if c.code != "" && !strings.HasPrefix(c.code, "sub:") {
		if err := f.use(s, home, carried{c.text, c.code[:len(c.code)-1]}); !errors.Is(err, mapae.ErrAuthenticationFailed) || !strings.Contains(err.Error(), "wrong code") {
			t.Errorf("%s with a truncated code: %v", f.name, err)
		}
	}
	all.mark(f, cut, "refused")
	for _, other := range oneTimes {
		if other.name != f.name && !sameTrip(f, other) {
			other.refused(t, otherwise, ": "+f.name, other.use(s, home, c), other.badCode())
		}
	}
	all.mark(f, otherwise, "refused")
	if f.tied != toNobody {
		f.refused(t, foreign, "", f.use(s, s.at(2, s.away), c), f.badCode())
		all.mark(f, foreign, "refused")
	}
	if f.tied == toSession || f.tied == toTrip {
		f.refused(t, otherUser, "", f.use(s, place{browser(1), s.at(1, s.lee).current}, c), f.badCode())
		all.mark(f, otherUser, "refused")
	}
	if after := s.everything(); !slices.Equal(before, after) {
		t.Fatalf("%s: a misuse changed something:\n%s\n%s", f.name, before, after)
	}
	f.useTwice(t, all, s, c)
}

// sameTrip reports whether both are states: what one is for stands in it, and
// the route is one.
func sameTrip(f, other oneTime) bool {
	return strings.HasPrefix(f.name, "the state") && strings.HasPrefix(other.name, "the state")
}

// useTwice uses a thing where it can be used, for whoever it is of, and again.
func (f oneTime) useTwice(t *testing.T, all *cells, s misused, c carried) {
	t.Helper()
	home, lees := s.at(1, s.in), s.has(s.lee.User.ID)
	if f.tied == toNobody {
		home.client = browser(2)
		all.mark(f, foreign, "works there too")
	}
	if f.tied == toNobody || f.tied == toBrowser {
		home.current = s.at(1, s.lee).current
		all.mark(f, otherUser, "acts for its owner")
	}
	if err := f.use(s, home, c); err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	if f.often {
		if err := f.use(s, home, c); err != nil {
			t.Errorf("%s again: %v", f.name, err)
		}
		all.mark(f, twice, "another mail")
	} else {
		f.refused(t, twice, "", f.use(s, s.renewed(home), c), mapae.CodeCeremonyInvalid)
		all.mark(f, twice, "refused")
	}
	if now := s.has(s.lee.User.ID); !slices.Equal(lees, now) {
		t.Errorf("%s changed what somebody else has:\n%s\n%s", f.name, lees, now)
	}
}

func (f oneTime) misuseLate(t *testing.T, all *cells) {
	s := newMisused(t, memory.New())
	c := f.issue(s)
	s.pass(f.life)
	before := s.everything()
	f.refused(t, tooLate, "", f.use(s, s.at(1, s.in), c), f.badCode())
	if after := s.everything(); !slices.Equal(before, after) {
		t.Errorf("%s late changed something:\n%s\n%s", f.name, before, after)
	}
	all.mark(f, tooLate, "refused")
}

func (f oneTime) misuseAtOnce(t *testing.T, all *cells, store mapae.Store) {
	s := newMisused(t, store)
	c := f.issue(s)
	n := f.racers
	if n == 0 {
		n = 16
	}
	at, errs := s.at(1, s.in), make(chan error, n)
	won := race(n, func() error {
		err := f.use(s, at, c)
		errs <- err
		return err
	})
	if f.often {
		if mails := len(s.mailed()); won != n || mails > 5 {
			t.Errorf("%s: %d of %d worked, %d mails", f.name, won, n, mails)
		}
		all.mark(f, parallel, "five mails")
		return
	}
	close(errs)
	for err := range errs {
		if err != nil && !errors.Is(err, mapae.ErrUnauthenticated) && !errors.Is(err, mapae.ErrRateLimited) { // the winner renewed the session; its code counts for all
			f.refused(t, parallel, "", err, mapae.CodeCeremonyInvalid)
		}
	}
	if won != 1 {
		t.Errorf("%s: %d of %d won", f.name, won, n)
	}
	all.mark(f, parallel, "one wins")
}

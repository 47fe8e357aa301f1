package mapae_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// ChangeEmail is the whole of a change of address: where there is mail with the
// code that was sent.
func (w *world) ChangeEmail(ctx context.Context, c mapae.Client, cur mapae.Current, ticket, email string) (mapae.User, error) {
	w.t.Helper()
	step, err := w.BeginChangeEmail(ctx, c, cur, ticket, email, "")
	if err != nil || step.Ticket == "" {
		return step.User, err
	}
	in, err := w.FinishChangeEmail(ctx, c, cur, step.Ticket, w.mail(mapae.MailVerifyEmail, email).Code)
	return in.User, err
}

const fresh = "new@example.com"

// mover is a member with a step-up for a change of address.
func newMover(t *testing.T) member {
	t.Helper()
	m := newMember(t)
	m.in = m.actionTicket(browser(1), m.in, m.a, mapae.ActionChangeEmail)
	return m
}

// begun is a change of address that waits for its code.
func (m member) begun(email string) (ticket, code string) {
	m.t.Helper()
	step := must(m.BeginChangeEmail(m.ctx, browser(1), m.current(m.in), m.in.Ticket, email, "ko"))(m.t)
	return step.Ticket, m.mail(mapae.MailVerifyEmail, email).Code
}

// moved is the member at the new address, with the code of the link that takes
// that back.
func (m member) moved(email string) (member, string) {
	m.t.Helper()
	ticket, code := m.begun(email)
	m.in = must(m.FinishChangeEmail(m.ctx, browser(1), m.current(m.in), ticket, code))(m.t)
	return m, codeIn(m.mail(mapae.MailEmailChanged, kim).UndoLink)
}

func TestAnAddressIsChangedOnceTheNewOneIsProven(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	other := m.signIn(browser(2), m.a)
	ticket, code := m.begun("New@Example.com")
	if u := m.current(m.in).User; u.Email != kim || u.Login != kim {
		t.Fatalf("before the code %+v", u)
	}
	_, err := m.BeginChangeEmail(m.ctx, browser(1), m.current(m.in), m.in.Ticket, fresh, "")
	wantCode(t, err, mapae.CodeCeremonyInvalid) // the step-up was used
	_, err = m.FinishChangeEmail(m.ctx, browser(1), m.current(m.in), ticket, "AAAA-AAAA")
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	old := m.in
	m.in = must(m.FinishChangeEmail(m.ctx, browser(1), m.current(m.in), ticket, code))(t)
	u := m.current(m.in).User
	if u.Login != "New@Example.com" || u.LoginKey != fresh || u.Email != "New@Example.com" || u.EmailKey != fresh || u.EmailVerifiedAt.IsZero() || u.ID != old.User.ID {
		t.Errorf("user %+v", u)
	}
	for _, ended := range []mapae.Admitted{old, other} {
		_, err = m.Session(m.ctx, ended.Token)
		wantCode(t, err, mapae.CodeUnauthenticated)
	}
	if e := m.lastEvent(); e.Type != mapae.EventEmailChanged || e.UserID != u.ID {
		t.Errorf("event %+v", e)
	}
	told := m.mail(mapae.MailEmailChanged, kim)
	if told.Device != "New@Example.com" || !strings.HasPrefix(told.UndoLink, origin+"/undo-email?code=ml_") || told.EndsAt.Sub(m.now()) < 71*time.Hour {
		t.Errorf("the old address is told %+v", told)
	}
	if got := m.notice(mapae.EventEmailChanged); got.To != "New@Example.com" || got.Device != "New@Example.com" {
		t.Errorf("the new address is told %+v", got)
	}
	_, err = m.FinishChangeEmail(m.ctx, browser(1), m.current(m.in), ticket, code)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestALoginThatIsNotTheAddressStays(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	u := m.current(m.in).User
	u.Login, u.LoginKey = "kimchi", "kimchi"
	if err := m.store.Update(m.ctx, func(tx mapae.Tx) error { return tx.UpdateUser(m.ctx, u) }); err != nil {
		t.Fatal(err)
	}
	if got, _ := m.moved(fresh); got.in.User.Login != "kimchi" || got.in.User.Email != fresh || got.in.User.EmailKey != fresh {
		t.Errorf("user %+v", got.in.User)
	}
}

func TestAProvenAddressIsNobodyElsesAndNobodyIsTold(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	lee := m.signUpProven(browser(2), webauthntest.New(origin), "lee@example.com")
	step := must(m.BeginChangeEmail(m.ctx, browser(1), m.current(m.in), m.in.Ticket, "Lee@example.com", ""))(t)
	if step.Ticket == "" || step.User.Email != kim {
		t.Errorf("the answer tells: %+v", step)
	}
	m.mail(mapae.MailSignUpTaken, "lee@example.com")
	_, err := m.FinishChangeEmail(m.ctx, browser(1), m.current(m.in), step.Ticket, "AAAA-AAAA")
	wantCode(t, err, mapae.CodeAuthenticationFailed)
	if u := must(m.store.UserByEmail(m.ctx, "lee@example.com"))(t); u.ID != lee.User.ID {
		t.Errorf("the address is of %+v", u)
	}
}

func TestAnAddressThatSomebodyProvesMeanwhileIsTheirs(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	ticket, code := m.begun(fresh)
	m.signUpProven(browser(2), webauthntest.New(origin), fresh)
	_, err := m.FinishChangeEmail(m.ctx, browser(1), m.current(m.in), ticket, code)
	wantCode(t, err, mapae.CodeLoginTaken)
	if u := m.current(m.in).User; u.Email != kim || u.EmailKey != kim {
		t.Errorf("user %+v", u)
	}
}

func TestAnAddressThatNobodyProvedIsTakenOver(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	squatter := m.before().signUpPassword(browser(2), fresh)
	got, _ := m.moved(fresh)
	if got.in.User.LoginKey != fresh {
		t.Errorf("user %+v", got.in.User)
	}
	_, err := m.Session(m.ctx, squatter.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	if u := must(m.store.User(m.ctx, squatter.User.ID))(t); u.Email != "" || u.LoginKey == fresh {
		t.Errorf("the squatter is %+v", u)
	}
}

func TestTheOldAddressTakesTheChangeBack(t *testing.T) {
	t.Parallel()
	m, undo := newMover(t).moved(fresh)
	again := m.actionTicket(browser(1), m.in, m.a, mapae.ActionChangeEmail) // the hijacker moves on
	if got := must(m.EmailUndo(m.ctx, undo))(t); got != kim {
		t.Errorf("the page says %q", got)
	}
	m.current(again) // which changed nothing
	out := must(m.UndoEmail(m.ctx, browser(5), undo))(t)
	u := must(m.store.UserByEmail(m.ctx, kim))(t)
	if u.ID != m.in.User.ID || u.Login != kim || u.Email != kim || !m.Frozen(u) || u.EmailVerifiedAt.IsZero() {
		t.Errorf("user %+v", u)
	}
	if e := m.lastEvent(); e.Type != mapae.EventEmailRestored || e.UserID != u.ID {
		t.Errorf("event %+v", e)
	}
	if out.Recovery.Ticket == "" || out.Recovery.Ready {
		t.Errorf("answer %+v", out)
	}
	if told := m.notices(); len(told) == 0 || told[len(told)-1].Event.Type != mapae.EventEmailRestored || told[len(told)-1].To != fresh || told[len(told)-1].Link != "" {
		t.Errorf("the address that lost the account is told %+v", told)
	}
	_, err := m.Session(m.ctx, again.Token)
	wantCode(t, err, mapae.CodeUnauthenticated)
	_, err = m.UndoEmail(m.ctx, browser(5), undo)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	m.in = m.signIn(browser(1), m.a)
	must(m.ProveRecovery(m.ctx, browser(5), out.Recovery.Ticket, mapae.MethodRecoveryCode, m.codes[0]))(t)
}

func TestAChangeIsTakenBackThoughOthersFollowed(t *testing.T) {
	t.Parallel()
	m, undo := newMover(t).moved(fresh)
	m.in = m.actionTicket(browser(1), m.in, m.a, mapae.ActionChangeEmail)
	step := must(m.BeginChangeEmail(m.ctx, browser(1), m.current(m.in), m.in.Ticket, "third@example.com", ""))(t)
	must(m.FinishChangeEmail(m.ctx, browser(1), m.current(m.in), step.Ticket, m.mail(mapae.MailVerifyEmail, "third@example.com").Code))(t)
	must(m.UndoEmail(m.ctx, browser(5), undo))(t)
	if u := must(m.store.User(m.ctx, m.in.User.ID))(t); u.EmailKey != kim {
		t.Errorf("user %+v", u)
	}
}

// What the new address proves ends with it, and what the old one proved before.
func TestLinksAndRecoveriesOfAnAddressEndWithIt(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	m.signIn(strange(), m.a)
	before := m.notice(mapae.EventSignIn)
	m, undo := m.moved(fresh)
	_, err := m.DisownNotice(m.ctx, browser(5), codeIn(before.Link))
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	m.current(m.in) // nothing changed

	must(m.DisownNotice(m.ctx, browser(4), codeIn(m.notice(mapae.EventEmailChanged).Link)))(t) // the hijacker freezes the account
	m.pass(time.Minute)
	one := must(m.ProveRecovery(m.ctx, browser(4), m.recovery(browser(4), fresh), mapae.MethodRecoveryCode, m.codes[9]))(t)
	wait := must(m.WaitForRecovery(m.ctx, browser(4), one.Ticket))(t)
	told := m.notices()
	hijackers := told[len(told)-1]
	must(m.UndoEmail(m.ctx, browser(5), undo))(t)
	_, err = m.ClaimRecovery(m.ctx, browser(4), wait.Claim)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	_, err = m.DisownNotice(m.ctx, browser(4), codeIn(hijackers.Link))
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

// Who has changed the address twice has a mailbox between: it takes nothing back.
func TestAnAddressThatWasNotTheirsForLongTakesNothingBack(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	m.pass(100 * time.Hour)
	m.in = m.actionTicket(browser(1), m.signIn(browser(1), m.a), m.a, mapae.ActionChangeEmail)
	m, undo := m.moved(fresh)
	m.in = m.actionTicket(browser(1), m.in, m.a, mapae.ActionChangeEmail)
	ticket, code := m.begun("third@example.com")
	m.in = must(m.FinishChangeEmail(m.ctx, browser(1), m.current(m.in), ticket, code))(t)
	if l := m.mail(mapae.MailEmailChanged, fresh); l.UndoLink != "" {
		t.Errorf("the address between gets %q", l.UndoLink)
	}
	must(m.UndoEmail(m.ctx, browser(5), undo))(t)
	u := must(m.store.User(m.ctx, m.in.User.ID))(t)
	if u.EmailKey != kim || m.now().Sub(u.EmailVerifiedAt) < 100*time.Hour {
		t.Errorf("user %+v", u)
	}
}

func TestARecoveryByMailEndsWithTheAddress(t *testing.T) {
	t.Parallel()
	for name, cancelled := range map[string]bool{"a mailed code": true, "a recovery code": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMember(t)
			var one mapae.RecoveryStep
			if cancelled {
				one = m.provenByMail(browser(4), m.recovery(browser(4), kim))
			} else {
				one = must(m.ProveRecovery(m.ctx, browser(4), m.recovery(browser(4), kim), mapae.MethodRecoveryCode, m.codes[9]))(t)
			}
			must(m.WaitForRecovery(m.ctx, browser(4), one.Ticket))(t)
			m.mail(mapae.MailRecovery, kim)
			m.in = m.actionTicket(browser(1), m.in, m.a, mapae.ActionChangeEmail)
			ticket, code := m.begun(fresh)
			must(m.FinishChangeEmail(m.ctx, browser(1), m.current(m.in), ticket, code))(t)
			if _, err := m.store.RecoveryOf(m.ctx, m.in.User.ID); errors.Is(err, mapae.ErrNotFound) != cancelled {
				t.Errorf("the recovery: %v", err)
			}
		})
	}
}

func TestAnAddressThatIsSomebodyElsesNowDoesNotComeBack(t *testing.T) {
	t.Parallel()
	m, undo := newMover(t).moved(fresh)
	m.signUpProven(browser(2), webauthntest.New(origin), kim)
	_, err := m.UndoEmail(m.ctx, browser(5), undo)
	wantCode(t, err, mapae.CodeConflict)
	m.current(m.in) // nothing changed
}

// BI-386: what resets or recovers the account ends a change that waits for its
// code, and its link to the new address with it.
func TestAPendingChangeOfAddressDiesWithWhatTheOwnerDoes(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(m member) error{
		"a reset": func(m member) error { return m.ResetPassword(m.ctx, browser(5), m.forgot(kim), newPassword) },
		"a recovery": func(m member) error {
			link := must(m.IssueRecovery(m.ctx, kim, time.Hour))(m.t)
			step := must(m.BeginIssuedRecovery(m.ctx, browser(5), codeIn(link.URL)))(m.t)
			return m.RecoverPassword(m.ctx, browser(5), step.Ticket, newPassword)
		},
		"“This was not me”": func(m member) error {
			return second(m.DisownNotice(m.ctx, browser(5), codeIn(m.notices()[0].Link)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMember(t)
			m.in = must(m.SetPassword(m.ctx, browser(1), m.current(m.in), password))(t)
			m.in = m.actionTicket(browser(1), m.in, m.a, mapae.ActionChangeEmail)
			held := m.current(m.in)
			ticket, code := m.begun(fresh)
			if err := do(m); err != nil {
				t.Fatal(err)
			}
			_, err := m.FinishChangeEmail(m.ctx, browser(1), held, ticket, code)
			wantCode(t, err, mapae.CodeUnauthenticated) // the session has ended
			again, want := m.current(m.signIn(browser(1), m.a)), mapae.CodeCeremonyInvalid
			if m.Frozen(again.User) {
				want = mapae.CodeFrozen
			}
			_, err = m.FinishChangeEmail(m.ctx, browser(1), again, ticket, code)
			wantCode(t, err, want)
			if u := must(m.store.User(m.ctx, again.User.ID))(t); u.Email != kim || u.EmailKey != kim {
				t.Errorf("the address is %q", u.Email)
			}
		})
	}
}

func TestWhoProvesTheirOwnAddressByAChangeStaysSignedIn(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	m.in = m.before().signUpPassword(browser(2), fresh)
	in := must(m.ReauthPassword(m.ctx, browser(2), m.current(m.in), password, "change_email"))(t)
	step := must(m.BeginChangeEmail(m.ctx, browser(2), m.current(in), in.Ticket, fresh, ""))(t)
	in = must(m.FinishChangeEmail(m.ctx, browser(2), m.current(in), step.Ticket, m.mail(mapae.MailVerifyEmail, fresh).Code))(t)
	if u := m.current(in).User; u.ID != m.in.User.ID || u.LoginKey != fresh || u.EmailKey != fresh {
		t.Errorf("user %+v", u)
	}
	for _, e := range m.events() {
		if e.Type == mapae.EventEmailReleased {
			t.Errorf("their own address was taken from them: %+v", e)
		}
	}
}

package mapae_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// waits lets a recovery with one proof wait, and returns it with the mail.
func (m member) waits(c mapae.Client) (mapae.RecoveryWait, mapae.Message) {
	m.t.Helper()
	one := must(m.ProveRecovery(m.ctx, c, m.recovery(c, kim), mapae.MethodRecoveryCode, m.codes[9]))(m.t)
	wait := must(m.WaitForRecovery(m.ctx, c, one.Ticket))(m.t)
	return wait, m.mail(mapae.MailRecovery, kim)
}

// provenByMail gives the mailed code as a proof.
func (m member) provenByMail(c mapae.Client, ticket string) mapae.RecoveryStep {
	m.t.Helper()
	ticket = must(m.MailRecoveryCode(m.ctx, c, ticket, ""))(m.t)
	return must(m.ProveRecovery(m.ctx, c, ticket, mapae.MethodEmailCode, m.mail(mapae.MailRecoveryCode, kim).Code))(m.t)
}

func TestAMailedCodeIsOneProof(t *testing.T) {
	t.Parallel()
	m, c := newMember(t), browser(4)
	if got := m.RecoveryMethods(); !slices.Equal(got, []mapae.MethodName{mapae.MethodRecoveryCode, mapae.MethodEmailCode, mapae.MethodTOTP}) {
		t.Errorf("proofs are %v", got)
	}
	one := m.provenByMail(c, m.recovery(c, kim))
	if one.Ready {
		t.Fatal("a code in the mail recovers an account of two factors")
	}
	_, err := m.MailRecoveryCode(m.ctx, c, one.Ticket, "")
	wantCode(t, err, mapae.CodeBadRequest) // it was given
	two := must(m.ProveRecovery(m.ctx, c, one.Ticket, mapae.MethodRecoveryCode, m.codes[0]))(t)
	if !two.Ready {
		t.Fatal("two proofs are not enough")
	}
	must(m.bind(c, two.Ticket, webauthntest.New(origin)))(t)
	m.notices()

	other := m.recovery(c, kim) // the other way round
	first := must(m.ProveRecovery(m.ctx, c, other, mapae.MethodRecoveryCode, m.codes[1]))(t)
	if !m.provenByMail(c, first.Ticket).Ready {
		t.Error("two proofs are not enough")
	}
}

func TestAMailedCodeRecoversAnAccountOfOneFactor(t *testing.T) {
	t.Parallel()
	m, c := member{world: newWorld(t, byMail)}, browser(4)
	m.in = m.signUpProvenPassword(browser(1), kim)
	step := m.provenByMail(c, m.recovery(c, kim))
	if !step.Ready {
		t.Fatal("more than one proof is needed")
	}
	if err := m.RecoverPassword(m.ctx, c, step.Ticket, newPassword); err != nil {
		t.Fatal(err)
	}
	m.notice(mapae.EventRecovered)
	must(m.SignInPassword(m.ctx, c, kim, newPassword))(t)
}

func TestARecoveryByMailOfNobodyLooksTheSame(t *testing.T) {
	t.Parallel()
	m, c := newMember(t), browser(4)
	m.before().signUpPassword(browser(2), "lee@example.com") // has not proven the address
	var lengths []int
	for _, email := range []string{kim, "lee@example.com", "nob@example.com"} {
		ticket := must(m.MailRecoveryCode(m.ctx, c, m.recovery(c, email), ""))(t)
		lengths = append(lengths, len(ticket)-len(email))
		for try := range 6 {
			_, err := m.ProveRecovery(m.ctx, c, ticket, mapae.MethodEmailCode, "AAAA-AAAA")
			wantCode(t, err, map[bool]mapae.Code{true: mapae.CodeAuthenticationFailed, false: mapae.CodeCeremonyInvalid}[try < 5])
		}
		if sent := m.mailed(); (len(sent) == 1) != (email == kim) {
			t.Errorf("%s was sent %d mails", email, len(sent))
		}
	}
	if lengths[0]-lengths[2] > 4 || lengths[2]-lengths[0] > 4 {
		t.Errorf("tickets are of %v bytes more than the address", lengths)
	}
	without := m.before()
	_, err := without.MailRecoveryCode(m.ctx, c, m.recovery(c, kim), "")
	wantCode(t, err, mapae.CodeForbidden)
	_, err = without.ProveRecovery(m.ctx, c, m.recovery(c, kim), mapae.MethodEmailCode, "x")
	wantCode(t, err, mapae.CodeBadRequest)
}

func TestAMailedCodeIsGoodForItsTicketAlone(t *testing.T) {
	t.Parallel()
	m, c := newMember(t), browser(4)
	first := must(m.MailRecoveryCode(m.ctx, c, m.recovery(c, kim), ""))(t)
	code := m.mail(mapae.MailRecoveryCode, kim).Code
	second := must(m.MailRecoveryCode(m.ctx, c, m.recovery(c, kim), ""))(t)
	for name, ticket := range map[string]string{"another ticket": second, "one without a code": m.recovery(c, kim)} {
		if _, err := m.ProveRecovery(m.ctx, c, ticket, mapae.MethodEmailCode, code); err == nil {
			t.Errorf("%s takes it", name)
		}
	}
	_, err := m.ProveRecovery(m.ctx, browser(5), first, mapae.MethodEmailCode, code)
	wantCode(t, err, mapae.CodeCeremonyInvalid) // another browser
	must(m.ProveRecovery(m.ctx, c, first, mapae.MethodEmailCode, strings.ToLower(code)))(t)
	_, err = m.ProveRecovery(m.ctx, c, first, mapae.MethodEmailCode, code)
	wantCode(t, err, mapae.CodeCeremonyInvalid) // once
	late := must(m.MailRecoveryCode(m.ctx, c, m.recovery(c, kim), ""))(t)
	code = m.mailed()[1].Code
	m.pass(10 * time.Minute)
	_, err = m.ProveRecovery(m.ctx, c, late, mapae.MethodEmailCode, code)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestTheOwnerIsToldOfARecoveryThatWaitsAndCancelsIt(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	wait, mail := m.waits(browser(4))
	if !mail.EndsAt.Equal(wait.ReadyAt) || mail.Link != origin+"/recover?claim="+wait.Claim || !strings.HasPrefix(mail.UndoLink, origin+"/cancel-recovery?code=ml_") {
		t.Errorf("mail %+v", mail)
	}
	code := codeIn(mail.UndoLink)
	if ready := must(m.WaitingRecovery(m.ctx, code))(t); !ready.Equal(wait.ReadyAt) {
		t.Errorf("the page says %v", ready)
	}
	if err := m.DisownRecovery(m.ctx, browser(8), code); err != nil {
		t.Fatal(err)
	}
	if e := m.lastEvent(); e.Type != mapae.EventRecoveryCancelled || e.UserID != m.in.User.ID {
		t.Errorf("event %+v", e)
	}
	m.pass(73 * time.Hour)
	_, err := m.ClaimRecovery(m.ctx, browser(4), wait.Claim)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
	_, err = m.WaitingRecovery(m.ctx, code)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

func TestAnOldLinkDoesNotCancelANewerRecovery(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	_, old := m.waits(browser(4))
	one := must(m.ProveRecovery(m.ctx, browser(4), m.recovery(browser(4), kim), mapae.MethodRecoveryCode, m.codes[8]))(t)
	must(m.WaitForRecovery(m.ctx, browser(4), one.Ticket))(t)
	wantCode(t, m.DisownRecovery(m.ctx, browser(8), codeIn(old.UndoLink)), mapae.CodeCeremonyInvalid)
	must(m.store.RecoveryOf(m.ctx, m.in.User.ID))(t)
}

func TestNotMeCancelsTheRecoveryThatWaitedBefore(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	wait, _ := m.waits(browser(4))
	notice := m.notice(mapae.EventRecoveryProof)
	m.signIn(strange(), m.a)
	later := m.notice(mapae.EventSignIn)
	must(m.DisownNotice(m.ctx, browser(5), codeIn(later.Link)))(t)
	m.pass(time.Hour)
	_, err := m.ClaimRecovery(m.ctx, browser(4), wait.Claim)
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	one := must(m.ProveRecovery(m.ctx, browser(5), m.recovery(browser(5), kim), mapae.MethodRecoveryCode, m.codes[7]))(t)
	must(m.WaitForRecovery(m.ctx, browser(5), one.Ticket))(t) // the owner's
	must(m.DisownNotice(m.ctx, browser(5), codeIn(notice.Link)))(t)
	must(m.store.RecoveryOf(m.ctx, m.in.User.ID))(t) // is not that of the notice
}

// The mail that tells of a thief's proof is written before the recovery waits.
func TestNotMeCancelsTheRecoveryThatItIsAbout(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	wait, _ := m.waits(browser(4))
	must(m.DisownNotice(m.ctx, browser(5), codeIn(m.notice(mapae.EventRecoveryProof).Link)))(t)
	_, err := m.ClaimRecovery(m.ctx, browser(4), wait.Claim)
	wantCode(t, err, mapae.CodeCeremonyInvalid)
}

// A provider is often signed in to by the mail to the same address.
func TestMailAndAProviderAreOneProof(t *testing.T) {
	t.Parallel()
	for name, mailFirst := range map[string]bool{"mail first": true, "provider first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newElsewhere(t, byMail)
			_, codes := e.addTOTP(browser(1), e.in(browser(1), e.acme))
			m := member{world: e.world}
			ticket := e.recovery(browser(2), kim)
			if mailFirst {
				ticket = m.provenByMail(browser(2), ticket).Ticket
			}
			step := must(e.FinishFederated(e.ctx, browser(2), nil, back(e.acme, must(e.BeginRecoveryFederated(e.ctx, browser(2), ticket, request(e.acme)))(t))))(t)
			last := *step.Recovery
			if !mailFirst {
				last = m.provenByMail(browser(2), last.Ticket)
			}
			if last.Ready {
				t.Fatal("who reads the mail is in")
			}
			if ready := must(e.ProveRecovery(e.ctx, browser(2), last.Ticket, mapae.MethodRecoveryCode, codes[0]))(t); !ready.Ready {
				t.Error("nor is who has a code too")
			}
		})
	}
}

func TestAHijackerDoesNotCancelTheOwnersRecovery(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	m.pass(200 * time.Hour)
	m.in = m.signIn(browser(1), m.a)
	second, _, _ := m.added("Evil 2")
	_, _, code := m.added("Evil")
	must(m.DisownNotice(m.ctx, browser(5), code))(t)
	m.waits(browser(5))
	for range 2 {
		in := m.signIn(browser(7), second)
		wantCode(t, m.CancelRecovery(m.ctx, browser(7), m.current(in)), mapae.CodeStepUpRequired)
		m.pass(72 * time.Hour) // and when the freeze is over
	}
	own := m.signIn(browser(1), m.a)
	if err := m.CancelRecovery(m.ctx, browser(1), m.current(own)); err != nil {
		t.Error(err)
	}
}

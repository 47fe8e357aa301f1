package mapae_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

func TestTheOperatorRecoversAnAccountAndItsOwnerIsTold(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	link := must(m.IssueRecovery(m.ctx, "KIM@example.com", time.Hour))(t)
	if !strings.HasPrefix(link.URL, origin+"/recover?code=ml_") {
		t.Errorf("link %+v", link)
	}
	notice := m.notice(mapae.EventRecoveryIssued)
	step := must(m.BeginIssuedRecovery(m.ctx, browser(4), codeIn(link.URL)))(t)
	back := must(m.bind(browser(4), step.Ticket, webauthntest.New(origin)))(t)
	if back.User.ID != m.in.User.ID || back.Session.AAL() != 2 {
		t.Errorf("back as %+v", back)
	}
	_, err := m.BeginIssuedRecovery(m.ctx, browser(4), codeIn(link.URL))
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	link = must(m.IssueRecovery(m.ctx, kim, time.Hour))(t)
	must(m.DisownNotice(m.ctx, browser(5), codeIn(notice.Link)))(t) // the operator was fooled
	_, err = m.BeginIssuedRecovery(m.ctx, browser(4), codeIn(link.URL))
	wantCode(t, err, mapae.CodeCeremonyInvalid)

	for login, code := range map[string]mapae.Code{"nobody@example.com": mapae.CodeNotFound, "x": mapae.CodeNotFound, "x\u202e": mapae.CodeBadRequest, "": mapae.CodeBadRequest} {
		_, err := m.IssueRecovery(m.ctx, login, time.Hour)
		wantCode(t, err, code)
	}
}

func TestTheOperatorsLinkSignsInWithOneFactor(t *testing.T) {
	t.Parallel()
	m := newMember(t)
	link := must(m.IssueSignIn(m.ctx, kim, time.Hour, true))(t)
	if mail := m.mail(mapae.MailSignInLink, kim); mail.Link != link.URL || !mail.EndsAt.Equal(link.EndsAt) {
		t.Errorf("mail %+v, link %+v", mail, link)
	}
	step := must(m.SignInByLink(m.ctx, browser(4), codeIn(link.URL)))(t)
	if step.Second == nil || !slices.Contains(step.Second.Methods, mapae.MethodPasskey) || step.Token != "" {
		t.Errorf("a link alone signs in to an account of two factors: %+v", step)
	}
	m.before().signUpPassword(browser(2), "lee@example.com")
	_, err := m.IssueSignIn(m.ctx, "lee@example.com", time.Hour, true)
	wantCode(t, err, mapae.CodeConflict) // not proven
	printed := must(m.IssueSignIn(m.ctx, "lee@example.com", time.Hour, false))(t)
	in := must(m.SignInByLink(m.ctx, browser(4), codeIn(printed.URL)))(t)
	if in.Session.AAL() != 1 || in.Session.PhishingResistant() || in.Session.Uses[0].Method != mapae.MethodLink || !slices.Equal(in.Session.AMR(), []string{"otp"}) {
		t.Errorf("session %+v", in.Session)
	}
	stale := must(m.IssueSignIn(m.ctx, "lee@example.com", time.Hour, false))(t)
	must(m.EndOtherSessions(m.ctx, browser(4), m.current(in.Admitted)))(t)
	_, err = m.SignInByLink(m.ctx, browser(4), codeIn(stale.URL))
	wantCode(t, err, mapae.CodeCeremonyInvalid) // signing out everywhere ends it
}

func TestAnInvitationIsMailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, byMail, func(c *mapae.Config) { c.SignUp = mapae.SignUpInvited })
	text := must(w.MailInvitation(w.ctx, "new@example.com", "ko", time.Hour))(t)
	mail := w.mail(mapae.MailInvitation, "new@example.com")
	at := must(url.Parse(mail.Link))(t)
	if at.Query().Get("invitation") != text || at.Path != "/sign-up" || mail.Locale != "ko" {
		t.Errorf("mail %+v", mail)
	}
	if e := w.lastEvent(); e.Type != mapae.EventInvitationIssued {
		t.Errorf("event %+v", e)
	}
	must(w.BeginSignUp(w.ctx, browser(1), mapae.SignUpRequest{Login: "new@example.com", Name: "New", Invitation: text}))(t)
	for _, bad := range []string{"", "x"} {
		_, err := w.MailInvitation(w.ctx, bad, "", time.Hour)
		wantCode(t, err, mapae.CodeBadRequest)
	}
	_, err := w.before().MailInvitation(w.ctx, "new@example.com", "", time.Hour)
	wantCode(t, err, mapae.CodeConflict)
}

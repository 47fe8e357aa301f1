package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// stepUpFor proves by the password who p is, on the page that path leads to.
func (p person) stepUpFor(t *testing.T, path string) reply {
	t.Helper()
	at := p.page(path)
	if to := at.Header.Get("Location"); at.StatusCode != 303 || !strings.HasPrefix(to, "/sign-in?action=") {
		t.Fatalf("%s leads to %d %q", path, at.StatusCode, to)
	}
	confirm := p.page(at.Header.Get("Location"))
	values := url.Values{"action": {confirm.hidden(t, "action")}, "next": {confirm.hidden(t, "next")}, "password": {"wrong"}}
	wrong := p.form("/step-up/password", values)
	wrong.says(t, "a wrong password", 401, "That password isn’t right.")
	values.Set("action", wrong.hidden(t, "action"))
	values.Set("password", password)
	return p.form("/step-up/password", values)
}

func TestPagesOfActionsAreAsTheGoldenFilesHaveThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	p := w.provenMember(alice)
	change := p.stepUpFor(t, "/account/email")
	values := url.Values{"ticket": {change.hidden(t, "ticket")}, "username": {moved}}
	wantPages(t, map[string]reply{
		"change-confirm.html":    p.page("/sign-in?step_up=1&action=change_email&next=/account"),
		"change-email.html":      change,
		"change-email-code.html": p.form("/account/email", values),
		"change-email-over.html": p.form("/account/email", values),
		"delete.html":            p.stepUpFor(t, "/account/delete"),
		"delete-over.html":       p.form("/account/delete", url.Values{"ticket": {"mt_x"}, "sure": {"yes"}}),
		"deleted.html":           w.person().page("/sign-in?did=deleted"),
	})
}

func TestSomebodyChangesTheAddressWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	p := w.provenMember(alice)
	page := p.stepUpFor(t, "/account/email")
	page.says(t, "the page", 200, "Your address is "+alice)
	values := url.Values{"ticket": {page.hidden(t, "ticket")}, "username": {"not an address"}}
	p.form("/account/email", values).says(t, "no address", 400, "This doesn’t look like an e-mail address.")
	values.Set("username", " "+moved+" ")
	asked := p.form("/account/email", values)
	asked.says(t, "the code is asked for", 200, "We sent a mail to "+moved)
	p.form("/account/email", values).says(t, "the step-up again", 400, "took too long or was used before")

	m := w.lastMail()
	code := url.Values{"ticket": {asked.hidden(t, "ticket")}, "username": {moved}, "code": {"0000-0000"}}
	w.unchanged([]string{alice}, func() {
		p.form("/account/email/code", code).says(t, "a wrong code", 401, "That code isn’t right.")
	})
	code.Set("code", m.Code)
	seeOther(t, p.form("/account/email/code", code), "/account?did=email_changed")
	p.page("/account?did=email_changed").says(t, "the account", 200, "Your e-mail address is changed.")
	p.page("/account").says(t, "the new address", 200, "<p>"+moved+"</p>")
	p.form("/account/email/code", code).says(t, "the code again", 400, "took too long or was used before")
	told := map[string]bool{}
	for _, m := range w.mails() {
		told[m.To] = true
	}
	if !told[alice] || !told[moved] {
		t.Errorf("told are %v", told)
	}
}

func TestAStepUpIsForItsActionAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	p := w.provenMember(alice)
	ticket := p.stepUpFor(t, "/account/email").hidden(t, "ticket")
	w.unchanged([]string{alice}, func() {
		p.form("/account/delete", url.Values{"ticket": {ticket}, "sure": {"yes"}}).says(t, "another action", 400, "Start again")
		p.page("/sign-in?step_up=1&action=everything").says(t, "an action that is none", 400, "")
		p.form("/step-up/password", url.Values{"password": {password}, "action": {"everything"}}).says(t, "and proven", 400, "")
	})
	seeOther(t, p.form("/account/email", url.Values{"username": {moved}}), "/sign-in?action=change_email&next=%2Faccount&step_up=1")
	seeOther(t, p.form("/account/delete", url.Values{"sure": {"yes"}}), "/sign-in?action=delete_account&next=%2Faccount&step_up=1")
	p.form("/account/email", url.Values{"ticket": {ticket}}).says(t, "a script's ticket", 200, `name="ticket" value="`+ticket)
	w.pass(10*time.Minute + time.Second)
	w.unchanged([]string{alice}, func() {
		p.form("/account/email", url.Values{"ticket": {ticket}, "username": {moved}}).says(t, "too late", 400, "Start again")
	})
}

func TestEveryMethodOfAStepUpReturnsToTheAction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	p := w.provenMember(alice)
	secret, codes := p.addTOTP()
	const page = "Change your e-mail address"
	action := func(values url.Values) url.Values {
		values.Set("action", "change_email")
		return values
	}
	p.form("/step-up/code", action(url.Values{"method": {"recovery_code"}, "code": {codes[0]}})).says(t, "a recovery code", 200, page)
	asked := p.form("/step-up/email-code", action(url.Values{}))
	mailed := url.Values{"mail_ticket": {asked.hidden(t, "mail_ticket")}, "action": {asked.hidden(t, "action")}, "code": {w.lastMail().Code}}
	p.form("/step-up/email-code", mailed).says(t, "a mailed code", 200, page)
	w.pass(time.Minute)
	p.form("/step-up/code", action(url.Values{"method": {"totp"}, "code": {w.code(secret)}})).says(t, "an authenticator app", 200, page)
}

func TestAStepUpByAProviderReturnsToTheAction(t *testing.T) {
	t.Parallel()
	w := newAbroad(t)
	p := w.person()
	p.trip(t, "/").wantOffered(t, "/")
	confirm := p.page("/sign-in?step_up=1&action=change_email&next=/account")
	confirm.wantSaid(t, 200, `action="/step-up/federated"`)
	values := url.Values{"action": {confirm.hidden(t, "action")}, "next": {confirm.hidden(t, "next")}}
	page := p.tripByForm(t, "/step-up/federated", values)
	page.wantSaid(t, 200, "Change your e-mail address")
	seeOther(t, p.form("/account/email", url.Values{"ticket": {page.hidden(t, "ticket")}, "username": {moved}}), "/account?did=email_changed")

	w.idp.says(mapae.Profile{Subject: "2"}, nil)
	again := p.tripByForm(t, "/step-up/federated", url.Values{"action": {"delete_account"}})
	again.wantSaid(t, 401, "That didn’t work with")
	if got := again.hidden(t, "action"); got != "delete_account" {
		t.Errorf("after a failure the step-up is for %q", got)
	}
	p.send("POST", "/step-up/federated", "provider=acme&action=everything", asHTML, asForm).wantSaid(t, 400, "could not be read")
}

func TestWhereThereIsNoMailTheAddressChangesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	w.passwordMember(bob)
	page := p.stepUpFor(t, "/account/email")
	values := url.Values{"ticket": {page.hidden(t, "ticket")}, "username": {bob}}
	w.unchanged([]string{alice, bob}, func() {
		p.form("/account/email", values).says(t, "somebody else's", 409, "Somebody else’s account has this e-mail address.")
	})
	values.Set("username", moved)
	seeOther(t, p.form("/account/email", values), "/account?did=email_changed")
	p.page("/account").says(t, "the new address", 200, "<p>"+moved+"</p>")
}

func TestAnAddressThatIsProvenMeanwhileIsSaidToBeTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	p, q := w.provenMember(alice), w.provenMember(bob)
	ticket, code := p.move(t, moved)
	other, otherCode := q.move(t, moved)
	_, err := q.FinishChangeEmail(w.ctx, other, otherCode)
	ok(t, err)
	a := p.form("/account/email/code", url.Values{"ticket": {ticket}, "username": {moved}, "code": {code}})
	a.says(t, "too late", 409, "Somebody else’s account has this e-mail address.")
	a.says(t, "the way on", 409, `href="/account/email"`)
}

func TestSomebodyDeletesTheAccountWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, unlimited)
	p := w.provenMember(alice)
	page := p.stepUpFor(t, "/account/delete")
	page.says(t, "the question", 200, "Nobody can bring it back.")
	values := url.Values{"ticket": {page.hidden(t, "ticket")}}
	w.unchanged([]string{alice}, func() {
		p.form("/account/delete", values).says(t, "a script's ticket", 200, "Nobody can bring it back.")
	})
	values.Set("sure", page.hidden(t, "sure"))
	seeOther(t, p.form("/account/delete", values), "/sign-in?did=deleted")
	if p.cookie() != "" {
		t.Error("the cookie is left")
	}
	w.person().form("/sign-in", signInValues(alice, password)).says(t, "signing in", 401, "isn’t right")
}

func TestWhileChangesAreFrozenNoActionIsLedTo(t *testing.T) {
	t.Parallel()
	w, sent, p := postal(t)
	_, err := p.AddPasskey(w.ctx, w.person().key, "Evil")
	ok(t, err)
	path, code, _ := strings.Cut(w.link(sent, mapae.MailNotice), "?code=")
	w.person().form(path, url.Values{"code": {code}}).want(t, 200, "")
	_, err = p.SignIn(w.ctx)
	ok(t, err)
	for _, path := range actionPages {
		p.page(path).says(t, path, 403, "nobody can change how to sign in for now")
	}
}

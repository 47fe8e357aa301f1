package web

import (
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// noticed is a member with a proven address at a site with mail, and somebody
// else, who reads that mail.
func noticed(t *testing.T) (w *world, p, reader person) {
	t.Helper()
	w = newWorld(t, allMethods, unlimited, byMail)
	p = w.provenMember(alice)
	return w, p, w.person()
}

// last is the last mail of that kind among those that wait.
func (w *world) last(kind mapae.MailKind) (last mapae.Message) {
	w.t.Helper()
	for _, m := range w.mails() {
		if m.Kind == kind {
			last = m
		}
	}
	if last.Kind == "" {
		w.t.Fatalf("no %s was mailed", kind)
	}
	return last
}

// issued are the codes of two links of the operator's.
func (w *world) issued(login string) (recovers, signsIn string) {
	w.t.Helper()
	recovery, err := w.auth.IssueRecovery(w.ctx, login, time.Hour)
	ok(w.t, err)
	signIn, err := w.auth.IssueSignIn(w.ctx, login, time.Hour, false)
	ok(w.t, err)
	return codeOfLink(w.t, recovery.URL), codeOfLink(w.t, signIn.URL)
}

// waiting lets a recovery wait, and returns the code that cancels it.
func (w *world) waiting(q person) string {
	w.t.Helper()
	ticket, err := q.BeginRecovery(w.ctx, alice)
	ok(w.t, err)
	ticket, err = q.MailRecoveryCode(w.ctx, ticket)
	ok(w.t, err)
	step, err := q.ProveRecovery(w.ctx, ticket, "email_code", w.last(mapae.MailRecoveryCode).Code)
	ok(w.t, err)
	if step.Ready {
		w.t.Fatal("one proof of an account with two factors is enough")
	}
	_, err = q.WaitForRecovery(w.ctx, step.Ticket)
	ok(w.t, err)
	return codeOfLink(w.t, w.last(mapae.MailRecovery).UndoLink)
}

// moved changes the address of p, and returns the code that takes that back.
func (w *world) moved(p person) string {
	w.t.Helper()
	in, err := p.ReauthPassword(w.ctx, password, "change_email")
	ok(w.t, err)
	cur, err := w.auth.Session(w.ctx, p.cookie())
	ok(w.t, err)
	c := mapae.Client{Address: "192.0.2.1"}
	step, err := w.auth.BeginChangeEmail(w.ctx, c, cur, in.Ticket, "new@example.com", "")
	ok(w.t, err)
	_, err = w.auth.FinishChangeEmail(w.ctx, c, cur, step.Ticket, w.last(mapae.MailVerifyEmail).Code)
	ok(w.t, err)
	return codeOfLink(w.t, w.last(mapae.MailEmailChanged).UndoLink)
}

func TestTheCodeOfALinkDoesOneThingOnce(t *testing.T) {
	t.Parallel()
	for path, make := range map[string]func(w *world, p, q person) string{
		"/api/notice/not-me": func(w *world, p, _ person) string {
			_, err := p.AddPasskey(w.ctx, p.key, "Evil")
			ok(w.t, err)
			return codeOfLink(w.t, w.last(mapae.MailNotice).Link)
		},
		"/api/notice/undo-email": func(w *world, p, _ person) string { return w.moved(p) },
		"/api/notice/cancel-recovery": func(w *world, p, q person) string {
			_, err := p.AddPasskey(w.ctx, p.key, "")
			ok(w.t, err)
			return w.waiting(q)
		},
		"/api/auth/sign-in-link":  func(w *world, _, _ person) string { _, code := w.issued(alice); return code },
		"/api/auth/recover/start": func(w *world, _, _ person) string { code, _ := w.issued(alice); return code },
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			w, p, q := noticed(t)
			code := make(w, p, q)
			login := map[bool]string{true: "new@example.com", false: alice}[path == "/api/notice/undo-email"]
			recovers, signsIn := w.issued(login)
			other := map[bool]string{true: recovers, false: signsIn}[path == "/api/auth/sign-in-link"]
			post := func(code string) reply { return q.send("POST", path, `{"code":`+text(code)+`}`) }
			w.unchanged([]string{alice, "new@example.com"}, func() {
				for name, bad := range map[string]string{"cut": code[:len(code)-1], "nothing": "", "a ticket": "mt_" + code[3:], "of another purpose": other, "with more": code + "A"} {
					if a := post(bad); a.StatusCode != 400 || a.json("code") != string(mapae.CodeCeremonyInvalid) {
						t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
					}
				}
				q.send("POST", path, `{"code":1}`).want(t, 400, mapae.CodeBadRequest)
				q.send("POST", path, `{}`).want(t, 400, mapae.CodeBadRequest)
			})
			post(code).want(t, 200, "")
			w.unchanged([]string{alice}, func() { post(code).want(t, 400, mapae.CodeCeremonyInvalid) })
		})
	}
}

func TestNotMeFreezesAndItsOwnerLiftsThat(t *testing.T) {
	t.Parallel()
	w, p, q := noticed(t)
	_, err := p.AddPasskey(w.ctx, p.key, "Own")
	ok(t, err)
	w.pass(30 * 24 * time.Hour)
	_, err = p.SignIn(w.ctx)
	ok(t, err)
	if _, err := p.SetPassword(w.ctx, password+"!"); err != nil {
		t.Fatal(err)
	}
	out, err := q.DisownNotice(w.ctx, codeOfLink(t, w.last(mapae.MailNotice).Link))
	if err != nil || out.Ticket == "" || out.Ready || out.Suspended || out.FrozenUntil.Before(w.auth.Config().Clock().Add(71*time.Hour)) {
		t.Fatalf("answer %+v, %v", out, err)
	}
	p.send("GET", "/api/auth/session", "").want(t, 401, mapae.CodeUnauthenticated)
	_, err = q.WaitForRecovery(w.ctx, out.Ticket) // the mail was a proof
	ok(t, err)

	_, err = p.SignIn(w.ctx)
	ok(t, err)
	_, err = p.SetPassword(w.ctx, password)
	wantCode(t, err, 403, mapae.CodeFrozen)
	ok(t, p.Unfreeze(w.ctx))
	_, err = p.SetPassword(w.ctx, password)
	ok(t, err)
	wantCode(t, p.Unfreeze(w.ctx), 404, mapae.CodeNotFound)
}

func TestAFreezeStaysForWhoShowsNoPasskey(t *testing.T) {
	t.Parallel()
	w, p, q := noticed(t)
	if _, err := p.SetPassword(w.ctx, password+"!"); err != nil {
		t.Fatal(err)
	}
	_, err := q.DisownNotice(w.ctx, codeOfLink(t, w.last(mapae.MailNotice).Link))
	ok(t, err)
	_, err = p.SignInPassword(w.ctx, alice, password+"!")
	ok(t, err)
	w.unchanged([]string{alice}, func() { wantCode(t, p.Unfreeze(w.ctx), 403, mapae.CodeStepUpRequired) })
}

func TestTheOperatorsLinksComeInByHTTP(t *testing.T) {
	t.Parallel()
	w, p, q := noticed(t)
	recovers, signsIn := w.issued(alice)
	in, err := q.SignInByLink(w.ctx, signsIn)
	if err != nil || in.User.Login != alice || in.Session.AAL != 1 {
		t.Errorf("answer %+v, %v", in, err)
	}
	step, err := w.person().BeginIssuedRecovery(w.ctx, recovers)
	if err != nil || !step.Ready || step.Ticket == "" {
		t.Errorf("step %+v, %v", step, err)
	}
	_, err = p.AddPasskey(w.ctx, p.key, "")
	ok(t, err)
	_, signsIn = w.issued(alice)
	_, err = w.person().SignInByLink(w.ctx, signsIn)
	wantCode(t, err, 401, mapae.CodeSecondFactorRequired)
}

func TestStartingARecoveryTakesOneOfItsWays(t *testing.T) {
	t.Parallel()
	_, _, q := noticed(t)
	for _, body := range []string{`{}`, `{"email":"` + alice + `","code":"ml_x"}`, `{"claim":"x","code":"ml_x"}`, `{"wait":true,"code":"ml_x"}`, `{"wait":false}`} {
		q.send("POST", "/api/auth/recover/start", body).want(t, 400, mapae.CodeBadRequest)
	}
}

func TestACodeForARecoveryIsMailedToTheOwnerAloneAndAnswersAlike(t *testing.T) {
	t.Parallel()
	w, _, q := noticed(t)
	w.mails()
	var shown []string
	for _, email := range []string{alice, "nobody@example.com"} {
		ticket, err := q.BeginRecovery(w.ctx, email)
		ok(t, err)
		a := q.send("POST", "/api/auth/recover/mail", `{}`, header(ticketHeader, ticket)).want(t, 200, "")
		if a.json("ticket") == "" {
			t.Errorf("%s: %s", email, a.body)
		}
		shown = append(shown, a.Status)
		for _, m := range w.mails() {
			if want := map[bool]mapae.MailKind{true: mapae.MailRecoveryCode, false: mapae.MailNobody}[email == alice]; m.Kind != want || m.To != email {
				t.Errorf("%s: mailed %+v", email, m)
			}
		}
	}
	if shown[0] != shown[1] {
		t.Errorf("answers differ: %q", shown)
	}
}

func TestMailsOfRecoveriesAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, byMail, func(_ *mapae.Config, c *Config) { c.Limits = Limits{Failures: -1, Mails: 2} })
	q := w.person()
	ask := func() error {
		ticket, err := q.BeginRecovery(w.ctx, "nobody@example.com")
		ok(t, err)
		_, err = q.MailRecoveryCode(w.ctx, ticket)
		return err
	}
	ok(t, ask())
	ok(t, ask())
	wantCode(t, ask(), 429, mapae.CodeRateLimited)
}

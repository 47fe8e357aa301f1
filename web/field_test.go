package web

import (
	"net/url"
	"strings"
	"testing"

	"github.com/mapae/mapae"
)

func TestAFieldThatIsWrongIsToldWhatIsWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	long := strings.Repeat("x", 300)
	signUp := func(email, name, secret string) [2]string {
		return [2]string{"POST /api/auth/signup", `{"email":` + text(email) + `,"name":` + text(name) + `,"password":` + text(secret) + `}`}
	}
	for name, c := range map[string]struct {
		ask           [2]string
		field, reason string
		sentence      string
	}{
		"no address":                  {signUp("", "Kim", password), "email", "missing", "Type your e-mail address."},
		"an address that is none":     {signUp("kim", "Kim", password), "email", "malformed", "This doesn’t look like an e-mail address. Example: name@example.com"},
		"a long address":              {signUp(long+"@example.com", "Kim", password), "email", "too_long", "An e-mail address has at most 254 characters."},
		"no name":                     {signUp("kim@example.com", "", password), "name", "missing", "Type a name."},
		"a long name":                 {signUp("kim@example.com", long, password), "name", "too_long", "Use at most 64 characters."},
		"a name with a space behind":  {signUp("kim@example.com", "Kim ", password), "name", "spaces", "Take the spaces at the start and the end of the name away."},
		"a name that can't be seen":   {signUp("kim@example.com", "Kim\u202e", password), "name", "invisible", "This name has a character that can’t be seen. Type it again."},
		"a short password":            {signUp("kim@example.com", "Kim", "short"), "password", "too_short", "Use at least 15 characters. A few random words work well."},
		"a long password":             {signUp("kim@example.com", "Kim", long), "password", "too_long", "Use at most 256 characters."},
		"a common password":           {signUp("kim@example.com", "Kim", "passwordpassword"), "password", "common", "This is one of the passwords that are tried first. A few random words work well."},
		"one's address as password":   {signUp("kim.the.great@example.com", "Kim", "kim.the.great@example.com"), "password", "personal", "This is your own name or e-mail address. A few random words work well."},
		"an address of another type":  {[2]string{"POST /api/auth/recover/start", `{"email":1}`}, "email", "malformed", "This doesn’t look like an e-mail address. Example: name@example.com"},
		"a member that is missing":    {[2]string{"POST /api/auth/recover/proof", `{"method":"totp"}`}, "code", "missing", "“code” is missing."},
		"what programs leave out":     {[2]string{"POST /api/webauthn/register/complete/", `{}`}, "credential", "missing", "“credential” is missing."},
		"what programs get wrong":     {[2]string{"PATCH /api/account", `{"locale":"not a tag"}`}, "locale", "malformed", "Name a language by its tag, such as en or pt-BR."},
		"a query that can't be":       {[2]string{"GET /api/account/events?limit=0", ""}, "limit", "malformed", "Ask for 1 to 200 events."},
		"a new name for a passkey":    {[2]string{"PATCH /api/webauthn/AAAA/", `{"name":""}`}, "name", "missing", "Type a name."},
		"an action that there is not": {[2]string{"POST /api/auth/reauth/password", `{"password":` + text(password) + `,"action":"fly"}`}, "action", "malformed", "“action” could not be read."},
	} {
		t.Run(name, func(t *testing.T) {
			method, path, _ := strings.Cut(c.ask[0], " ")
			a := p.send(method, path, c.ask[1], withTicket(t, p, path)).want(t, 400, mapae.CodeBadRequest)
			if a.json("field") != c.field || a.json("reason") != c.reason || a.json("message") != c.sentence || a.json("detail") != c.sentence {
				t.Errorf("want %s %s %q:\n%s", c.field, c.reason, c.sentence, a.body)
			}
		})
	}
	a := p.send("POST", "/api/auth/recover/start", `{`).want(t, 400, mapae.CodeBadRequest)
	if a.json("field") != "" || a.json("reason") != "" || a.json("message") != "The request could not be read." {
		t.Errorf("what can't be read at all: %s", a.body)
	}
}

// withTicket adds a good ticket where the path needs one.
func withTicket(t *testing.T, p person, path string) edit {
	if path != "/api/auth/recover/proof" {
		return header("X-None", "")
	}
	ticket, err := p.BeginRecovery(p.w.ctx, alice)
	ok(t, err)
	return header(ticketHeader, ticket)
}

func TestAPageSaysWhatIsWantedBesideTheField(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	up := func(email, name, secret string) reply {
		return w.person().form("/sign-up", url.Values{"username": {email}, "name": {name}, "password": {secret}})
	}
	for name, c := range map[string]struct {
		page            reply
		status          int
		field, sentence string
	}{
		"sign-up, the address":  {up("kim", "Kim", password), 400, "email", "This doesn’t look like an e-mail address."},
		"sign-up, one that is":  {up(alice, "Kim", password), 409, "email", "There is an account with this e-mail address already. Sign in instead."},
		"sign-up, the name":     {up("kim@example.com", strings.Repeat("x", 65), password), 400, "name", "Use at most 64 characters."},
		"sign-up, the password": {up("kim@example.com", "Kim", "short"), 400, "password", "Use at least 15 characters."},
		"sign-in, the address":  {w.person().form("/sign-in", signInValues("kim", password)), 400, "email", "This doesn’t look like an e-mail address."},
		"sign-in, the password": {w.person().form("/sign-in", signInValues(alice, strings.Repeat("x", 257))), 400, "password", "Use at most 256 characters."},
		"recovery, the address": {w.person().form("/recover", url.Values{"step": {"start"}, "username": {""}}), 400, "email", "Type your e-mail address."},
		"a new password":        {p.form("/account/password", url.Values{"password": {"passwordpassword"}}), 400, "password", "This is one of the passwords that are tried first."},
	} {
		body := string(c.page.body)
		if c.page.StatusCode != c.status || strings.Count(body, ` aria-invalid="true"`) != 1 || strings.Contains(body, `class="alert"`) {
			t.Errorf("%s: %d, want %d and one field that is wrong in\n%s", name, c.page.StatusCode, c.status, body)
		}
		input, _, _ := strings.Cut(body[strings.Index(body, `aria-describedby="`+c.field+`-error"`):], "\n")
		_, beside, _ := strings.Cut(body, `id="`+c.field+`-error"`)
		beside, _, _ = strings.Cut(beside, "</p>")
		if _, beside, _ = strings.Cut(beside, ">"); !strings.HasPrefix(beside, c.sentence) || !strings.Contains(input, "aria-invalid") {
			t.Errorf("%s: beside %s stands %q, want %q; the input is …%s", name, c.field, beside, c.sentence, input)
		}
	}
	plain := up("kim@example.com", "Kim", "short")
	if !strings.Contains(string(plain.body), `<details class="ways" open>`) {
		t.Error("the password that has to be typed again is out of sight")
	}
}

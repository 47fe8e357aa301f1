package web

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// try posts a code in the second step of a new sign-in.
func (p person) try(email, method, code string) reply {
	p.w.t.Helper()
	return p.send("POST", "/api/auth/"+method+"/verify", `{"code":`+text(code)+`}`, header(ticketHeader, p.due(email).Ticket))
}

func TestARecoveryCodeIsUsedOnceByItsUser(t *testing.T) {
	t.Parallel()
	var counts *watched
	w := newWorld(t, allMethods, unlimited, watch(&counts))
	a, b := w.passwordMember(alice), w.passwordMember(bob)
	_, hers := a.addTOTP()
	_, his := b.addTOTP()
	refused := func(name, code string) {
		t.Helper()
		ticket := a.due(alice).Ticket
		before := counts.counted(t)
		w.unchanged([]string{alice, bob}, func() {
			reply := a.send("POST", "/api/auth/recovery-code/verify", `{"code":`+text(code)+`}`, header(ticketHeader, ticket))
			if reply.want(t, 401, mapae.CodeAuthenticationFailed); reply.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: a session came of it", name)
			}
		})
		if after := counts.counted(t); after != before+2 { // of the method, and of the ticket
			t.Errorf("%s: %d failures were counted, want 2", name, after-before)
		}
		w.pass(15 * time.Minute)
	}
	a.try(alice, "recovery-code", hers[0]).want(t, 200, "")
	refused("BI-391 a used one", hers[0])
	refused("BI-394 another user's", his[0])
	refused("one letter less", hers[1][:len(hers[1])-1])
	refused("none", "-")
	typed := []string{ // BI-395
		strings.ToLower(hers[1]), strings.ReplaceAll(hers[2], "-", ""), " " + strings.ReplaceAll(hers[3], "-", " - ") + " ",
		strings.NewReplacer("0", "o", "1", "l").Replace(strings.ToLower(hers[4])), strings.NewReplacer("0", "O", "1", "I").Replace(hers[5]),
	}
	for _, code := range typed {
		a.try(alice, "recovery-code", code).want(t, 200, "")
	}
	left := a.send("GET", "/api/account/recovery-codes", "").want(t, 200, "") // BI-400: shown once, whatever is asked
	all := string(left.body) + w.log.String() + w.state(alice, bob) + string(a.send("GET", "/api/account", "").body) + string(a.send("GET", "/api/account/events?limit=200", "").body)
	for _, code := range append(hers, his...) { // BI-401
		if strings.Contains(all, code) || strings.Contains(all, strings.ReplaceAll(code, "-", "")) {
			t.Errorf("the code %s is told or stored", code)
		}
	}
	if !strings.Contains(string(left.body), `"left":4`) {
		t.Errorf("left are %s", left.body)
	}
}

func TestATOTPCodeIsUsedOnceWhereverItIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	setup, err := p.BeginTOTP(w.ctx)
	ok(t, err)
	account, err := p.Account(w.ctx) // BI-415: no factor before it is confirmed
	ok(t, err)
	_, err = p.another().SignInPassword(w.ctx, alice, password)
	if err != nil || account.TOTP {
		t.Errorf("a factor before it is confirmed: %+v, %v", account, err)
	}
	wantCode(t, p.RemoveTOTP(w.ctx), 404, mapae.CodeNotFound)
	code := w.code(setup.Secret)
	_, err = p.FinishTOTP(w.ctx, setup.Ticket, code)
	ok(t, err)

	refusals := func(name, code string) {
		t.Helper()
		start, err := p.BeginRecovery(w.ctx, alice)
		ok(t, err)
		for path, send := range map[string]func() reply{
			"sign-in": func() reply { return p.another().try(alice, "totp", code) },
			"step-up": func() reply { return p.send("POST", "/api/auth/reauth/totp", `{"code":`+text(code)+`}`) },
			"recovery": func() reply {
				return p.send("POST", "/api/auth/recover/proof", `{"method":"totp","code":`+text(code)+`}`, header(ticketHeader, start))
			},
		} {
			var a reply
			w.unchanged([]string{alice}, func() { a = send() })
			if a.StatusCode != 401 || a.json("code") != "authentication_failed" {
				t.Errorf("%s, at %s: %d %s", name, path, a.StatusCode, a.body)
			}
		}
	}
	refusals("BI-406 the code of the set-up", code)
	code = w.code(setup.Secret)
	p.another().try(alice, "totp", code).want(t, 200, "")
	w.pass(2 * time.Second)                              // the wait that the failures before have earned is over, the step is not
	refusals("BI-403, BI-407 the same code again", code) // and on every other surface
}

func TestATOTPStepSurvivesTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	secret, _ := p.addTOTP()
	used := w.code(secret)
	p.another().try(alice, "totp", used).want(t, 200, "")
	w.pass(-90 * time.Second) // BI-413
	for name, code := range map[string]string{"an earlier one": w.codeNow(secret), "the one that was used": used} {
		w.unchanged([]string{alice}, func() { p.another().try(alice, "totp", code).want(t, 401, mapae.CodeAuthenticationFailed) })
		t.Log(name)
	}
}

func TestATOTPCodeHasOneSpelling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	secret, _ := p.addTOTP()
	for name, spell := range map[string]func(code string) string{ // BI-409
		"a space behind": func(c string) string { return c + " " }, "a space within": func(c string) string { return c[:3] + " " + c[3:] }, "five digits": func(c string) string { return c[:5] },
		"seven digits": func(c string) string { return "0" + c }, "negative": func(c string) string { return "-" + c[1:] }, "hexadecimal": func(c string) string { return fmt.Sprintf("%x", c) },
		"full width": func(c string) string {
			return strings.Map(func(r rune) rune { return r - '0' + '０' }, c)
		}, "nothing": func(string) string { return "" }, "a line break": func(c string) string { return c + "\n" }, "NUL": func(c string) string { return c + "\x00" }, "long": func(c string) string { return strings.Repeat(c, 1000) },
	} {
		code := spell(w.code(secret))
		w.unchanged([]string{alice}, func() {
			a := p.send("POST", "/api/auth/reauth/totp", `{"code":`+text(code)+`}`)
			if a.StatusCode != 401 && a.StatusCode != 400 {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
			}
		})
		w.pass(15 * time.Minute)
	}
	p.another().try(alice, "totp", w.code(secret)).want(t, 200, "")
}

func TestWrongCodesAreLimitedByTheirMethodAlone(t *testing.T) {
	t.Parallel()
	for method, good := range map[string]func(w *world, secret string, codes []string) string{
		"totp":          func(w *world, secret string, _ []string) string { return w.codeNow(secret) },
		"recovery-code": func(_ *world, _ string, codes []string) string { return codes[0] },
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, allMethods, unlimited)
			p := w.passwordMember(alice)
			if _, err := p.AddPasskey(w.ctx, p.key, ""); err != nil {
				t.Fatal(err)
			}
			secret, _ := p.addTOTP()
			codes, err := p.NewRecoveryCodes(w.ctx)
			ok(t, err)
			w.pass(time.Minute)
			for i := range 5 { // BI-410: by many sessions and addresses
				w.peer = fmt.Sprintf("198.51.100.%d:1", i)
				p.another().try(alice, method, "wrong").want(t, 401, mapae.CodeAuthenticationFailed)
			}
			w.peer = "203.0.113.1:1"
			a := p.another().try(alice, method, good(w, secret, codes)) // BI-412: the password before it was right
			if a.want(t, 429, mapae.CodeRateLimited); a.Header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
			}
			for n := 6; n <= 100; n++ { // BI-397
				w.pass(15*time.Minute + time.Second)
				p.another().try(alice, method, "wrong").want(t, 401, mapae.CodeAuthenticationFailed)
			}
			w.pass(365 * 24 * time.Hour)
			p.another().try(alice, method, good(w, secret, codes)).want(t, 429, mapae.CodeRateLimited)
			if _, err := p.SignIn(w.ctx); err != nil {
				t.Errorf("a passkey is locked out: %v", err)
			}
			// Bound anew it counts from the start.
			if method == "totp" {
				secret, _ = p.addTOTP()
				w.pass(30 * time.Second)
			} else if codes, err = p.NewRecoveryCodes(w.ctx); err != nil {
				t.Fatal(err)
			}
			p.another().try(alice, method, good(w, secret, codes)).want(t, 200, "")
		})
	}
}

func TestWrongCodesAtOnceDoNotPassTheLimit(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-398
		w := newWorld(t, allMethods, withStore(store), unlimited)
		p := w.passwordMember(alice)
		p.addTOTP()
		for range 4 {
			p.another().try(alice, "recovery-code", "wrong").want(t, 401, mapae.CodeAuthenticationFailed)
		}
		people, tickets := make([]person, 16), make([]string, 16)
		for i := range people {
			people[i] = p.another()
			tickets[i] = people[i].due(alice).Ticket
		}
		answers := make([]reply, len(people))
		var all sync.WaitGroup
		for i, q := range people {
			all.Go(func() {
				answers[i] = q.send("POST", "/api/auth/recovery-code/verify", `{"code":"wrong"}`, header(ticketHeader, tickets[i]))
			})
		}
		all.Wait()
		looked := 0
		for _, a := range answers {
			if a.StatusCode == 401 {
				looked++
				continue
			}
			a.want(t, 429, mapae.CodeRateLimited)
		}
		if looked != 1 {
			t.Errorf("%d more codes were looked at, want 1", looked)
		}
	})
}

func TestATicketEndsWithItsFifthWrongCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	secret, codes := p.addTOTP()
	ticket := p.due(alice).Ticket
	for i := range 5 {
		method := []string{"totp", "recovery-code"}[i%2]
		p.send("POST", "/api/auth/"+method+"/verify", `{"code":"wrong"}`, header(ticketHeader, ticket)).want(t, 401, mapae.CodeAuthenticationFailed)
	}
	w.unchanged([]string{alice}, func() {
		_, err := p.VerifyTOTP(w.ctx, ticket, w.codeNow(secret))
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
		_, err = p.VerifyRecoveryCode(w.ctx, ticket, codes[0])
		wantCode(t, err, 400, mapae.CodeCeremonyInvalid)
	})
	p.try(alice, "recovery-code", codes[0]).want(t, 200, "")
}

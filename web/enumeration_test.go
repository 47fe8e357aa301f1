package web

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// appearance is all of an answer that a stranger can compare: status, headers
// and body, but for what is random in each.
func appearance(a reply) string {
	var headers []string
	for name, values := range a.Header {
		for _, v := range values {
			if name == "X-Request-Id" {
				v = "…"
			}
			headers = append(headers, name+": "+regexp.MustCompile(`-b-[A-Z0-9]{4}=[^;]+`).ReplaceAllString(v, "-b-…"))
		}
	}
	slices.Sort(headers)
	return fmt.Sprint(a.StatusCode, len(a.body), headers, variable.ReplaceAllString(string(a.body), ""))
}

func TestAStrangerSeesNoDifferenceBetweenAKnownAndAnUnknownAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	w.passwordMember(alice).addTOTP()
	w.member(bob) // has no password
	nobody := "kim@example.com"
	proof := func(method string) func(string) reply {
		return func(email string) reply {
			q := w.person()
			ticket, err := q.BeginRecovery(w.ctx, email)
			ok(t, err)
			return q.send("POST", "/api/auth/recover/proof", `{"method":"`+method+`","code":"wrong"}`, header(ticketHeader, ticket))
		}
	}
	post := func(path, body string) func(string) reply {
		return func(email string) reply { return w.person().send("POST", path, fmt.Sprintf(body, email)) }
	}
	for _, c := range []struct {
		name   string
		ask    func(email string) reply
		status int
		limit  bool
	}{
		{"BI-416 sign-in options", post("/api/auth/passkey/options", `{"email":%q}`), 200, false},
		{"recovery", post("/api/auth/recover/start", `{"email":%q}`), 200, false},
		{"BI-422 a wrong password", post("/api/auth/login", `{"email":%q,"password":"wrong"}`), 401, true},
		{"BI-427 an empty password", post("/api/auth/login", `{"email":%q,"password":""}`), 401, true},
		{"recovery by a wrong code", proof("recovery_code"), 401, true},
		{"recovery by a wrong TOTP code", proof("totp"), 401, true},
	} {
		w.pass(time.Hour) // what was counted before has no wait any more
		for n := range 7 {
			answers := map[string]string{}
			for _, email := range []string{alice, bob, nobody} {
				a := c.ask(email)
				if email == bob {
					a.body = []byte(strings.ReplaceAll(string(a.body), bob, nobody))
				}
				answers[email] = strings.ReplaceAll(appearance(a), fmt.Sprint(len(a.body)), "")
				if want := map[bool]int{true: 429, false: c.status}[c.limit && n > 4]; a.StatusCode != want && c.name != "BI-427 an empty password" {
					t.Errorf("%s, try %d of %s: %d %s", c.name, n+1, email, a.StatusCode, a.body)
				}
			}
			if answers[alice] != answers[nobody] || answers[bob] != answers[nobody] { // BI-421: neither do limits tell
				t.Errorf("%s, try %d:\n%s\n%s\n%s", c.name, n+1, answers[alice], answers[bob], answers[nobody])
			}
		}
	}
}

func TestPasswordsAreCheckedBeforeTheyAreComputed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p := w.passwordMember(alice)
	signIn := func(password string) reply {
		w.pass(15 * time.Minute)
		return w.person().send("POST", "/api/auth/login", `{"email":"`+alice+`","password":`+text(password)+`}`)
	}
	w.unchanged([]string{alice}, func() { // BI-428
		signIn(strings.Repeat("x", 1<<20)).want(t, 413, mapae.CodeBodyTooLarge)
		signIn(strings.Repeat("x", 257)).want(t, 400, mapae.CodeBadRequest)
		signIn(password+"\x00").want(t, 401, mapae.CodeAuthenticationFailed)
		signIn(password+strings.Repeat(" ", 72)).want(t, 401, mapae.CodeAuthenticationFailed)
		signIn("").want(t, 401, mapae.CodeAuthenticationFailed)
	})
	_, err := p.ReauthPassword(w.ctx, password, "")
	ok(t, err)
	var words string
	for i := range 40 {
		words += fmt.Sprint("w", i*i, " ")
	}
	for _, long := range []string{words[:64], words[:128], "아주 긴 비밀번호를 하나 만듭니다", "with\x00a NUL inside it"} {
		_, err := p.SetPassword(w.ctx, long)
		ok(t, err)
		signIn(long).want(t, 200, "")
		signIn(long[1:]).want(t, 401, mapae.CodeAuthenticationFailed)
		_, err = p.ReauthPassword(w.ctx, long, "")
		ok(t, err)
	}
	for _, weak := range []string{"", "short", alice, "passwordpassword", strings.Repeat("x", 257)} {
		if a := p.send("POST", "/api/account/password", `{"password":`+text(weak)+`}`).want(t, 400, mapae.CodeBadRequest); a.json("field") != "password" {
			t.Errorf("%q: %s", weak, a.body)
		}
	}
}

func TestWrongPasswordsAreLimitedByAddressAndRightOnesNever(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, func(_ *mapae.Config, c *Config) { c.Limits = Limits{Failures: -1, Passwords: 3} })
	w.passwordMember(alice)
	q := w.person()
	for range 10 {
		_, err := q.SignInPassword(w.ctx, alice, password)
		ok(t, err)
	}
	guess := func(i int) reply {
		return q.send("POST", "/api/auth/login", fmt.Sprintf(`{"email":"guess%d@example.com","password":"wrong"}`, i))
	}
	for i := range 3 {
		guess(i).want(t, 401, mapae.CodeAuthenticationFailed)
	}
	a := guess(3).want(t, 429, mapae.CodeRateLimited)
	if a.Header.Get("Retry-After") != "20" || !strings.Contains(string(a.body), `"retry_after":20`) {
		t.Errorf("Retry-After is %q in %s", a.Header.Get("Retry-After"), a.body)
	}
	w.pass(21 * time.Second)
	for range 10 { // the one that came back is given back each time
		_, err := q.SignInPassword(w.ctx, alice, password)
		ok(t, err)
	}
	w.peer = "192.0.2.2:1"
	guess(4).want(t, 401, mapae.CodeAuthenticationFailed)
}

func TestASignUpThatCouldNotBeReadIsNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, func(_ *mapae.Config, c *Config) { c.Limits = Limits{SignUps: 1} })
	p := w.person()
	for range 3 {
		_, err := p.SignUpPassword(w.ctx, alice, "Alice", "short", "")
		wantCode(t, err, 400, mapae.CodeBadRequest)
	}
	_, err := p.SignUpPassword(w.ctx, alice, "Alice", password, "")
	ok(t, err)
	_, err = p.SignUpPassword(w.ctx, bob, "Bob", password, "")
	wantCode(t, err, 429, mapae.CodeRateLimited)
}

func TestFailedCodesCountTowardsTheirAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, func(_ *mapae.Config, c *Config) { c.Limits = Limits{Failures: 3} })
	p := w.passwordMember(alice)
	secret, _ := p.addTOTP()
	due := p.due(alice)
	for i := range 4 {
		a := p.send("POST", "/api/auth/totp/verify", `{"code":"wrong"}`, header(ticketHeader, due.Ticket))
		if limited := a.StatusCode == 429; limited != (i == 3) {
			t.Errorf("try %d: %d %s", i+1, a.StatusCode, a.body)
		}
	}
	_, err := p.VerifyTOTP(w.ctx, due.Ticket, w.code(secret)) // a good proof passes
	ok(t, err)
}

func TestAQueryOfTwoTargetsLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.member(alice)
	a := p.send("GET", "/sign-in?next=/a&next=https://evil.example", "", navigation) // BI-031
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/a" {
		t.Errorf("answer is %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
}

func TestEventsArePagedAndOnlyOnesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allMethods, unlimited)
	p, stranger := w.member(alice), w.member(bob)
	for range 4 {
		_, err := p.SignIn(w.ctx)
		ok(t, err)
	}
	var all []string
	for next, page := "", 0; page == 0 || next != ""; page++ {
		events, after, err := p.Events(w.ctx, next, 2)
		ok(t, err)
		for _, e := range events {
			all = append(all, e.ID)
		}
		next = after
	}
	if len(all) != 5 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != 5 {
		t.Errorf("events are %q", all)
	}
	theirs, _, err := stranger.Events(w.ctx, "", 0)
	if err != nil || len(theirs) != 1 {
		t.Errorf("another's events are %+v, %v", theirs, err)
	}
	for _, query := range []string{"limit=0", "limit=201", "limit=x", "limit=", "limit=1&limit=2", "before=", "before=AAAA", "before=" + all[0] + "%0a", "before=" + all[0] + "&before=" + all[1], "before=%zz"} {
		p.send("GET", "/api/account/events?"+query, "").want(t, 400, mapae.CodeBadRequest)
	}
	p.send("GET", "/api/account/events?user=bob", "").want(t, 200, "")
}

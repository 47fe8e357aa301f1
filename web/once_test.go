package web

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

// atOnce runs f n times at the same moment and returns the answers.
func atOnce(n int, f func(i int) reply) []reply {
	answers := make([]reply, n)
	var ready, all sync.WaitGroup
	ready.Add(1)
	for i := range n {
		all.Go(func() {
			ready.Wait()
			answers[i] = f(i)
		})
	}
	ready.Done()
	all.Wait()
	return answers
}

// wantOneWin demands that one of the answers is 200 and every other one of the
// codes.
func wantOneWin(t *testing.T, answers []reply, codes ...mapae.Code) {
	t.Helper()
	won := 0
	for _, a := range answers {
		switch {
		case a.StatusCode == 200:
			won++
		case !slices.Contains(codes, mapae.Code(a.json("code"))):
			t.Errorf("a loser is answered %d %s", a.StatusCode, a.body)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

const rounds = 3

func TestOneCodePostedSixteenTimesAtOnceIsOneSession(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-392, BI-404
		w := newWorld(t, allMethods, withStore(store), unlimited)
		p := w.passwordMember(alice)
		secret, codes := p.addTOTP()
		for round := range rounds {
			for _, method := range []string{"totp", "recovery-code"} {
				code := codes[round]
				if method == "totp" {
					code = w.code(secret)
				}
				before := strings.Count(w.state(alice), `"TokenHash"`)
				people, tickets := make([]person, 16), make([]string, 16)
				for i := range people {
					people[i] = p.another()
					tickets[i] = people[i].due(alice).Ticket
				}
				answers := atOnce(16, func(i int) reply {
					return people[i].send("POST", "/api/auth/"+method+"/verify", `{"code":"`+code+`"}`, header(ticketHeader, tickets[i]))
				})
				wantOneWin(t, answers, mapae.CodeAuthenticationFailed, mapae.CodeRateLimited)
				if after := strings.Count(w.state(alice), `"TokenHash"`); after != before+1 {
					t.Fatalf("%s, round %d: %d sessions were made", method, round, after-before)
				}
				w.pass(15 * time.Minute)
			}
		}
		if left, err := p.RecoveryCodesLeft(w.ctx); err != nil || left != 10-rounds {
			t.Errorf("%d codes are left, %v", left, err)
		}
	})
}

func TestOneTicketPostedSixteenTimesAtOnceIsOneSession(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) {
		w := newWorld(t, allMethods, withStore(store), unlimited)
		p := w.passwordMember(alice)
		_, err := p.AddPasskey(w.ctx, p.key, "")
		ok(t, err)
		for range rounds {
			due := p.due(alice)
			bodies := make([]string, 16)
			for i := range bodies { // each with a challenge of its own
				options, err := p.BeginVerify(w.ctx, due.Ticket)
				ok(t, err)
				credential, err := p.key.Get(options)
				ok(t, err)
				bodies[i] = `{"credential":` + string(credential) + `}`
			}
			answers := atOnce(16, func(i int) reply {
				return p.send("POST", "/api/webauthn/verify/", bodies[i], header(ticketHeader, due.Ticket))
			})
			wantOneWin(t, answers, mapae.CodeCeremonyInvalid)
		}
	})
}

func TestTheLastTwoMethodsRemovedAtOnceLeaveOne(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-374, for methods of two kinds
		w := newWorld(t, allMethods, withStore(store), unlimited)
		p := w.passwordMember(alice)
		for round := range rounds {
			if round > 0 {
				if _, err := p.SetPassword(w.ctx, password); err != nil && !strings.Contains(err.Error(), "unauthenticated") {
					t.Fatal(err)
				}
			}
			own, err := p.Passkeys(w.ctx)
			ok(t, err)
			if len(own) == 0 {
				if _, err := p.AddPasskey(w.ctx, p.key, ""); err != nil {
					t.Fatal(err)
				}
				own, err = p.Passkeys(w.ctx)
				ok(t, err)
			}
			paths := []string{"/api/account/password", "/api/webauthn/" + own[0].ID + "/"}
			answers := atOnce(2, func(i int) reply { return p.send("DELETE", paths[i], "") })
			wantOneWin(t, answers, mapae.CodeLastFactor)
			account, err := p.Account(w.ctx)
			ok(t, err)
			if account.Password == (len(account.Passkeys) == 1) {
				t.Fatalf("left are a password: %v, passkeys: %d", account.Password, len(account.Passkeys))
			}
		}
	})
}

func TestTwoFirstRegistrationsAtOnceMakeOneSetOfRecoveryCodes(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) { // BI-383
		w := newWorld(t, allMethods, withStore(store), unlimited)
		for round := range rounds {
			p := w.passwordMember(string(rune('a'+round)) + "@example.com")
			bodies := make([]string, 2)
			for i := range bodies {
				options, err := p.BeginAddPasskey(w.ctx)
				ok(t, err)
				credential, err := webauthntest.New(home).Create(options)
				ok(t, err)
				bodies[i] = `{"credential":` + string(credential) + `}`
			}
			setup, err := p.BeginTOTP(w.ctx)
			ok(t, err)
			code := w.code(setup.Secret)
			answers := atOnce(3, func(i int) reply {
				if i == 2 {
					return p.send("POST", "/api/account/totp/confirm", `{"code":"`+code+`"}`, header(ticketHeader, setup.Ticket))
				}
				return p.send("POST", "/api/webauthn/register/complete/", bodies[i])
			})
			told := 0
			for _, a := range answers {
				a.want(t, 200, "")
				if strings.Contains(string(a.body), "recovery_codes") {
					told++
				}
			}
			left, err := p.RecoveryCodesLeft(w.ctx)
			ok(t, err)
			if told != 1 || left != 10 {
				t.Errorf("%d answers told recovery codes, %d are stored", told, left)
			}
		}
	})
}

func TestOneActionTicketDeletesOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, store mapae.Store) {
		w := newWorld(t, allMethods, withStore(store), unlimited)
		p := w.passwordMember(alice)
		up, err := p.ReauthPassword(w.ctx, password, "change_email")
		ok(t, err)
		answers := atOnce(16, func(i int) reply {
			return p.send("POST", "/api/account/email", `{"email":"a`+string(rune('a'+i))+`@example.com"}`, header(ticketHeader, up.Ticket))
		})
		wantOneWin(t, answers, mapae.CodeCeremonyInvalid)
	})
}

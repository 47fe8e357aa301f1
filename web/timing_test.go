package web

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/sqlite"
)

// forgetful does all the work of counting failures and remembers none of them,
// so that one user can fail as often as it takes.
type forgetful struct{ mapae.Store }

type forgetfulTx struct{ mapae.Tx }

func (s forgetful) Update(ctx context.Context, f func(mapae.Tx) error) error {
	return s.Store.Update(ctx, func(tx mapae.Tx) error { return f(forgetfulTx{tx}) })
}

func (tx forgetfulTx) LockFailures(ctx context.Context, key [32]byte) (mapae.Failures, error) {
	_, err := tx.Tx.LockFailures(ctx, key)
	return mapae.Failures{}, err
}

// timedRoute is a route that is told an address, and must not tell whether
// somebody has it.
type timedRoute struct {
	name   string
	path   string
	every  int // one pair of so many: where a password is computed
	body   func(email string) string
	ticket func(p person, email string) string
}

func timedRoutes() []timedRoute {
	address := func(email string) string { return `{"email":"` + email + `"}` }
	proof := func(method, code string) func(string) string {
		return func(string) string { return `{"method":"` + method + `","code":"` + code + `"}` }
	}
	start := func(p person, email string) string {
		ticket, err := p.BeginRecovery(p.w.ctx, email)
		if err != nil {
			p.w.t.Fatal(err)
		}
		return ticket
	}
	return []timedRoute{
		{"sign-in options", "/api/auth/passkey/options", 1, address, nil},
		{"recovery", "/api/auth/recover/start", 1, address, nil},
		{"recovery by a wrong recovery code", "/api/auth/recover/proof", 1, proof("recovery_code", "AAAA-BBBB-CCCC-DDDD"), start},
		{"recovery by a wrong TOTP code", "/api/auth/recover/proof", 1, proof("totp", "000000"), start},
		{"recovery by a mailed code", "/api/auth/recover/mail", 1, func(string) string { return `{}` }, start},
		{"recovery by a wrong mailed code", "/api/auth/recover/proof", 1, proof("email_code", "0000-0000"), func(p person, email string) string {
			ticket, err := p.MailRecoveryCode(p.w.ctx, start(p, email))
			if err != nil {
				p.w.t.Fatal(err)
			}
			return ticket
		}},
		{"a mailed code", "/api/auth/email-code/request", 1, address, nil},
		{"a wrong mailed code", "/api/auth/email-code/verify", 1, func(string) string { return `{"code":"0000-0000"}` }, func(p person, email string) string {
			ticket, err := p.RequestEmailCode(p.w.ctx, email)
			if err != nil {
				p.w.t.Fatal(err)
			}
			return ticket
		}},
		{"a sign-up by mail", "/api/auth/signup/passkey/options", 1, func(email string) string { return `{"email":"` + email + `","name":"Kim"}` }, nil},
		{"a forgotten password", "/api/auth/password/forgot", 1, address, nil},
		{"a wrong password", "/api/auth/login", 20, func(email string) string { return `{"email":"` + email + `","password":"wrong"}` }, nil},
	}
}

// timedStore is the engine to judge by: the one that the binary serves with.
func timedStore(t *testing.T, judge bool) mapae.Store {
	if !judge {
		return memory.New()
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	ok(t, err)
	t.Cleanup(func() { store.Close() })
	return store
}

// measure returns how long the site takes to answer each of two addresses, in
// nanoseconds. They are asked in turn; which of them first is drawn for each
// pair.
func (route timedRoute) measure(t *testing.T, p person, pairs int, emails [2]string) (took [2][]float64) {
	t.Helper()
	cookie := ""
	for _, c := range p.HTTP.Jar.Cookies(mustURL(home)) {
		cookie += c.Name + "=" + c.Value + "; "
	}
	status := 0
	for range pairs {
		first := rand.IntN(2)
		for _, i := range []int{first, 1 - first} {
			r := httptest.NewRequest("POST", home+route.path, strings.NewReader(route.body(emails[i])))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Origin", home)
			r.Header.Set("Cookie", strings.TrimSuffix(cookie, "; "))
			if route.ticket != nil {
				r.Header.Set(ticketHeader, route.ticket(p, emails[i]))
			}
			rec := httptest.NewRecorder()
			start := time.Now()
			p.w.site.ServeHTTP(rec, r)
			took[i] = append(took[i], float64(time.Since(start)))
			if status == 0 {
				status = rec.Code
			}
			if rec.Code != status || rec.Code == http.StatusBadRequest || rec.Code >= 429 {
				t.Fatalf("%s: %d %s, before %d", emails[i], rec.Code, rec.Body, status)
			}
		}
	}
	return took
}

// pairedInterval is the 95 % interval of how much more a takes than b, as a
// share of b's median, which it returns too. It is that of the median of the
// differences within the pairs, by their ranks: n/2, give or take 1.96·√n/2, so
// no distribution is assumed. What others do on the machine meets both of a pair
// and is drawn to meet either first, so it widens the interval and does not move
// it, where medians of all as and all bs drift with it.
func pairedInterval(a, b []float64) (low, high, median float64) {
	differences := make([]float64, len(a))
	for i := range a {
		differences[i] = a[i] - b[i]
	}
	slices.Sort(differences)
	sorted := slices.Sorted(slices.Values(b))
	median = sorted[len(sorted)/2]
	n := float64(len(differences))
	rank := func(z float64) float64 { return differences[int(min(max(n/2+z*math.Sqrt(n)/2, 0), n-1))] }
	return rank(-1.96) / median, rank(1.96) / median, median
}

// timedWorld has one account with every method, and a visitor who asks for it
// and for one that is not there.
func timedWorld(t *testing.T, store mapae.Store) (visitor person, emails [2]string) {
	w := newWorld(t, withStore(store), unlimited, func(c *mapae.Config, f *Config) {
		c.Methods = []mapae.Method{mapae.Passkey{}, mapae.Password{}, mapae.TOTP{}}
		f.Logger = slog.New(slog.DiscardHandler)
	})
	p := w.passwordMember(alice)
	_, err := p.AddPasskey(w.ctx, p.key, "")
	ok(t, err)
	p.addTOTP()
	w = w.mailingNode()
	p = p.atNode(w)
	ticket, err := p.RequestVerification(w.ctx)
	ok(t, err)
	_, err = p.VerifyEmail(w.ctx, ticket, w.lastMail().Code)
	ok(t, err)
	visitor = w.person()
	_, err = visitor.BeginAutofill(w.ctx) // for the binding cookie
	ok(t, err)
	return visitor, [2]string{alice, "nobod@example.com"}
}

// The short form looks whether everything can be measured; only the long form
// (MAPAE_TIMING_PAIRS=20000) has the numbers to judge by, on a quiet machine.
func TestTimeTellsNobodyWhoHasAnAccount(t *testing.T) { // BI-418; not parallel: it measures time
	pairs, judge := 4, false
	if value := os.Getenv("MAPAE_TIMING_PAIRS"); value != "" {
		n, err := strconv.Atoi(value)
		ok(t, err)
		pairs, judge = n, true
	}
	for _, route := range timedRoutes() {
		t.Run(route.name, func(t *testing.T) {
			visitor, emails := timedWorld(t, forgetful{timedStore(t, judge)})
			route.measure(t, visitor, max(1, min(50, pairs)/route.every), emails) // warms up
			n := max(1, pairs/route.every)
			took := route.measure(t, visitor, n, emails)
			low, high, median := pairedInterval(took[0], took[1])
			said := fmt.Sprintf("a known address takes %+.2f %% to %+.2f %% longer (95 %%) than an unknown one's %.1f µs", 100*low, 100*high, median/1000)
			t.Logf("%s; proven: %d", said, n)
			if judge && (low < -0.02 || high > 0.02) {
				t.Error(said)
			}
		})
	}
}

package postgres_test

import (
	"context"
	"encoding/json"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/postgres"
	"github.com/mapae/mapae/webauthntest"
)

// trips counts the round trips of all connections: what is sent after
// something was received, or first of all.
type trips struct{ n atomic.Int64 }

// countedConn is a connection whose round trips are counted.
type countedConn struct {
	net.Conn
	trips *trips
	sent  atomic.Bool // nothing has been received since
}

func (c *countedConn) Write(b []byte) (int, error) {
	if !c.sent.Swap(true) {
		c.trips.n.Add(1)
	}
	return c.Conn.Write(b)
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.sent.Store(false)
	}
	return n, err
}

// of returns how many round trips do takes.
func (c *trips) of(t *testing.T, do func() error) int64 {
	t.Helper()
	before := c.n.Load()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	return c.n.Load() - before
}

// countedStore returns a store with one connection, and its pool.
func countedStore(t *testing.T, parameters ...string) (*postgres.Store, *pgxpool.Pool, *trips) {
	t.Helper()
	url := place(t, "pool_max_conns", "1")
	if err := postgres.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(parameters); i += 2 {
		url += "&" + parameters[i] + "=" + parameters[i+1]
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	// Else a connection that rested for a second on a slow machine is asked whether it lives.
	cfg.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	counted, dial := new(trips), cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		return &countedConn{Conn: c, trips: counted}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s, err := postgres.New(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	return s, pool, counted
}

// The whole of a person's sign-in, counted on the wire once the statements are
// prepared; and from the first one on where they never are.
func TestASignInsFinishTakesTwoRoundTrips(t *testing.T) {
	t.Parallel()
	for name, parameters := range map[string][]string{"prepared": nil, "not prepared": {"default_query_exec_mode", "exec"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, counted := countedStore(t, parameters...)
			const origin = "https://example.com"
			auth, err := mapae.New(mapae.Config{
				Store: s, Secrets: []mapae.RootKey{mapae.NewRootKey()}, Methods: []mapae.Method{mapae.Passkey{}},
				RP: mapae.RelyingParty{ID: "example.com", Name: "Example", Origins: []string{origin}},
			})
			if err != nil {
				t.Fatal(err)
			}
			c, a := mapae.Client{Bindings: [][32]byte{{1}}, Address: "192.0.2.1"}, webauthntest.New(origin)
			signUp(t, auth, c, a)
			for round := range 8 {
				begin := counted.of(t, func() error { return second(auth.BeginSignIn(t.Context(), c, mapae.SignInRequest{})) })
				answer := answerOf(t, auth, c, a)
				var in mapae.SignInStep
				finish := counted.of(t, func() (err error) { in, err = auth.FinishSignIn(t.Context(), c, answer); return err })
				look := counted.of(t, func() error { return second(auth.Session(t.Context(), in.Admitted.Token)) })
				if round == 0 && parameters == nil {
					continue // each statement is prepared here
				}
				if begin != 0 || finish != 2 || look != 1 {
					t.Errorf("round trips: begin %d, finish %d, session %d; want 0, 2 and 1", begin, finish, look)
				}
			}
		})
	}
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func signUp(t *testing.T, auth *mapae.Auth, c mapae.Client, a *webauthntest.Authenticator) {
	t.Helper()
	step, err := auth.BeginSignUp(t.Context(), c, mapae.SignUpRequest{Login: "kim@example.com", Name: "Kim"})
	if err != nil {
		t.Fatal(err)
	}
	made, err := a.Create(asJSON(t, step.Options))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auth.FinishSignUp(t.Context(), c, step.Ticket, made); err != nil {
		t.Fatal(err)
	}
}

func answerOf(t *testing.T, auth *mapae.Auth, c mapae.Client, a *webauthntest.Authenticator) []byte {
	t.Helper()
	o, err := auth.BeginSignIn(t.Context(), c, mapae.SignInRequest{})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Get(asJSON(t, o))
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// PostgreSQL plans a prepared statement anew each time if it thinks that this
// pays; for the long one it must not.
func TestTheStatementOfASignInIsPlannedOnce(t *testing.T) {
	t.Parallel()
	s, pool, _ := countedStore(t)
	people(t, s, 20)
	for i := range 100 {
		a := signIn(i%20, i, i)
		if v, err := s.Admit(t.Context(), a); err != nil || !v.Admitted() {
			t.Fatalf("verdict %d, %v", v, err)
		}
	}
	var generic, custom int64
	err := pool.QueryRow(t.Context(), `SELECT generic_plans, custom_plans FROM pg_prepared_statements
		WHERE starts_with(statement, 'WITH spent')`).Scan(&generic, &custom)
	if err != nil || generic < 90 || custom > 10 {
		t.Errorf("planned once for %d sign-ins, anew for %d: %v", generic, custom, err)
	}
}

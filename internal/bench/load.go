package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mapae/mapae/internal/load"
	"github.com/mapae/mapae/webauthntest"
)

// target is a server with the accounts that were made there.
type target struct {
	name     string
	server   *server
	at       *load.Target
	people   *load.Crowd
	database func() (time.Duration, error) // CPU time of the database's own processes; nil: there are none
}

// newTarget is a server with nobody.
func newTarget(name string, s *server) (target, error) {
	at, err := load.FindTarget(context.Background(), "http://"+s.Address, false)
	if err != nil {
		return target{}, err
	}
	return target{name: name, server: s, at: at, people: at.NewCrowd()}, nil
}

// round is what was measured in one.
type round struct {
	perSecond float64
	p50, p99  float64       // ms
	cpu       time.Duration // of the server, per sign-in
	database  time.Duration // of the database's own processes, per sign-in
	took      time.Duration
}

// enroll makes n accounts.
func (t *target) enroll(n int) error {
	ctx := context.Background()
	if t.name != "bare" && t.name != "floor" {
		lanes, end, err := t.people.SignUps(ctx, 1)
		if err != nil {
			return err
		}
		defer end()
		m := load.NewMeter()
		load.Run(ctx, load.Span{Operations: int64(n)}, m, lanes)
		return m.Err()
	}
	c, err := t.at.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range n {
		if err := t.enrollFloor(ctx, c); err != nil {
			return fmt.Errorf("account %d: %w", i, err)
		}
	}
	return nil
}

// enrollFloor makes a passkey for made-up options and tells the floor of it.
func (t *target) enrollFloor(ctx context.Context, c *load.Conn) error {
	key := webauthntest.New(t.at.Origin)
	key.Algorithms = []webauthntest.Algorithm{webauthntest.ES256}
	handle := make([]byte, 32) // as long as Mapae's
	rand.Read(handle)
	options := fmt.Appendf(nil, `{"rp":{"id":"localhost","name":"Bench"},"user":{"id":%q,"name":"a","displayName":"a"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}],"authenticatorSelection":{"residentKey":"required"}}`,
		base64.RawURLEncoding.EncodeToString(handle))
	if _, err := key.Create(options); err != nil {
		return err
	}
	made := key.Credentials()[0]
	publicKey, err := made.Key.Public().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		return err
	}
	body, err := json.Marshal(enrollment{ID: made.ID, User: made.UserHandle, PublicKey: publicKey})
	if err != nil {
		return err
	}
	if _, err := c.Post(ctx, "/enroll", "", body); err != nil {
		return err
	}
	t.people.Add(load.NewAccount(made))
	return nil
}

// round signs in, concurrency at a time, for that long.
func (t *target) round(concurrency int, length time.Duration) (round, error) {
	ctx := context.Background()
	lanes, end, err := t.people.SignIns(ctx, concurrency)
	if err != nil {
		return round{}, err
	}
	defer end()
	m := load.NewMeter()
	var took time.Duration
	cpu, database, err := t.used(func() { took = load.Run(ctx, load.Span{For: length}, m, lanes) })
	if err == nil {
		err = m.Err()
	}
	if err != nil {
		return round{}, err
	}
	f := m.Figures(took)
	n := time.Duration(f.Operations)
	return round{perSecond: f.PerSecond, p50: f.P50, p99: f.P99, cpu: cpu / n, database: database / n, took: took}, nil
}

// used returns the CPU time that the server, and the database's own processes,
// used while f ran.
func (t *target) used(f func()) (cpu, database time.Duration, err error) {
	read := func() (cpu, database time.Duration, err error) {
		if cpu, err = t.server.cpu(); err == nil && t.database != nil {
			database, err = t.database()
		}
		return cpu, database, err
	}
	cpu, database, err = read()
	if err != nil {
		return 0, 0, err
	}
	f()
	cpuAfter, databaseAfter, err := read()
	return cpuAfter - cpu, databaseAfter - database, err
}

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mapae/mapae/webauthntest"
)

// Routes of both servers.
const (
	optionsPath = "/api/auth/passkey/options"
	verifyPath  = "/api/auth/passkey/verify"
)

// target is a server with the accounts that were made there.
type target struct {
	name     string
	server   *server
	accounts []account
}

// account is a passkey with all that stays the same from sign-in to sign-in.
type account struct {
	key            *ecdsa.PrivateKey
	authData       []byte
	before, middle []byte // of the body: up to client data, and from there to the signature
	after          []byte
}

// round is what was measured in one.
type round struct {
	perSecond float64
	p50, p99  time.Duration
	cpu       time.Duration // of the server, per sign-in
	took      time.Duration
}

// enroll makes n accounts.
func (t *target) enroll(n int) error {
	c, err := dial(t.server.Address)
	if err != nil {
		return err
	}
	defer c.close()
	for i := range n {
		key := webauthntest.New("http://" + t.server.Address)
		key.Algorithms = []webauthntest.Algorithm{webauthntest.ES256}
		if t.name != "mapae" && t.name != "postgres" {
			err = enrollFloor(c, key)
		} else {
			err = signUp(c, key, i)
		}
		if err != nil {
			return fmt.Errorf("account %d: %w", i, err)
		}
		t.accounts = append(t.accounts, newAccount(key.Credentials()[0]))
	}
	return nil
}

// signUp makes an account by the API. Twenty come from each address, as many
// as the limit lets through.
func signUp(c *conn, key *webauthntest.Authenticator, i int) error {
	from := fmt.Sprintf("X-Forwarded-For: 10.0.%d.%d\r\n", i/20/250, 1+i/20%250)
	var step struct {
		Ticket  string `json:"ticket"`
		Options struct {
			PublicKey json.RawMessage `json:"publicKey"`
		} `json:"creation_options"`
	}
	body, err := c.post("/api/auth/signup/passkey/options", from, fmt.Appendf(nil, `{"email":"user%d@example.com","name":"User %d"}`, i, i))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &step); err != nil {
		return err
	}
	credential, err := key.Create(step.Options.PublicKey)
	if err != nil {
		return err
	}
	_, err = c.post("/api/auth/signup/passkey/complete", from+"Mapae-Ticket: "+step.Ticket+"\r\n", fmt.Appendf(nil, `{"credential":%s}`, credential))
	return err
}

// enrollFloor makes a passkey for made-up options and tells the floor of it.
func enrollFloor(c *conn, key *webauthntest.Authenticator) error {
	options := fmt.Appendf(nil, `{"rp":{"id":"localhost","name":"Bench"},"user":{"id":%q,"name":"a","displayName":"a"},"challenge":"AAAAAAAAAAAAAAAAAAAAAA","pubKeyCredParams":[{"type":"public-key","alg":-7}],"authenticatorSelection":{"residentKey":"required"}}`,
		strings.ToLower(rand.Text())[:20])
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
	_, err = c.post("/enroll", "", body)
	return err
}

func newAccount(c *webauthntest.Credential) account {
	rp := sha256.Sum256([]byte(c.RPID))
	flags := webauthntest.FlagUP | webauthntest.FlagUV | webauthntest.FlagBE | webauthntest.FlagBS
	authData := append(append(rp[:], flags), 0, 0, 0, 0)
	id, text := encode(c.ID), encode
	return account{
		key: c.Key.(*ecdsa.PrivateKey), authData: authData,
		before: fmt.Appendf(nil, `{"credential":{"id":"%s","rawId":"%s","type":"public-key","authenticatorAttachment":"platform","clientExtensionResults":{},"response":{"clientDataJSON":"`, id, id),
		middle: fmt.Appendf(nil, `","authenticatorData":"%s","userHandle":"%s","signature":"`, text(authData), text(c.UserHandle)),
		after:  []byte(`"}}}`),
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// respond appends the body of verify for a challenge, as text, to out.
func (a *account) respond(out, challenge []byte, origin string) ([]byte, error) {
	clientData := fmt.Appendf(nil, `{"type":"webauthn.get","challenge":"%s","origin":"%s","crossOrigin":false}`, challenge, origin)
	hash := sha256.Sum256(clientData)
	digest := sha256.Sum256(append(slices.Clip(a.authData), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		return nil, err
	}
	out = base64.RawURLEncoding.AppendEncode(append(out, a.before...), clientData)
	out = base64.RawURLEncoding.AppendEncode(append(out, a.middle...), signature)
	return append(out, a.after...), nil
}

// round signs in, concurrency at a time, for that long.
func (t *target) round(concurrency int, length time.Duration) (round, error) {
	lanes := make([]*lane, concurrency)
	for i := range lanes {
		c, err := dial(t.server.Address)
		if err != nil {
			return round{}, err
		}
		defer c.close()
		lanes[i] = &lane{conn: c, accounts: share(t.accounts, i, concurrency)}
	}
	before, err := t.server.cpu()
	if err != nil {
		return round{}, err
	}
	start := time.Now()
	var all sync.WaitGroup
	for _, l := range lanes {
		all.Go(func() { l.run(start.Add(length)) })
	}
	all.Wait()
	took := time.Since(start)
	after, err := t.server.cpu()
	if err != nil {
		return round{}, err
	}
	var times []time.Duration
	for _, l := range lanes {
		if l.err != nil {
			return round{}, l.err
		}
		times = append(times, l.times...)
	}
	slices.Sort(times)
	n := len(times)
	return round{perSecond: float64(n) / took.Seconds(), p50: times[n/2], p99: times[n*99/100], cpu: (after - before) / time.Duration(n), took: took}, nil
}

// share is the i-th of n parts of the accounts, or one of them where there are
// fewer than n.
func share(accounts []account, i, n int) []account {
	if len(accounts) < n {
		i %= len(accounts)
		return accounts[i : i+1]
	}
	return accounts[i*len(accounts)/n : (i+1)*len(accounts)/n]
}

// lane is one client that signs in again and again.
type lane struct {
	conn     *conn
	accounts []account
	times    []time.Duration
	err      error
}

func (l *lane) run(end time.Time) {
	for i := 0; time.Now().Before(end) || i == 0; i++ {
		start := time.Now()
		if l.err = l.conn.signIn(&l.accounts[i%len(l.accounts)]); l.err != nil {
			return
		}
		l.times = append(l.times, time.Since(start))
	}
}

// signIn is one sign-in: options, signature, verify.
func (c *conn) signIn(a *account) error {
	options, err := c.get(optionsPath)
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(options, []byte(`"challenge":"`))
	challenge, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return fmt.Errorf("no challenge in %s", options)
	}
	body, err := a.respond(c.body[:0], challenge, c.origin)
	if err != nil {
		return err
	}
	c.body = body
	answer, err := c.post(verifyPath, "", body)
	if err == nil && !bytes.HasPrefix(answer, []byte(`{"success":true`)) {
		err = fmt.Errorf("verify answered %s", answer)
	}
	return err
}

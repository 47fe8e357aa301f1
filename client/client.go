package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// Authenticator makes and uses passkeys: what navigator.credentials is to a
// page. webauthntest.Authenticator is one made of software.
type Authenticator interface {
	// Create takes a PublicKeyCredentialCreationOptionsJSON and returns a
	// RegistrationResponseJSON (WebAuthn Level 3 §5.1.9, §5.1.8.1).
	Create(options []byte) ([]byte, error)
	// Get takes a PublicKeyCredentialRequestOptionsJSON and returns an
	// AuthenticationResponseJSON (§5.1.10, §5.1.8.2).
	Get(options []byte) ([]byte, error)
}

// Client calls one server as one browser or app. Its methods may be called by
// several goroutines at once; its fields are set before the first call.
type Client struct {
	// App asks as an app: without cookies, with the token that a sign-up or
	// sign-in answered.
	App bool
	// HTTP sends the requests; its Jar is the browser's cookies.
	HTTP *http.Client

	base  string
	key   Authenticator
	token token
}

// New returns a browser's client of the site at base, such as
// "https://example.com/auth", that signs in with key.
func New(base string, key Authenticator) *Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // only for options, and there are none
	}
	return &Client{HTTP: &http.Client{Jar: jar, Timeout: time.Minute}, base: strings.TrimSuffix(base, "/"), key: key}
}

// Error is an answer other than 2xx.
type Error struct {
	Status     int
	Code       string        // of the JSON API; empty: the answer was not a problem of it
	Field      string        // JSON member at fault, where one is
	Reason     string        // what is wrong with Field, such as "too_short"; or the check that a new passkey failed
	Message    string        // a sentence for people
	RetryAfter time.Duration // when trying again makes sense; zero: not told
	RequestID  string

	// Second is what a sign-in goes on with whose first step was good: the code
	// is second_factor_required. Nil with every other code.
	Second *SecondFactor
}

// Error returns status, code and request ID.
func (e *Error) Error() string {
	s := fmt.Sprintf("mapae: %d %s", e.Status, e.Code)
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	return s + ": " + e.Message + " [request " + e.RequestID + "]"
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// call sends in as JSON (nil: no body) and reads the answer into out. Errors:
// *Error for an answer other than 2xx; else the request failed or the answer
// can't be read.
func (c *Client) call(ctx context.Context, method, path, ticket string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if ticket != "" {
		r.Header.Set("Mapae-Ticket", ticket)
	}
	c.identify(r)
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := readAnswer(answer)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode/100 != 2 {
		return readError(answer, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: answer: %w", method, path, err)
	}
	return nil
}

// readAnswer reads the body of an answer, at most maxAnswer of it.
func readAnswer(answer *http.Response) ([]byte, error) {
	return io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
}

// identify sets the headers by which the server knows an app, or those by
// which it knows that a page of its own asks.
func (c *Client) identify(r *http.Request) {
	if c.App {
		r.Header.Set("Mapae-Client", "app")
		if token := c.token.get(); token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if r.Method != http.MethodGet {
		r.Header.Set("Origin", (&url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host}).String())
	}
}

func readError(answer *http.Response, text []byte) error {
	var problem struct {
		Code       string `json:"code"`
		Field      string `json:"field"`
		Reason     string `json:"reason"`
		Message    string `json:"message"`
		RetryAfter int    `json:"retry_after"`
		RequestID  string `json:"request_id"`
		SecondFactor
		Request publicKey `json:"request_options"`
	}
	e := &Error{Status: answer.StatusCode, RequestID: answer.Header.Get("X-Request-Id")}
	if json.Unmarshal(text, &problem) == nil {
		e.Code, e.Field, e.Reason, e.Message = problem.Code, problem.Field, problem.Reason, problem.Message
		e.RetryAfter = time.Duration(problem.RetryAfter) * time.Second
		e.RequestID = problem.RequestID
		if problem.Ticket != "" {
			problem.SecondFactor.Options = problem.Request.PublicKey
			e.Second = &problem.SecondFactor
		}
	}
	return e
}

package main

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mapae/mapae/client"
	"github.com/mapae/mapae/webauthntest"
)

// scriptMailed waits until the outbox at a URL has a text.
func scriptMailed(ts *testscript.TestScript, _ bool, args []string) {
	mailed(ts, args[0], regexp.QuoteMeta(args[1]))
}

func mailed(ts *testscript.TestScript, outbox, pattern string) string {
	body := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var err error
		_, body, err = getWhenUp(outbox)
		ts.Check(err)
		if found := regexp.MustCompile(pattern).FindString(body); found != "" {
			return found
		}
	}
	ts.Fatalf("%s never had %s:\n%s", outbox, pattern, body)
	return ""
}

// scriptSignup makes an account with a passkey at a server with an outbox.
func scriptSignup(ts *testscript.TestScript, _ bool, args []string) {
	origin, ctx := strings.TrimSuffix(args[0], "/"), context.Background()
	c := client.New(origin, nil)
	ticket, _, err := c.BeginSignUp(ctx, args[1], "Ada", "")
	ts.Check(err)
	code := mailed(ts, origin+"/dev/outbox", `\b[A-Z0-9]{4}-[A-Z0-9]{4}\b`)
	proven, options, err := c.ProveSignUp(ctx, ticket, code)
	ts.Check(err)
	credential, err := webauthntest.New(origin).Create(options)
	ts.Check(err)
	_, err = c.FinishSignUp(ctx, proven, credential)
	ts.Check(err)
}

package main

import (
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// One sign-up and one sign-in are seen by all who were told of: Prometheus,
// the Datadog agent, and whoever reads the log.
func TestWhatHappensIsMeasured(t *testing.T) {
	t.Parallel()
	agent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, newHome(t), nil, "--metrics-listen", "127.0.0.1:"+port, "--statsd", agent.LocalAddr().String(), "--methods", "passkey,password")
	c := s.app(nil, new(forwarded))
	if _, err := c.SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.SignInPassword(t.Context(), "ada@example.com", "not the password"); code(err) != "authentication_failed" {
		t.Fatal(err)
	}

	_, text, err := getWhenUp("http://127.0.0.1:" + port + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/vars"} { // BI-484
		if status, _, err := getWhenUp(s.origin + path); err != nil || status != http.StatusNotFound {
			t.Errorf("the public is answered %d at %s, %v", status, path, err)
		}
	}
	for _, line := range []string{
		`mapae_ceremonies_total{ceremony="registration",outcome="success",reason=""} 1`,
		`mapae_ceremonies_total{ceremony="verify",outcome="success",reason=""} 1`,
		`mapae_signins_total{method="passkey",outcome="success"} 1`,
		`mapae_signins_total{method="password",outcome="failed"} 1`,
		`mapae_sessions_begun_total{client="app"} 2`,
		`mapae_request_duration_seconds_count{method="POST",route="/api/auth/passkey/verify",status="200"} 1`,
		`mapae_store_duration_seconds_count{call="admit",outcome="ok"} 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
	for _, want := range []string{"type=signup method=passkey", "type=signin method=passkey", "type=signin_failed method=password reason=password"} {
		if !regexp.MustCompile(`level=INFO msg=event ` + want + ` .*request_id=[0-9a-f]{32}`).MatchString(s.out.String()) {
			t.Errorf("the log has no event %s", want)
		}
	}

	counted := ""
	packet := make([]byte, 65536)
	if err := agent.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"webauthn.registration.success:1|c|#method:passkey,provider:other", "webauthn.verify.success:1|c|#method:passkey,provider:other",
		"mapae.signin.failed:1|c|#method:password,reason:password",
	} {
		for !strings.Contains(counted, want) {
			n, _, err := agent.ReadFrom(packet)
			if err != nil {
				t.Fatalf("no %s in %q: %v", want, counted, err)
			}
			counted += string(packet[:n])
		}
	}
}

// A server that was told so shows its profiles to the operator, with samples of
// its memory. Another has none to show.
func TestProfilesAreForTheOperatorWhoAskedForThem(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flags  []string
		status int
		text   string
	}{
		{[]string{"--pprof"}, http.StatusOK, " @ heap/1048576\n"},
		{nil, http.StatusNotFound, ""},
	} {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		s := start(t, newHome(t), nil, append(test.flags, "--metrics-listen", "127.0.0.1:"+port)...)
		status, text, err := getWhenUp("http://127.0.0.1:" + port + "/debug/pprof/heap?debug=1")
		if err != nil || status != test.status || !strings.Contains(text, test.text) {
			t.Errorf("%v: the operator is answered %d %.100q, %v", test.flags, status, text, err)
		}
		if status, _, err := getWhenUp(s.origin + "/debug/pprof/heap"); err != nil || status != http.StatusNotFound {
			t.Errorf("%v: the public is answered %d, %v", test.flags, status, err)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mapae/mapae/webauthn/attestation/mds"
	"github.com/mapae/mapae/webauthntest"
)

const model = "6d617061-6500-4000-8000-000000000003" // of webauthntest.NewPlatformBound

func TestMistakesAboutModelsAreNamed(t *testing.T) {
	t.Parallel()
	blob, root := metadataFiles(t, time.Now().AddDate(0, 1, 0))
	empty := t.TempDir()
	bad := filepath.Join(empty, "models")
	if err := os.WriteFile(bad, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		"there is no certificate that one could lead to":               {"--attestation", "direct"},
		"allow-model needs attestation direct or enterprise":           {"--allow-model", model},
		`allow-model "x" is no AAGUID`:                                 {"--attestation", "direct", "--attestation-roots", ".", "--allow-model", "x"},
		`deny-model "6d61706165-0040008000000000000003" is no AAGUID`:  {"--deny-model", "6d61706165-0040008000000000000003"},
		"attestation-format is given, but attestation is none":         {"--attestation-format", "packed"},
		`attestation-format "pakced"`:                                  {"--attestation", "indirect", "--attestation-format", "pakced"},
		"metadata-root, require-status and refuse-status need":         {"--refuse-status", "REVOKED"},
		`refuse-status "revoked": it is one of [NOT_FIDO`:              {"--metadata", blob, "--metadata-root", root, "--refuse-status", "revoked"},
		"metadata needs metadata-root":                                 {"--metadata", blob},
		`metadata "http://example.com/blob": it is a file, or a URL`:   {"--metadata", "http://example.com/blob", "--metadata-root", root},
		`metadata "https:///blob": it is a file, or a URL`:             {"--metadata", "https:///blob", "--metadata-root", root},
		"metadata-grace is -1s":                                        {"--metadata-grace=-1s"},
		"models of authenticators are judged, but methods has no pass": {"--no-synced-passkeys", "--methods", "password"},
		"attestation-roots: open nowhere":                              {"--attestation", "direct", "--attestation-roots", "nowhere"},
		"has no certificate: *.pem, *.crt or *.cer":                    {"--attestation", "direct", "--attestation-roots", empty},
		"metadata-root: open nowhere":                                  {"--metadata", blob, "--metadata-root", "nowhere"},
		"models: open nowhere":                                         {"--models", "nowhere"},
		"models, line 1":                                               {"--models", bad},
	} {
		var out, stderr bytes.Buffer
		data := filepath.Join(empty, "data")
		code := run(append([]string{"serve", "--origin", "http://localhost:1", "--data", data}, args...), streams{&out, &stderr})
		if code != exitMistake || !strings.Contains(stderr.String(), says) {
			t.Errorf("%q: exit code %d, %s", args, code, &stderr)
		}
		if there, _ := exists(data); there {
			t.Errorf("%q: something was made", args)
		}
	}
}

func TestTheServerDoesNotStartWithoutMetadataThatItShallHeed(t *testing.T) {
	t.Parallel()
	blob, root := metadataFiles(t, time.Now().AddDate(0, -2, 0))
	for says, args := range map[string][]string{
		"past its next update":   {"--metadata", blob},
		"no such file":           {"--metadata", "nowhere"},
		"signed by somebody":     {"--metadata", blob, "--metadata-grace", "9000h", "--metadata-signer", "example.com"},
		"mds: refresh from http": {"--metadata", "https://localhost:1/blob"},
	} {
		var out, stderr bytes.Buffer
		args = append([]string{"serve", "--origin", "http://localhost:1", "--data", t.TempDir(), "--metadata-root", root}, args...)
		if code := run(args, streams{&out, &stderr}); code != exitFailed || !strings.Contains(stderr.String(), says) {
			t.Errorf("%q: exit code %d, %s", args, code, &stderr)
		}
	}
}

// judging starts a server that judges models, with the roots of ca.
func judging(t *testing.T, ca *webauthntest.CA, flags ...string) *process {
	t.Helper()
	at := newHome(t)
	roots := filepath.Join(at.dir, "roots")
	err := os.Mkdir(roots, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(roots, "root.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root.Raw}), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return start(t, at, nil, append([]string{"--attestation-roots", roots}, flags...)...)
}

func TestTheSettingsDecideWhichModelsAreAccepted(t *testing.T) {
	t.Parallel()
	ca, err := webauthntest.NewCA("settings")
	if err != nil {
		t.Fatal(err)
	}
	token, err := ca.SignMetadata(fmt.Appendf(nil, `{"no":1,"nextUpdate":%q,"entries":[{"aaguid":%q,"metadataStatement":{"protocolFamily":"fido2"},"statusReports":[{"status":"REVOKED"}]}]}`,
		time.Now().AddDate(0, 1, 0).Format(time.DateOnly), model))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	blob, root := filepath.Join(dir, "blob"), filepath.Join(dir, "root.pem")
	if err := errors.Join(os.WriteFile(blob, token, 0o600), os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root.Raw}), 0o600)); err != nil {
		t.Fatal(err)
	}
	attested := func(a *webauthntest.Authenticator) { a.CA, a.Attestation = ca, webauthntest.AttestationPacked }
	for name, c := range map[string]struct {
		flags               []string
		bound, told, synced string // reason in the log for one that attests, one that does not, and a synced one; empty: accepted
	}{
		"direct":              {[]string{"--attestation", "direct"}, "", "trust:unattested", "trust:unattested"},
		"indirect":            {[]string{"--attestation", "indirect", "--attestation-format", "packed"}, "", "", ""},
		"another format":      {[]string{"--attestation", "direct", "--attestation-format", "tpm"}, "trust:format", "trust:format", "trust:format"},
		"none synced":         {[]string{"--no-synced-passkeys"}, "", "", "trust:synced"},
		"a model denied":      {[]string{"--deny-model", model}, "trust:aaguid_denied", "trust:aaguid_denied", ""},
		"a model allowed":     {[]string{"--attestation", "direct", "--allow-model", strings.ToUpper(model)}, "", "trust:unattested", "trust:unattested"},
		"others allowed":      {[]string{"--attestation", "enterprise", "--allow-model", "01020304-0506-0708-090a-0b0c0d0e0f10"}, "trust:aaguid_unlisted", "trust:unattested", "trust:unattested"},
		"a model revoked":     {[]string{"--attestation", "direct", "--metadata", blob, "--metadata-root", root}, "trust:status_refused", "trust:unattested", "trust:unattested"},
		"revoked is no harm":  {[]string{"--attestation", "direct", "--metadata", blob, "--metadata-root", root, "--refuse-status", "UPDATE_AVAILABLE"}, "", "trust:unattested", "trust:unattested"},
		"certified ones only": {[]string{"--attestation", "direct", "--metadata", blob, "--metadata-root", root, "--refuse-status", "UPDATE_AVAILABLE", "--require-status", "FIDO_CERTIFIED_L1"}, "trust:status_missing", "trust:unattested", "trust:unattested"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := judging(t, ca, c.flags...), new(forwarded)
			bound, told, synced := webauthntest.NewPlatformBound(s.origin), webauthntest.NewPlatformBound(s.origin), webauthntest.New(s.origin)
			attested(bound)
			for i, try := range []struct {
				key  *webauthntest.Authenticator
				want string
			}{{bound, c.bound}, {told, c.told}, {synced, c.synced}} {
				before := len(s.out.String())
				_, err := s.app(try.key, f).SignUp(t.Context(), fmt.Sprintf("%c@example.com", 'a'+i), "Ada")
				if try.want == "" && err != nil {
					t.Errorf("key %d: %v", i, err)
				}
				if try.want != "" && code(err) != "registration_rejected" {
					t.Errorf("key %d: %v, want a refusal for %s", i, err, try.want)
				}
				for end := time.Now().Add(10 * time.Second); !strings.Contains(s.out.String()[before:], try.want); time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("key %d: want %s in the log:\n%s", i, try.want, s.out.String()[before:])
					}
				}
			}
		})
	}
}

func TestAFileNamesFurtherModels(t *testing.T) {
	t.Parallel()
	at, f := newHome(t), new(forwarded)
	file := filepath.Join(at.dir, "models")
	if err := os.WriteFile(file, []byte(model+"\tsecurity_key\tOur badge\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, at, nil, "--models", file)
	c := s.app(webauthntest.NewPlatformBound(s.origin), f)
	if _, err := c.SignUp(t.Context(), "ada@example.com", "Ada"); err != nil {
		t.Fatal(err)
	}
	all, err := c.Passkeys(t.Context())
	if err != nil || len(all) != 1 || all[0].Provider == nil || *all[0].Provider != "Our badge" || *all[0].Kind != "security_key" {
		t.Errorf("%+v, %v", all, err)
	}
}

// turns is metadata that answers one thing after the other.
type turns struct {
	mu   sync.Mutex
	errs []error
	blob mds.Blob
	at   []time.Time
}

func (m *turns) Blob() *mds.Blob { b := m.blob; return &b }

func (m *turns) left() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.errs)
}

func (m *turns) Refresh(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = append(m.at, time.Now())
	err := m.errs[0]
	if m.errs = m.errs[1:]; err == nil {
		m.blob.Number++
		m.blob.NextUpdate = m.blob.NextUpdate.AddDate(0, 0, 1)
	}
	return err
}

func TestMetadataIsReadEveryHourAndTheLastGoodStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		offline := errors.New("offline")
		m := &turns{errs: []error{offline, offline, offline, nil, offline}, blob: mds.Blob{Number: 7, NextUpdate: time.Now().Add(150 * time.Minute)}}
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		began := time.Now()
		go func() {
			defer close(done)
			refreshForever(ctx, slog.New(slog.NewTextHandler(&log, nil)), m)
		}()
		for m.left() > 0 {
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		cancel()
		<-done
		for i, before := range append([]time.Time{began}, m.at[:4]...) {
			if gap := m.at[i].Sub(before); gap < 10*time.Minute || gap > 67*time.Minute {
				t.Errorf("look %d after %v", i, gap)
			}
		}
		want := []string{
			`level=ERROR msg="the metadata stays as it is" number=7 next_update=2000-01-01 out_of_date=false error=offline`,
			`level=ERROR msg="the metadata stays as it is" number=7 next_update=2000-01-01 out_of_date=false error=offline`,
			`level=ERROR msg="the metadata stays as it is" number=7 next_update=2000-01-01 out_of_date=true error=offline`,
			`level=INFO msg="the metadata was read anew" number=8 next_update=2000-01-02`,
			`level=ERROR msg="the metadata stays as it is" number=8 next_update=2000-01-02 out_of_date=false error=offline`,
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		for i, line := range lines {
			if i >= len(want) || !strings.HasSuffix(line, want[i]) {
				t.Errorf("line %d of the log: %s", i, line)
			}
		}
		if len(lines) != len(want) {
			t.Errorf("the log:\n%s", &log)
		}
	})
}

func TestMetadataThatIsOutOfDateIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 70*time.Minute)
		defer cancel()
		m := &turns{errs: []error{nil}, blob: mds.Blob{Number: 7, NextUpdate: time.Now().AddDate(0, 0, -3)}}
		refreshForever(ctx, slog.New(slog.NewTextHandler(&log, nil)), m)
		if !strings.Contains(log.String(), `level=WARN msg="the metadata is out of date" number=8 next_update=1999-12-30`) {
			t.Errorf("the log: %s", &log)
		}
	})
}

func TestARedirectAwayFromHTTPSIsNotFollowed(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer secure.Close()
	client := secure.Client()
	client.CheckRedirect = onlyHTTPS
	if _, err := client.Get(secure.URL); err == nil || !strings.Contains(err.Error(), "redirected to "+plain.URL) {
		t.Errorf("Get = %v", err)
	}
}

package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthntest"
)

// metadataFiles writes a BLOB that is due on a day, and the root behind it.
func metadataFiles(t *testing.T, due time.Time) (blob, root string) {
	t.Helper()
	ca, err := webauthntest.NewCA("metadata")
	if err != nil {
		t.Fatal(err)
	}
	token, err := ca.SignMetadata(fmt.Appendf(nil, `{"legalHeader":"for\ntests","no":7,"nextUpdate":%q,"entries":[
		{"aaguid":"01020304-0506-0708-090a-0b0c0d0e0f10","metadataStatement":{"description":"Key \u001b[31mred","protocolFamily":"fido2","attestationRootCertificates":["AAAA"]},
		 "statusReports":[{"status":"FIDO_CERTIFIED_L1","effectiveDate":"2024-01-02"},{"status":"REVOKED"}]},
		{"attestationCertificateKeyIdentifiers":["000102030405060708090a0b0c0d0e0f10111213"],"metadataStatement":{"description":"Old key","protocolFamily":"u2f"}},
		{"metadataStatement":{"description":"UAF","protocolFamily":"uaf"}}]}`, due.Format(time.DateOnly)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	blob, root = filepath.Join(dir, "blob.jwt"), filepath.Join(dir, "root.pem")
	for path, content := range map[string][]byte{
		blob: token, root: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root.Raw}),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return blob, root
}

func show(args ...string) (code int, out, err string) {
	var stdout, stderr bytes.Buffer
	code = run(append([]string{"metadata", "show"}, args...), streams{&stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

func TestMetadataIsShown(t *testing.T) {
	t.Parallel()
	due := time.Now().AddDate(0, 1, 0)
	blob, root := metadataFiles(t, due)
	code, out, stderr := show(blob, "--root", root)
	want := `number        7
next update   ` + due.Format(time.DateOnly) + `
models        3
legal header  for tests

MODEL                                     PROTOCOL  ANCHORS                         STATUS                                 DESCRIPTION
01020304-0506-0708-090a-0b0c0d0e0f10      fido2     0 (and 1 that can't be read)    FIDO_CERTIFIED_L1 2024-01-02, REVOKED  Key  [31mred
000102030405060708090a0b0c0d0e0f10111213  u2f       0                               -                                      Old key
-                                         uaf       0                               -                                      UAF
`
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if code != exitDone || stderr != "" || squeeze(out) != squeeze(want) {
		t.Errorf("exit code %d, %s\n%s", code, stderr, out)
	}
}

func TestMetadataThatIsNotBelievedIsNotShown(t *testing.T) {
	t.Parallel()
	blob, root := metadataFiles(t, time.Now().AddDate(0, 1, 0))
	late, _ := metadataFiles(t, time.Now().AddDate(0, 0, -3))
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{blob}, exitMistake, "either --root"},
		{[]string{blob, "--root", root, "--unverified"}, exitMistake, "either --root"},
		{[]string{"nowhere", "--root", root}, exitMistake, "nowhere"},
		{[]string{blob, "--root", "nowhere"}, exitMistake, "nowhere"},
		{[]string{blob, "--root", blob}, exitMistake, "no certificate in PEM"},
		{[]string{blob, "--root", garbage}, exitMistake, "x509"},
		{[]string{root, "--root", root}, exitFailed, "can't be read"},
		{[]string{root, "--unverified"}, exitFailed, "can't be read"},
		{[]string{blob, "--root", root, "--signer", "example.com"}, exitFailed, "signed by somebody else"},
		{[]string{late, "--root", root}, exitFailed, "past its next update"},
	} {
		if code, out, err := show(c.args...); code != c.code || out != "" || !strings.Contains(err, c.says) {
			t.Errorf("%q: exit code %d, %q, %q", c.args, code, out, err)
		}
	}
	for _, path := range []string{blob, late} {
		if code, out, err := show(path, "--unverified"); code != exitDone || !strings.Contains(out, "Old key") || !strings.Contains(err, "Not verified") {
			t.Errorf("unverified: exit code %d, %q, %q", code, out, err)
		}
	}
}

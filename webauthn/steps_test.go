package webauthn_test

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"testing"

	strict "github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// stepCases name every step of §7.1 and §7.2 that this package makes, with a
// ceremony that fails at that step and at no other.
var stepCases = []struct {
	step  string
	check webauthn.Check
	run   func(*testing.T) error
}{
	{"7.1.3", webauthn.CheckEncoding, registrationBody(atTop("type", "password"))},
	{"7.1.6", webauthn.CheckEncoding, registering(clientMember("crossOrigin", "true"))},
	{"7.1.7", webauthn.CheckType, registering(clientMember("type", "webauthn.get"))},
	{"7.1.8", webauthn.CheckChallenge, registering(clientMember("challenge", "AAAA"))},
	{"7.1.9", webauthn.CheckOrigin, registering(fromOrigin("https://evil.example"))},
	{"7.1.10", webauthn.CheckCrossOrigin, registering(func(a *webauthntest.Authenticator) { a.CrossOrigin = true })},
	{"7.1.11", webauthn.CheckTopOrigin, registering(func(a *webauthntest.Authenticator) { a.TopOrigin = origin })},
	{"7.1.13", webauthn.CheckEncoding, registering(attestationObject(func([]byte) []byte { return nil }))},
	{"7.1.14", webauthn.CheckRPIDHash, registering(forged(func(f *webauthntest.Forge) { f.RPID = "example.org" }))},
	{"7.1.15", webauthn.CheckUserPresent, registering(func(a *webauthntest.Authenticator) { a.UserPresent = false })},
	{"7.1.16", webauthn.CheckUserVerified, registering(
		func(a *webauthntest.Authenticator) { a.UserVerified = false },
		func(w *webauthn.RegistrationWant) { w.UserVerification = webauthn.UserVerificationRequired })},
	{"7.1.17", webauthn.CheckBackupFlags, registering(func(a *webauthntest.Authenticator) { a.BackupEligible = false })},
	{"7.1.20", webauthn.CheckAlgorithm, registering(
		func(a *webauthntest.Authenticator) {
			a.Forge.PublicKey = func(k []byte) []byte { return bytes.Replace(k, []byte{3, 0x26}, []byte{3, 0x38, 0x22}, 1) } // ES384
		},
		func(w *webauthn.RegistrationWant) { w.Algorithms = []webauthn.Algorithm{webauthn.ES256} })},
	{"7.1.20", webauthn.CheckKey, registering(publicKey(func([]byte) []byte { return cborMap(1, 2, 3, -7) }))},
	{"7.1.21", webauthn.CheckAttestation, registering(statement("tpm", cborMap()))},
	{"7.1.22", webauthn.CheckAttestation, registering(statement("none", cborMap("x", 1)))},
	{"7.1.25", webauthn.CheckCredentialID, registering(forged(func(f *webauthntest.Forge) { f.CredentialID = make([]byte, 1024) }))},
	{"7.2.3", webauthn.CheckEncoding, assertionBody(atTop("type", "password"))},
	{"7.2.5", webauthn.CheckAllowList, signingIn(nothing, func(w *webauthn.AssertionWant) { w.Allow = [][]byte{{1}} })},
	{"7.2.6", webauthn.CheckUserHandle, signingIn(nothing, func(w *webauthn.AssertionWant) { w.UserID = []byte("somebody else") })},
	{"7.2.7", webauthn.CheckEncoding, signingIn(authData(func(b []byte) []byte { return b[:36] }))},
	{"7.2.9", webauthn.CheckEncoding, signingIn(clientMember("crossOrigin", "true"))},
	{"7.2.10", webauthn.CheckType, signingIn(clientMember("type", "webauthn.create"))},
	{"7.2.11", webauthn.CheckChallenge, signingIn(clientMember("challenge", "AAAA"))},
	{"7.2.12", webauthn.CheckOrigin, signingIn(fromOrigin("https://evil.example"))},
	{"7.2.13", webauthn.CheckCrossOrigin, signingIn(func(a *webauthntest.Authenticator) { a.CrossOrigin = true })},
	{"7.2.14", webauthn.CheckTopOrigin, signingIn(func(a *webauthntest.Authenticator) { a.TopOrigin = origin })},
	{"7.2.15", webauthn.CheckRPIDHash, signingIn(forged(func(f *webauthntest.Forge) { f.RPID = "example.org" }))},
	{"7.2.16", webauthn.CheckUserPresent, signingIn(func(a *webauthntest.Authenticator) { a.UserPresent = false })},
	{"7.2.17", webauthn.CheckUserVerified, signingIn(
		func(a *webauthntest.Authenticator) { a.UserVerified = false },
		func(w *webauthn.AssertionWant) { w.UserVerification = webauthn.UserVerificationRequired })},
	{"7.2.18", webauthn.CheckBackupFlags, signingIn(func(a *webauthntest.Authenticator) { a.BackupEligible = false })},
	{"7.2.19", webauthn.CheckBackupFlags, signingIn(
		func(a *webauthntest.Authenticator) { a.BackupEligible, a.BackupState = false, false },
		func(w *webauthn.AssertionWant) { w.StrictBackup = true })},
	{"7.2.21", webauthn.CheckSignature, signingIn(forged(func(f *webauthntest.Forge) {
		f.Signature = func(s []byte) []byte { return s[1:] }
	}))},
	{"7.2.22", webauthn.CheckCounter, standingCounter},
}

// standingCounter makes the error that a caller would of a counter that did not grow.
func standingCounter(t *testing.T) error {
	a := newKey("steps")
	a.Counter = 5
	c := registered(t, a, webauthn.ES256)
	result, err := finishAssertion(get(t, a), c, assertionWant())
	if err == nil && result.CounterRegressed {
		return &webauthn.Error{Step: "7.2.22", Check: webauthn.CheckCounter}
	}
	return err
}

func nothing(*webauthntest.Authenticator) {}

// statement forges format and attestation statement.
func statement(format string, attStmt []byte) func(*webauthntest.Authenticator) {
	return attestationObject(func(d []byte) []byte { return cborMap("fmt", format, "attStmt", raw(attStmt), "authData", d) })
}

func TestEveryStepNamesItself(t *testing.T) {
	t.Parallel()
	for _, c := range stepCases {
		t.Run(c.step+" "+string(c.check), func(t *testing.T) {
			t.Parallel()
			err := c.run(t)
			wantCheck(t, err, c.check)
			if got := stepOf(err); got != c.step {
				t.Errorf("step = %s, want %s (error: %v)", got, c.step, err)
			}
		})
	}
}

func TestWhoOwnsTheCredentialOfAnAssertion(t *testing.T) {
	t.Parallel()
	want := func(change func(w *webauthn.AssertionWant)) func(w *webauthn.AssertionWant) { return change }
	noHandle := func(a *webauthntest.Authenticator) { a.UserHandle = webauthntest.UserHandleNever }
	nullHandle := forged(func(f *webauthntest.Forge) {
		f.Response = func(m map[string]any) { m["response"].(map[string]any)["userHandle"] = nil }
	})
	emptyHandle := forged(func(f *webauthntest.Forge) {
		f.Response = func(m map[string]any) { m["response"].(map[string]any)["userHandle"] = "" }
	})
	identified := want(func(w *webauthn.AssertionWant) { w.Identified = true })
	stranger := want(func(w *webauthn.AssertionWant) { w.UserID = []byte("stranger"); w.Identified = true })
	const handle = webauthn.CheckUserHandle
	for name, c := range map[string]struct {
		check webauthn.Check
		run   func(*testing.T) error
	}{
		"anonymous, handle told":              {"", signingIn(nothing)},
		"anonymous, no handle":                {handle, signingIn(noHandle)},
		"anonymous, handle null":              {handle, signingIn(nullHandle)},
		"anonymous, handle empty":             {handle, signingIn(emptyHandle)},
		"anonymous, handle and owner empty":   {handle, signingIn(noHandle, func(w *webauthn.AssertionWant) { w.UserID = nil })},
		"identified, handle told":             {"", signingIn(nothing, identified)},
		"identified, no handle":               {"", signingIn(noHandle, identified)},
		"identified, handle null":             {"", signingIn(nullHandle, identified)},
		"identified, handle of somebody else": {handle, signingIn(nothing, stranger)},
		"not in the allow list":               {webauthn.CheckAllowList, signingIn(nothing, func(w *webauthn.AssertionWant) { w.Allow = [][]byte{{1}, {2}} })},
		"allow list without members":          {"", signingIn(nothing, func(w *webauthn.AssertionWant) { w.Allow = [][]byte{} })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantCheck(t, c.run(t), c.check)
		})
	}
	t.Run("in the allow list", func(t *testing.T) {
		t.Parallel()
		a := newKey("allow")
		c := registered(t, a, webauthn.ES256)
		w := assertionWant()
		w.Allow = [][]byte{{1}, c.ID}
		_, err := finishAssertion(get(t, a), c, w)
		wantCheck(t, err, "")
	})
	t.Run("the record of another credential", func(t *testing.T) {
		t.Parallel()
		a := newKey("other record")
		c := registered(t, a, webauthn.ES256)
		c.ID = []byte("another")
		_, err := finishAssertion(get(t, a), c, assertionWant())
		wantCheck(t, err, webauthn.CheckCredentialID)
	})
}

func TestARecordWhoseKeyIsBadIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		check  webauthn.Check
		change func(c *webauthn.Credential)
	}{
		"no key":                    {webauthn.CheckKey, func(c *webauthn.Credential) { c.PublicKey = nil }},
		"a key with bytes behind":   {webauthn.CheckKey, func(c *webauthn.Credential) { c.PublicKey = append(c.PublicKey, 0) }},
		"a key without coordinates": {webauthn.CheckKey, func(c *webauthn.Credential) { c.PublicKey = cborMap(1, 2, 3, -7) }},
		"an unknown algorithm":      {webauthn.CheckAlgorithm, func(c *webauthn.Credential) { c.PublicKey = cborMap(1, 2, 3, -999) }},
		"another algorithm":         {webauthn.CheckAlgorithm, func(c *webauthn.Credential) { c.Algorithm = webauthn.ES384 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newKey("record")
			record := registered(t, a, webauthn.ES256)
			c.change(record)
			_, err := finishAssertion(get(t, a), record, assertionWant())
			wantCheck(t, err, c.check)
		})
	}
}

func TestACredentialVerifiesASignatureOfAnything(t *testing.T) {
	t.Parallel()
	a := newKey("anything")
	c := registered(t, a, webauthn.EdDSA)
	message := []byte("anything")
	signature, err := a.Credentials()[0].Sign(nil, message)
	if err != nil {
		t.Fatal(err)
	}
	wantCheck(t, c.VerifySignature(message, signature), "")
	wantCheck(t, c.VerifySignature(message[1:], signature), webauthn.CheckSignature)
	wantCheck(t, c.VerifySignature(message, nil), webauthn.CheckSignature)
}

func TestAnEmptyExpectedChallengeFitsNothing(t *testing.T) {
	t.Parallel()
	a := newKey("no challenge")
	c := registered(t, a, webauthn.ES256)
	a.Forge.ClientData = func(b []byte) []byte { return []byte(atTop("challenge", "")(string(b))) }
	r, err := webauthn.ParseAssertion(get(t, a))
	if err != nil {
		t.Fatal(err)
	}
	want := assertionWant()
	want.Challenge = nil
	_, err = webauthn.VerifyAssertion(r, c, want)
	wantCheck(t, err, webauthn.CheckChallenge)
}

func TestTheBackupStateIsThatOfTheFlag(t *testing.T) {
	t.Parallel()
	a := newKey("backup")
	c := registered(t, a, webauthn.ES256)
	for _, state := range []bool{true, false} {
		a.BackupState = state
		result, err := finishAssertion(get(t, a), c, assertionWant())
		if err != nil || result.BackupState != state || !result.BackupEligible || result.BackupEligibleChanged {
			t.Errorf("backup state %v is told as %+v (%v)", state, result, err)
		}
	}
}

func TestARegistrationTellsWhatTheFlagsSay(t *testing.T) {
	t.Parallel()
	for _, up := range []bool{true, false} {
		for _, uv := range []bool{true, false} {
			a := newKey("flags")
			a.UserPresent, a.UserVerified = up, uv
			want := registrationWant()
			want.Conditional = true
			made, err := finishRegistration(create(t, a, webauthn.ES256), want)
			if err != nil || made.UserPresent != up || made.UserVerified != uv || made.Credential.UVInitialized != uv {
				t.Errorf("UP %v and UV %v are told as %+v (%v)", up, uv, made, err)
			}
		}
	}
}

func TestARecordSharesNoMemoryWithItsResponse(t *testing.T) {
	t.Parallel()
	a := newKey("memory")
	a.Attestation = webauthntest.AttestationPackedSelf
	r, err := webauthn.ParseRegistration(create(t, a, webauthn.ES256))
	if err != nil {
		t.Fatal(err)
	}
	made, err := webauthn.VerifyRegistration(r, registrationWant())
	if err != nil {
		t.Fatal(err)
	}
	before := string(marshal(t, made.Credential))
	for _, part := range [][]byte{r.ID, r.ClientDataJSON, r.AttestationObject} {
		clear(part)
	}
	clear(r.Transports)
	if after := string(marshal(t, made.Credential)); after != before {
		t.Errorf("the record changed with the response:\n%s\n%s", before, after)
	}
}

func TestACredentialWithoutAnIDIsRefused(t *testing.T) {
	t.Parallel()
	a := newKey("no ID")
	a.Forge.AuthData = func(b []byte) []byte { // 37 bytes, AAGUID, length, ID
		length := int(b[53])<<8 | int(b[54])
		return append(append(bytes.Clone(b[:53]), 0, 0), b[55+length:]...)
	}
	r, err := webauthn.ParseRegistration(create(t, a, webauthn.ES256))
	if err != nil {
		t.Fatal(err)
	}
	r.ID = nil
	_, err = webauthn.VerifyRegistration(r, registrationWant())
	wantCheck(t, err, webauthn.CheckCredentialID)
}

func TestReadingComesBeforeVerifying(t *testing.T) {
	t.Parallel()
	a := newKey("reading")
	registration := string(create(t, a, webauthn.ES256))
	assertion := string(get(t, a))
	for _, name := range []string{"clientDataJSON", "authenticatorData", "signature"} {
		for _, value := range []any{absent{}, ""} {
			_, err := webauthn.ParseAssertion([]byte(inResponse(name, value)(assertion)))
			wantCheck(t, err, webauthn.CheckEncoding)
		}
	}
	_, err := webauthn.ParseRegistration([]byte(inResponse("attestationObject", absent{})(registration)))
	wantCheck(t, err, webauthn.CheckEncoding)
	for told, want := range map[any]webauthn.Attachment{"platform": webauthn.AttachmentPlatform, "cross-platform": webauthn.AttachmentCrossPlatform, "implant": "", nil: ""} {
		r, err := webauthn.ParseAssertion([]byte(atTop("authenticatorAttachment", told)(assertion)))
		if err != nil || r.Attachment != want {
			t.Errorf("attachment %v is read as %q (%v), want %q", told, r.Attachment, err, want)
		}
	}
}

func TestAChallengeIsFoundInClientDataOrRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]webauthn.Check{
		`{"challenge":"AAAA"}`: "", `{"type":5,"challenge":"AAAA","origin":null}`: "",
		`{"challenge":""}`: webauthn.CheckChallenge, `{}`: webauthn.CheckChallenge, `{"challenge":5}`: webauthn.CheckChallenge, ``: webauthn.CheckChallenge,
	} {
		_, err := (&webauthn.AssertionResponse{ClientDataJSON: []byte(text)}).Challenge()
		wantCheck(t, err, want)
		_, err = (&webauthn.RegistrationResponse{ClientDataJSON: []byte(text)}).Challenge()
		wantCheck(t, err, want)
	}
}

// verifier gives a fixed answer and keeps what it was asked.
type verifier struct {
	asked *webauthn.AttestationStatement
	typ   string
	err   error
}

func (v *verifier) VerifyAttestation(s *webauthn.AttestationStatement) (string, error) {
	v.asked = s
	return v.typ, v.err
}

func TestAttestation(t *testing.T) {
	t.Parallel()
	packed := func(change func(items map[string]any)) func(*webauthntest.Authenticator) {
		return func(a *webauthntest.Authenticator) {
			a.Attestation = webauthntest.AttestationPackedSelf
			var sig []byte
			var d []byte
			a.Forge.AuthData = func(b []byte) []byte { d = b; return b }
			a.Forge.Signature = func(s []byte) []byte { sig = s; return s }
			a.Forge.AttestationObject = func([]byte) []byte {
				items := map[string]any{"alg": -7, "sig": sig}
				change(items)
				var kv []any
				for _, k := range []string{"alg", "sig", "x5c"} {
					if v, ok := items[k]; ok {
						kv = append(kv, k, v)
					}
				}
				return cborMap("fmt", "packed", "attStmt", raw(cborMap(kv...)), "authData", d)
			}
		}
	}
	with := func(v webauthn.AttestationVerifier) func(*webauthn.RegistrationWant) {
		return func(w *webauthn.RegistrationWant) { w.Attestation = v }
	}
	const bad = webauthn.CheckAttestation
	untrusted := &webauthn.Error{Step: "7.1.24", Check: webauthn.CheckTrust}
	for name, c := range map[string]struct {
		check webauthn.Check
		run   func(*testing.T) error
	}{
		"packed self":                          {"", registering(packed(func(map[string]any) {}))},
		"packed of nothing":                    {bad, registering(statement("packed", cborMap()))},
		"packed that is an array":              {bad, registering(statement("packed", raw{0x80}))},
		"none that is an array":                {bad, registering(statement("none", raw{0x80}))},
		"compound, a verifier":                 {"", registering(statement("compound", raw{0x80}), with(&verifier{}))},
		"packed without alg":                   {bad, registering(packed(func(m map[string]any) { delete(m, "alg") }))},
		"packed of another alg":                {bad, registering(packed(func(m map[string]any) { m["alg"] = -257 }))},
		"packed with alg a text":               {bad, registering(packed(func(m map[string]any) { m["alg"] = "-7" }))},
		"packed without sig":                   {bad, registering(packed(func(m map[string]any) { delete(m, "sig") }))},
		"packed with sig a text":               {bad, registering(packed(func(m map[string]any) { m["sig"] = "x" }))},
		"packed with sig empty":                {bad, registering(packed(func(m map[string]any) { m["sig"] = []byte{} }))},
		"packed with a wrong sig":              {bad, registering(packed(func(m map[string]any) { m["sig"] = append(m["sig"].([]byte), 0) }))},
		"packed with certificates":             {bad, registering(packed(func(m map[string]any) { m["x5c"] = raw{0x80} }))},
		"packed with certificates, a verifier": {"", registering(packed(func(m map[string]any) { m["x5c"] = raw{0x80} }), with(&verifier{}))},
		"none that is not empty":               {bad, registering(statement("none", cborMap("x", 1)))},
		"none that is not empty, a verifier":   {bad, registering(statement("none", cborMap("x", 1)), with(&verifier{}))},
		"None is not none":                     {bad, registering(statement("None", cborMap()))},
		"format of 33 bytes":                   {bad, registering(statement("a-format-of-thirty-three-bytes-..", cborMap()), with(&verifier{}))},
		"unknown format":                       {bad, registering(statement("tpm", cborMap()))},
		"unknown format, a verifier":           {"", registering(statement("tpm", cborMap()), with(&verifier{}))},
		"refused by a verifier":                {bad, registering(nothing, with(&verifier{err: errors.New("no")}))},
		"not trusted by a verifier":            {webauthn.CheckTrust, registering(nothing, with(&verifier{err: untrusted}))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantCheck(t, c.run(t), c.check)
		})
	}
}

func TestAVerifierIsToldWhatTheStatementSpeaksAbout(t *testing.T) {
	t.Parallel()
	a := newKey("verifier")
	a.Attestation = webauthntest.AttestationPackedSelf
	v := &verifier{typ: "Basic"}
	want := registrationWant()
	want.Attestation = v
	result, err := finishRegistration(create(t, a, webauthn.ES256), want)
	if err != nil {
		t.Fatal(err)
	}
	c := result.Credential
	statement, err := strict.Whole(v.asked.Statement)
	if err != nil {
		t.Fatal(err)
	}
	sig, _ := statement.Text("sig").Bytes()
	if key, ok := v.asked.Key.(*ecdsa.PublicKey); !ok || !key.Equal(a.Credentials()[0].Key.Public()) || !v.asked.SignedBySelf(sig) || v.asked.SignedBySelf(nil) {
		t.Errorf("key %v is not the credential's", v.asked.Key)
	}
	if result.AttestationType != "Basic" || v.asked.Type != webauthn.AttestationTypeSelf || v.asked.Format != "packed" {
		t.Errorf("type %q, asked %+v", result.AttestationType, v.asked)
	}
	if v.asked.AAGUID != c.AAGUID || !bytes.Equal(v.asked.CredentialID, c.ID) || !bytes.Equal(v.asked.PublicKey, c.PublicKey) ||
		v.asked.Algorithm != c.Algorithm || v.asked.BackupEligible != c.BackupEligible || !bytes.Contains(c.AttestationObject, v.asked.AuthenticatorData) ||
		!bytes.HasPrefix(v.asked.AuthenticatorData, v.asked.RPIDHash) || len(v.asked.RPIDHash) != 32 {
		t.Errorf("asked %+v about %+v", v.asked, c)
	}
}

package webauthn_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"testing"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

// attestationObject forges the attestation object from its authenticator data.
func attestationObject(make func(authData []byte) []byte) func(*webauthntest.Authenticator) {
	return func(a *webauthntest.Authenticator) {
		var authData []byte
		a.Forge.AuthData = func(b []byte) []byte { authData = b; return b }
		a.Forge.AttestationObject = func([]byte) []byte { return make(authData) }
	}
}

func publicKey(make func(key []byte) []byte) func(*webauthntest.Authenticator) {
	return forged(func(f *webauthntest.Forge) { f.PublicKey = make })
}

func authData(change func([]byte) []byte) func(*webauthntest.Authenticator) {
	return forged(func(f *webauthntest.Forge) { f.AuthData = change })
}

func extensions(cbor []byte) func(*webauthntest.Authenticator) {
	return forged(func(f *webauthntest.Forge) { f.Extensions = cbor })
}

var empty = raw{0xa0}

func badCBOR() (all []badInput) {
	object := func(row, name string, make func(authData []byte) []byte) {
		all = append(all, badInput{row, name, webauthn.CheckEncoding, registering(attestationObject(make))})
	}
	items := func(row, name string, kv func(d []byte) []any) {
		object(row, name, func(d []byte) []byte { return cborMap(kv(d)...) })
	}
	stmt := func(row, name string, statement []byte) {
		items(row, name, func(d []byte) []any { return []any{"fmt", "none", "attStmt", raw(statement), "authData", d} })
	}
	whole := func(d []byte) []byte { return cborMap("fmt", "none", "attStmt", empty, "authData", d) }

	object("BI-139", "0 bytes", func([]byte) []byte { return nil })
	object("BI-140", "array", func(d []byte) []byte { return append([]byte{0x83}, whole(d)[1:]...) })
	object("BI-140", "text", func([]byte) []byte { return cbor("none") })
	object("BI-142", "a byte behind", func(d []byte) []byte { return append(whole(d), 0) })
	object("BI-143", "indefinite map", func(d []byte) []byte { return append(append([]byte{0xbf}, whole(d)[1:]...), 0xff) })
	items("BI-145", "indefinite fmt", func(d []byte) []any { return []any{"fmt", raw("\x7f\x64none\xff"), "attStmt", empty, "authData", d} })
	stmt("BI-146", "indefinite x5c", append(append([]byte{0xa1}, cbor("x5c")...), 0x9f, 0xff))
	items("BI-148", "fmt twice", func(d []byte) []any { return []any{"fmt", "none", "fmt", "none", "attStmt", empty, "authData", d} })
	items("BI-149", "authData twice", func(d []byte) []any {
		return []any{"fmt", "none", "attStmt", empty, "authData", d, "authData", []byte{0}}
	})
	for _, tag := range []string{"\xd8\x18\x41\x00", "\xd9\xd9\xf7\xa0", "\xc2\x41\x01"} {
		stmt("BI-154", "tag", append(append([]byte{0xa1}, cbor("x")...), tag...))
	}
	object("BI-154", "tagged as CBOR", func(d []byte) []byte { return append([]byte{0xd9, 0xd9, 0xf7}, whole(d)...) })
	huge := binary.BigEndian.AppendUint64(nil, math.MaxInt64)
	object("BI-155", "huge byte string", func([]byte) []byte {
		return append(append(append([]byte{0xa1}, cbor("authData")...), append([]byte{0x5b}, huge...)...), 1, 2, 3)
	})
	object("BI-157", "map of 2^64-1", func([]byte) []byte { return append([]byte{0xbb}, bytes.Repeat([]byte{0xff}, 8)...) })
	stmt("BI-157", "array of 2^64-1", append(append([]byte{0xa1}, cbor("x")...), append([]byte{0x9b}, bytes.Repeat([]byte{0xff}, 8)...)...))
	stmt("BI-157", "65 items", append(append(append([]byte{0xa1}, cbor("x")...), 0x98, 65), bytes.Repeat([]byte{0}, 65)...))
	for name, text := range map[string]string{
		"in one byte": "\x18\x01", "in two": "\x19\x00\x01", "in four": "\x1a\x00\x00\xff\xff", "in eight": "\x1b\x00\x00\x00\x00\xff\xff\xff\xff",
		"a length": "\x58\x01\x00", "reserved head": "\x1c", "break": "\xff",
	} {
		stmt("BI-158", name, append(append([]byte{0xa1}, cbor("x")...), text...))
	}
	items("BI-164", "fmt not UTF-8", func(d []byte) []any { return []any{"fmt", "\xff", "attStmt", empty, "authData", d} })
	items("BI-166", "undefined", func(d []byte) []any { return []any{"fmt", "none", "attStmt", raw{0xf7}, "authData", d} })
	items("BI-166", "simple(255)", func(d []byte) []any { return []any{"fmt", "none", "attStmt", raw{0xf8, 0xff}, "authData", d} })
	items("BI-167", "attStmt null", func(d []byte) []any { return []any{"fmt", "none", "attStmt", raw{0xf6}, "authData", d} })
	items("BI-170", "integer keys", func(d []byte) []any { return []any{1, "none", 2, d, 3, empty} })
	items("BI-170", "a key of bytes", func(d []byte) []any { return []any{"fmt", "none", "attStmt", empty, "authData", d, []byte("x"), 1} })
	items("BI-170", "no fmt", func(d []byte) []any { return []any{"attStmt", empty, "authData", d} })
	items("BI-170", "no attStmt", func(d []byte) []any { return []any{"fmt", "none", "authData", d} })
	items("BI-170", "no authData", func([]byte) []any { return []any{"fmt", "none", "attStmt", empty} })
	items("BI-170", "authData a text", func(d []byte) []any { return []any{"fmt", "none", "attStmt", empty, "authData", "x"} })
	all = append(all, badInput{"BI-163", "unsorted keys", "", registering(attestationObject(func(d []byte) []byte {
		return cborMap("authData", d, "attStmt", empty, "fmt", "none", "unknown", raw{0x82, 0xf4, 0xf6})
	}))})
	return append(all, badNestedCBOR()...)
}

func badNestedCBOR() []badInput {
	const encoding = webauthn.CheckEncoding
	deep := append(append(append([]byte{0xa1}, cbor("x")...), bytes.Repeat([]byte{0x81}, 100)...), 0)
	deepMap := append(bytes.Repeat([]byte{0xa1, 0x00}, 100), 0x00)
	ed := func(row, name string, cbor []byte) []badInput {
		return []badInput{
			{row, name + " (registration)", encoding, registering(extensions(cbor))},
			{row, name + " (assertion)", encoding, signingIn(extensions(cbor))},
		}
	}
	key := func(row, name string, change func(k []byte) []byte) badInput {
		return badInput{row, name, encoding, registering(publicKey(change))}
	}
	all := []badInput{
		key("BI-151", "alg twice", func(k []byte) []byte { return more(k, 3, -7) }),
		key("BI-152", "crv twice", func(k []byte) []byte { return more(k, -1, 1) }),
		key("BI-160", "float label", func(k []byte) []byte { return more(k, raw("\xf9\x3c\x00"), 1) }),
		key("BI-161", "float alg", func(k []byte) []byte { return bytes.Replace(k, []byte{0x03, 0x26}, []byte{0x03, 0xf9, 0xc7, 0x00}, 1) }),
		key("BI-169", "alg -2^64", func(k []byte) []byte {
			return bytes.Replace(k, []byte{0x03, 0x26}, append([]byte{0x03, 0x3b}, bytes.Repeat([]byte{0xff}, 8)...), 1)
		}),
		key("BI-169", "alg 2^63", func(k []byte) []byte {
			return bytes.Replace(k, []byte{0x03, 0x26}, []byte{0x03, 0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0}, 1)
		}),
	}
	all = append(all, ed("BI-172", "100 lists deep", deep)...)
	all = append(all, ed("BI-172", "100 maps deep", deepMap)...)
	return append(all, ed("BI-173", "extensions a list", []byte{0x80})...)
}

// more adds a pair to an encoded map of less than 23 pairs.
func more(m []byte, key, value any) []byte {
	out := append([]byte{m[0] + 1}, m[1:]...)
	return append(append(out, cbor(key)...), cbor(value)...)
}

func badAuthData() (all []badInput) {
	both := func(rowCreate, rowGet, name string, check webauthn.Check, setup func(*webauthntest.Authenticator)) {
		if rowCreate != "" {
			all = append(all, badInput{rowCreate, name + " (registration)", check, registering(setup)})
		}
		if rowGet != "" {
			all = append(all, badInput{rowGet, name + " (assertion)", check, signingIn(setup)})
		}
	}
	flags := func(set, clear byte) func(*webauthntest.Authenticator) {
		return forged(func(f *webauthntest.Forge) { f.Flags = func(b byte) byte { return b&^clear | set } })
	}
	const encoding = webauthn.CheckEncoding
	for n := range 37 {
		both("BI-175", "BI-176", "short", encoding, authData(func(b []byte) []byte { return b[:n] }))
	}
	for name, id := range map[string]string{"another": "example.org", "of the origin": origin, "empty": "", "upper case": "EXAMPLE.COM"} {
		hash := sha256.Sum256([]byte(id))
		both("BI-178", "BI-178", name, webauthn.CheckRPIDHash, authData(func(b []byte) []byte { return append(hash[:], b[32:]...) }))
	}
	both("BI-178", "BI-178", "31 bytes right", webauthn.CheckRPIDHash, authData(func(b []byte) []byte {
		return append(append(bytes.Clone(b[:31]), b[31]^1), b[32:]...)
	}))
	both("BI-179", "BI-179", "UP clear", webauthn.CheckUserPresent, flags(0, webauthntest.FlagUP))
	both("BI-188", "BI-188", "BS without BE", webauthn.CheckBackupFlags, flags(webauthntest.FlagBS, webauthntest.FlagBE))
	both("BI-190", "BI-191", "reserved flags", "", flags(0x22, 0))
	both("BI-193", "", "AT clear, no data", encoding, func(a *webauthntest.Authenticator) {
		a.Forge.AuthData = func(b []byte) []byte { return append(b[:32:32], b[32]&^webauthntest.FlagAT, 0, 0, 0, 0) }
	})
	both("BI-194", "BI-194", "AT set, no data", encoding, func(a *webauthntest.Authenticator) {
		a.Forge.AuthData = func(b []byte) []byte { return append(b[:32:32], b[32]|webauthntest.FlagAT, 0, 0, 0, 0) }
	})
	both("BI-193", "", "AT clear, data there", encoding, flags(0, webauthntest.FlagAT))
	both("BI-196", "BI-197", "leftover", encoding, authData(func(b []byte) []byte { return append(b, 0) }))
	both("BI-199", "BI-199", "ED set, no map", encoding, flags(webauthntest.FlagED, 0))
	both("BI-200", "BI-200", "ED clear, map there", encoding, authData(func(b []byte) []byte { return append(b, 0xa0) }))
	both("BI-202", "BI-203", "unknown extensions", "", extensions(cborMap("unknown", raw{0xf5}, "credProtect", 2)))
	all = append(all, badInput{"BI-197", "attested data in an assertion", encoding, signingIn(authData(func(b []byte) []byte {
		b[32] |= webauthntest.FlagAT
		return append(append(append(b, make([]byte, 16)...), 0, 1, 7), 0xa0)
	}))})
	return append(all, badUserFlagsAndIDs()...)
}

func badUserFlagsAndIDs() []badInput {
	unverified := func(a *webauthntest.Authenticator) { a.UserVerified = false }
	absentUser := func(a *webauthntest.Authenticator) { a.UserVerified, a.UserPresent = false, false }
	uv := func(v webauthn.UserVerification) func(*webauthn.RegistrationWant) {
		return func(w *webauthn.RegistrationWant) { w.UserVerification = v }
	}
	uvGet := func(v webauthn.UserVerification) func(*webauthn.AssertionWant) {
		return func(w *webauthn.AssertionWant) { w.UserVerification = v }
	}
	conditional := func(w *webauthn.RegistrationWant) {
		w.Conditional, w.UserVerification = true, webauthn.UserVerificationRequired
	}
	id := func(n int) func(*webauthntest.Authenticator) {
		return forged(func(f *webauthntest.Forge) { f.CredentialID = bytes.Repeat([]byte{7}, n) })
	}
	attested := func(change func(b []byte) []byte) func(*testing.T) error {
		return registering(authData(func(b []byte) []byte { return change(b) }))
	}
	const encoding, credentialID = webauthn.CheckEncoding, webauthn.CheckCredentialID
	return []badInput{
		{"BI-181", "UP clear in a conditional creation", "", registering(absentUser, conditional)},
		{"BI-182", "UV clear while required (registration)", webauthn.CheckUserVerified, registering(unverified, uv("required"))},
		{"BI-182", "UV clear while required (assertion)", webauthn.CheckUserVerified, signingIn(unverified, uvGet("required"))},
		{"BI-184", "UV clear while preferred", "", registering(unverified, uv("preferred"))},
		{"BI-185", "UV clear while preferred", "", signingIn(unverified, uvGet("preferred"))},
		{"BI-187", "UV set while discouraged", "", signingIn(func(*webauthntest.Authenticator) {}, uvGet("discouraged"))},
		{"BI-205", "credential ID of no bytes", credentialID, attested(func(b []byte) []byte {
			return append(append(bytes.Clone(b[:53]), 0, 0), b[55+16:]...)
		})},
		{"BI-206", "credential ID of 1,024 bytes", credentialID, registering(id(1024))},
		{"BI-206", "credential ID of 1,023 bytes", "", registering(id(1023))},
		{"BI-206", "length beyond the end", encoding, attested(func(b []byte) []byte { b[53] = 0x7f; return b })},
		{"BI-208", "credential ID is not rawId", credentialID, attested(func(b []byte) []byte { b[55] ^= 1; return b })},
		{"BI-209", "cut inside the AAGUID", encoding, attested(func(b []byte) []byte { return b[:45] })},
		{"BI-209", "cut inside the length", encoding, attested(func(b []byte) []byte { return b[:54] })},
		{"BI-209", "cut inside the key", encoding, attested(func(b []byte) []byte { return b[:len(b)-1] })},
		{"BI-209", "key is not a map", encoding, registering(publicKey(func([]byte) []byte { return []byte{0x80} }))},
	}
}

// badCounters are the rows whose verdict depends on what is stored.
func badCounters() []badInput {
	counters := func(stored, next uint32) func(*testing.T) error {
		return func(t *testing.T) error {
			a := newKey("counter")
			a.Counter = stored
			c := registered(t, a, webauthn.ES256)
			a.Counter = next
			result, err := finishAssertion(get(t, a), c, assertionWant())
			if err == nil && result.CounterRegressed {
				return &webauthn.Error{Step: "7.2.22", Check: webauthn.CheckCounter}
			}
			if err == nil && result.SignCount != next {
				t.Errorf("count = %d, want %d", result.SignCount, next)
			}
			return err
		}
	}
	strict := func(w *webauthn.AssertionWant) { w.StrictBackup = true }
	lost := func(a *webauthntest.Authenticator) { a.BackupEligible, a.BackupState = false, false }
	return []badInput{
		{"BI-214", "BE lost, strict", webauthn.CheckBackupFlags, signingIn(lost, strict)},
		{"BI-214", "BE lost, tolerant", "", signingIn(lost)},
		{"BI-215", "BS flipped under a bad signature", webauthn.CheckSignature, signingIn(func(a *webauthntest.Authenticator) {
			a.BackupState = false
			a.Forge.Signature = func(b []byte) []byte { return append(b[:len(b)-1:len(b)-1], b[len(b)-1]^1) }
		})},
		{"BI-217", "0 then 0", "", counters(0, 0)},
		{"BI-217", "5 then 6", "", counters(5, 6)},
		{"BI-217", "0 then 1", "", counters(0, 1)},
		{"BI-218", "5 then 5", webauthn.CheckCounter, counters(5, 5)},
		{"BI-220", "9 then 5", webauthn.CheckCounter, counters(9, 5)},
		{"BI-220", "9 then 0", webauthn.CheckCounter, counters(9, 0)},
		{"BI-221", "2^32-1 then 0", webauthn.CheckCounter, counters(math.MaxUint32, 0)},
		{"BI-223", "UV at sign-in only", "", func(t *testing.T) error {
			a := newKey("uv later")
			a.UserVerified, a.BackupEligible, a.BackupState = false, false, false
			c := registered(t, a, webauthn.ES256)
			a.UserVerified = true
			result, err := finishAssertion(get(t, a), c, assertionWant())
			if err == nil && (!result.UserVerified || result.UserVerificationReliable || c.UVInitialized) {
				t.Errorf("UV that came later is relied on: %+v", result)
			}
			return err
		}},
	}
}

func TestUserVerificationIsReliedOnOnlyIfTheRecordAllows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                               string
		registeredUV, eligible, uv, relied bool
	}{
		{"registered with UV, verified", true, false, true, true},
		{"synced, verified", false, true, true, true},
		{"bound, UV came later", false, false, true, false},
		{"registered with UV, not verified now", true, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newKey(c.name)
			a.UserVerified, a.BackupEligible, a.BackupState = c.registeredUV, c.eligible, false
			record := registered(t, a, webauthn.ES256)
			a.UserVerified = c.uv
			result, err := finishAssertion(get(t, a), record, assertionWant())
			if err != nil {
				t.Fatal(err)
			}
			if result.UserVerificationReliable != c.relied || result.UserVerified != c.uv {
				t.Errorf("verified %v, relied on %v; want %v, %v", result.UserVerified, result.UserVerificationReliable, c.uv, c.relied)
			}
		})
	}
}

func TestAChangeOfBackupEligibilityIsReported(t *testing.T) {
	t.Parallel()
	for _, eligible := range []bool{true, false} {
		a := newKey("backup")
		a.BackupEligible, a.BackupState = eligible, eligible
		c := registered(t, a, webauthn.ES256)
		a.BackupEligible, a.BackupState = !eligible, !eligible
		result, err := finishAssertion(get(t, a), c, assertionWant())
		if err != nil {
			t.Fatal(err)
		}
		if !result.BackupEligibleChanged || result.BackupEligible == eligible || result.BackupState == eligible {
			t.Errorf("BE %v → %v: %+v", eligible, !eligible, result)
		}
	}
}

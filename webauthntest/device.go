package webauthntest

// NewPlatformBound returns the authenticator of a computer whose passkeys stay
// on it: it verifies its user, counts, and attests by a TPM where it has a CA.
func NewPlatformBound(origin string) *Authenticator {
	a := New(origin)
	a.AAGUID = aaguid(3)
	a.Transports = []string{"internal"}
	a.BackupEligible, a.BackupState = false, false
	a.Counter, a.CounterStep = 1, 1
	return a
}

// NewPhone returns a phone that answers another device over hybrid transport,
// with synced passkeys and a user who is present and verified.
func NewPhone(origin string) *Authenticator {
	a := New(origin)
	a.AAGUID = aaguid(4)
	a.Attachment = "cross-platform"
	return a
}

// NewSecurityKeyWithPIN returns a security key that verifies its user and keeps
// up to 25 discoverable credentials.
func NewSecurityKeyWithPIN(origin string) *Authenticator {
	a := NewSecurityKey(origin)
	a.AAGUID = aaguid(5)
	a.UserVerified, a.Discoverable = true, true
	a.MaxResident = 25
	return a
}

// NewU2FKey returns an old security key that knows nothing but U2F: it has no
// AAGUID and no way to verify its user, and makes keys of ES256 only.
func NewU2FKey(origin string) *Authenticator {
	a := NewSecurityKey(origin)
	a.AAGUID = [16]byte{}
	a.Algorithms = []Algorithm{ES256}
	return a
}

// NewFlipping returns a synced platform authenticator that tells another backup
// eligibility at each sign-in than the time before, as some providers do by
// mistake; it begins with what it told at registration turned round.
func NewFlipping(origin string) *Authenticator {
	a := New(origin)
	a.AAGUID = aaguid(6)
	a.FlipBackup = true
	return a
}

// aaguid is the n-th model of this package.
func aaguid(n byte) [16]byte {
	return [16]byte{0x6d, 0x61, 0x70, 0x61, 0x65, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, n}
}

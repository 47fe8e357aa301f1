package webauthntest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Authenticator is a client and an authenticator in one. Make it with [New], or
// as a literal where every field is to be chosen: a zero field is off.
type Authenticator struct {
	Origin      string // what the client tells, such as "https://example.com" or "android:apk-key-hash:…"
	CrossOrigin bool   // the page is in a frame of another origin
	TopOrigin   string // the origin of the page around it; empty: not told

	Algorithms  []Algorithm // what it can do; nil: all of this package
	AAGUID      [16]byte
	Attachment  string   // "platform" or "cross-platform"; empty: not told
	Transports  []string // told at registration
	Attestation Attestation
	CA          *CA // who made it; needed for every attestation but none and packed self

	Discoverable   bool // makes discoverable credentials, and returns their user handle
	UserPresent    bool
	UserVerified   bool
	BackupEligible bool
	BackupState    bool

	// FlipBackup turns BE and BS round at each assertion.
	FlipBackup bool

	// MaxResident is how many discoverable credentials fit; zero: any number. A
	// full one refuses where a discoverable credential is required, and makes
	// another kind where it is not.
	MaxResident int

	// Counter is the signature counter of the next response, and CounterStep what
	// is added after it. A step of zero leaves the counter where it is.
	Counter     uint32
	CounterStep uint32

	// Reuse is the private key of every credential made, of the algorithm that is
	// asked for; nil: a new one for each.
	Reuse crypto.Signer

	// UserHandle says when Get tells whose the credential is.
	UserHandle UserHandle

	// Rand is where IDs, keys and salts come from; nil: crypto/rand. With a
	// deterministic reader ECDSA signatures are deterministic as well (RFC 6979).
	Rand io.Reader

	Forge Forge

	mu          sync.Mutex
	credentials []*Credential // oldest first
}

// UserHandle says when Get returns a user handle.
type UserHandle int

// The values of UserHandle.
const (
	UserHandleIfDiscoverable UserHandle = iota // as authenticators do
	UserHandleAlways
	UserHandleNever
)

// New returns a platform authenticator with synced passkeys at a page of the
// given origin, and a user who is present and verified. Its counter stays zero.
func New(origin string) *Authenticator {
	return &Authenticator{
		Origin:         origin,
		AAGUID:         aaguid(1),
		Attachment:     "platform",
		Transports:     []string{"hybrid", "internal"},
		Discoverable:   true,
		UserPresent:    true,
		UserVerified:   true,
		BackupEligible: true,
		BackupState:    true,
	}
}

// NewSecurityKey returns a security key without PIN at a page of the given
// origin: it is bound to the device, does not verify its user, makes no
// discoverable credentials, and counts.
func NewSecurityKey(origin string) *Authenticator {
	return &Authenticator{
		Origin:      origin,
		AAGUID:      aaguid(2),
		Attachment:  "cross-platform",
		Transports:  []string{"usb"},
		UserPresent: true,
		Counter:     1,
		CounterStep: 1,
	}
}

// Credential is a public key credential source: what an authenticator keeps.
type Credential struct {
	ID           []byte
	RPID         string
	UserHandle   []byte
	UserName     string
	Algorithm    Algorithm
	Discoverable bool
	Key          crypto.Signer
}

// Credentials returns what the authenticator keeps, oldest first. The slice is
// the caller's; what it points at is not.
func (a *Authenticator) Credentials() []*Credential {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.credentials)
}

// Forget removes the credential with this ID, as a person does in the settings
// of a device, and tells whether there was one.
func (a *Authenticator) Forget(id []byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := len(a.credentials)
	a.credentials = slices.DeleteFunc(a.credentials, func(c *Credential) bool { return bytes.Equal(c.ID, id) })
	return len(a.credentials) < before
}

// Clone returns a second authenticator with the same settings, credentials and
// counter, as somebody would have who copied the device. Give it a Rand of its
// own where it has one: readers are not shared safely.
func (a *Authenticator) Clone() *Authenticator {
	a.mu.Lock()
	defer a.mu.Unlock()
	return &Authenticator{
		Origin: a.Origin, CrossOrigin: a.CrossOrigin, TopOrigin: a.TopOrigin,
		Algorithms: slices.Clone(a.Algorithms), AAGUID: a.AAGUID, Attachment: a.Attachment,
		Transports: slices.Clone(a.Transports), Attestation: a.Attestation, CA: a.CA,
		Discoverable: a.Discoverable, UserPresent: a.UserPresent, UserVerified: a.UserVerified,
		BackupEligible: a.BackupEligible, BackupState: a.BackupState,
		FlipBackup: a.FlipBackup, MaxResident: a.MaxResident, Reuse: a.Reuse,
		Counter: a.Counter, CounterStep: a.CounterStep, UserHandle: a.UserHandle,
		Rand: a.Rand, Forge: a.Forge, credentials: slices.Clone(a.credentials),
	}
}

// Error is a refusal by the client or the authenticator, as a page sees it.
type Error struct {
	Name    string // name of the DOMException, such as "InvalidStateError"
	Message string
}

// Error returns name and message.
func (e *Error) Error() string { return "webauthntest: " + e.Name + ": " + e.Message }

func domError(name, format string, args ...any) error {
	return &Error{Name: name, Message: fmt.Sprintf(format, args...)}
}

// find returns the newest credential for rpID that may be used, or nil: one of
// allowed, or a discoverable one where allowed is empty.
func (a *Authenticator) find(rpID string, allowed [][]byte) *Credential {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range slices.Backward(a.credentials) {
		listed := slices.ContainsFunc(allowed, func(id []byte) bool { return bytes.Equal(id, c.ID) })
		if c.RPID == rpID && (listed || len(allowed) == 0 && c.Discoverable) {
			return c
		}
	}
	return nil
}

// add keeps a credential. A discoverable one replaces that of the same account.
func (a *Authenticator) add(c *Credential) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.credentials = slices.DeleteFunc(a.credentials, func(old *Credential) bool {
		return c.Discoverable && old.Discoverable && old.RPID == c.RPID && bytes.Equal(old.UserHandle, c.UserHandle)
	})
	a.credentials = append(a.credentials, c)
}

// full tells whether no further discoverable credential fits, unless it
// replaces one of the same account.
func (a *Authenticator) full(rpID string, handle []byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	resident, replaces := 0, false
	for _, c := range a.credentials {
		if c.Discoverable {
			resident++
			replaces = replaces || c.RPID == rpID && bytes.Equal(c.UserHandle, handle)
		}
	}
	return a.MaxResident > 0 && resident >= a.MaxResident && !replaces
}

// flip turns BE and BS round where that is asked for.
func (a *Authenticator) flip() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.FlipBackup {
		a.BackupEligible = !a.BackupEligible
		a.BackupState = a.BackupEligible
	}
}

func (a *Authenticator) count() uint32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.Counter
	a.Counter += a.CounterStep
	return n
}

// random fills b. The reader is used by one goroutine at a time.
func (a *Authenticator) random(b []byte) error {
	if a.Rand == nil {
		_, err := rand.Read(b)
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := io.ReadFull(a.Rand, b)
	return err
}

// The flags of authenticator data.
const (
	FlagUP byte = 0x01
	FlagUV byte = 0x04
	FlagBE byte = 0x08
	FlagBS byte = 0x10
	FlagAT byte = 0x40
	FlagED byte = 0x80
)

// authData makes authenticator data; rest is attested credential data or nothing.
func (a *Authenticator) authData(rpID string, flags byte, rest []byte) []byte {
	for flag, on := range map[byte]bool{
		FlagUP: a.UserPresent, FlagUV: a.UserVerified, FlagBE: a.BackupEligible, FlagBS: a.BackupState,
		FlagED: a.Forge.Extensions != nil,
	} {
		if on {
			flags |= flag
		}
	}
	if a.Forge.Flags != nil {
		flags = a.Forge.Flags(flags)
	}
	hash := sha256.Sum256([]byte(orElse(a.Forge.RPID, rpID)))
	out := append(hash[:], flags)
	out = binary.BigEndian.AppendUint32(out, a.count())
	out = append(append(out, rest...), a.Forge.Extensions...)
	return edit(a.Forge.AuthData, out)
}

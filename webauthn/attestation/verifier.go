package attestation

import (
	"crypto/x509"
	"strings"
	"time"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation/mds"
)

// Attestation types (§6.5.4), beside those of package webauthn.
const (
	TypeBasic        = "Basic"
	TypeAttCA        = "AttCA"
	TypeAnonCA       = "AnonCA"
	TypeBasicOrAttCA = "Basic or AttCA" // the statement alone does not tell which
)

// Verifier is a [webauthn.AttestationVerifier]. It may be used by several
// goroutines at once, as long as nobody changes its fields.
type Verifier struct {
	Anchors  []Anchor
	Metadata *mds.Service // nil: none. Its statements bring anchors of their own

	// TPMVendors are the manufacturers that a TPM may tell, as "id:494E5443". Nil:
	// DefaultTPMVendors.
	TPMVendors []string

	// AndroidSoftware also believes what Android itself enforces about a key. Zero:
	// only what secure hardware does (§8.4).
	AndroidSoftware bool

	// InsecureAndroidUntold accepts a key description that tells neither origin nor
	// purpose of the key.
	InsecureAndroidUntold bool

	// InsecureU2FAAGUID accepts a fido-u2f statement with an AAGUID, which such a
	// statement does not sign. The policy takes it for no AAGUID all the same.
	InsecureU2FAAGUID bool

	Policy Policy

	Clock func() time.Time // nil: time.Now
}

// Anchor is a certificate that chains may end at. It may be that of an
// authority, or an attestation certificate itself.
type Anchor struct {
	Certificate *x509.Certificate
	Formats     []string          // statement formats that it is an anchor for; nil: every
	AAGUIDs     []webauthn.AAGUID // models that it is an anchor for; nil: every
}

// Result is what a statement proves.
type Result struct {
	Format string              // of the statement, or of this part of a compound one
	Type   string              // "None", "Self" or one of this package; of a compound statement those of its parts
	Path   []*x509.Certificate // from the attestation certificate to the anchor; nil for none and self
	Entry  *mds.Entry          // what metadata says of the model; nil where it says nothing
	Serial []byte              // of the very device (§8.2.2), where an enterprise attestation tells it
	Parts  []*Result           // of a compound statement; else nil
}

// vouches tells whether somebody else than the client says what the AAGUID is.
func (r *Result) vouches() bool {
	for _, part := range r.Parts {
		if part.vouches() {
			return true
		}
	}
	return len(r.Path) > 0 && r.Format != "fido-u2f"
}

// attests tells whether every part has a path to an anchor.
func (r *Result) attests() bool {
	for _, part := range r.Parts {
		if !part.attests() {
			return false
		}
	}
	return len(r.Path) > 0 || len(r.Parts) > 0
}

// VerifyAttestation makes the steps 7.1.21 to 7.1.24 and returns the
// attestation type. Every refusal is a [webauthn.Error].
func (v *Verifier) VerifyAttestation(s *webauthn.AttestationStatement) (string, error) {
	r, err := v.Verify(s)
	if err != nil {
		return "", err
	}
	return r.Type, nil
}

// Verify does what VerifyAttestation does, and returns all that it found.
func (v *Verifier) Verify(s *webauthn.AttestationStatement) (*Result, error) {
	now := time.Now
	if v.Clock != nil {
		now = v.Clock
	}
	c := &ceremony{Verifier: v, now: now(), blob: v.Metadata.Blob()}
	var r *Result
	var err error
	if s.Format == "compound" {
		r, err = c.compound(s)
	} else {
		r, err = c.single(s)
	}
	if err != nil {
		return nil, err
	}
	if err := c.judge(s, r); err != nil {
		return nil, err
	}
	return r, nil
}

// ceremony is one verification: all of it sees the same time and metadata.
type ceremony struct {
	*Verifier
	now  time.Time
	blob *mds.Blob
}

// proof is what the procedure of a format returns: a type and a path that is
// not trusted yet, the attestation certificate first.
type proof struct {
	kind string
	path []*x509.Certificate
}

// single verifies a statement that is not compound, and its path.
func (c *ceremony) single(s *webauthn.AttestationStatement) (*Result, error) {
	p, err := c.statement(s)
	if err != nil {
		return nil, err
	}
	r := &Result{Format: s.Format, Type: p.kind}
	r.Entry = c.entry(s, p.path)
	if len(p.path) == 0 {
		return r, nil
	}
	if r.Serial, err = readSerial(p.path[0]); err != nil {
		return nil, err
	}
	if r.Path, err = c.trust(s, p.path, r.Entry); err != nil {
		return nil, err
	}
	if p.kind == TypeBasicOrAttCA {
		r.Type = typeOf(r.Entry)
	}
	return r, nil
}

// typeOf is what metadata says where a statement does not.
func typeOf(entry *mds.Entry) string {
	basic, ca := entry.Attests("basic_full"), entry.Attests("attca")
	switch {
	case basic && !ca:
		return TypeBasic
	case ca && !basic:
		return TypeAttCA
	}
	return TypeBasicOrAttCA
}

// statement verifies by the procedure of the format (7.1.21, 7.1.22).
func (c *ceremony) statement(s *webauthn.AttestationStatement) (proof, error) {
	if s.Type != "" { // none, or packed self: verified by package webauthn
		return proof{kind: s.Type}, nil
	}
	m, ok := cbor.Item(s.Statement).Map()
	if !ok {
		return proof{}, refuse("7.1.22", "attStmt is not a map", s.Format)
	}
	switch s.Format {
	case "none":
		return c.none(m)
	case "packed":
		return c.packed(s, m)
	case "tpm":
		return c.tpm(s, m)
	case "android-key":
		return c.androidKey(s, m)
	case "android-safetynet":
		return proof{}, refuse("8.5", s.Format, "another format: this one is retired")
	case "fido-u2f":
		return c.u2f(s, m)
	case "apple":
		return c.apple(s, m)
	}
	return proof{}, refuse("7.1.21", s.Format, "a format that is known")
}

// none follows §8.7; alone it was verified before, but not inside compound.
func (c *ceremony) none(m cbor.Map) (proof, error) {
	if len(m) > 0 {
		return proof{}, refuse("8.7", "members", "an empty attStmt")
	}
	return proof{kind: webauthn.AttestationTypeNone}, nil
}

// compound follows §8.9: each statement must verify and be trusted by itself.
func (c *ceremony) compound(s *webauthn.AttestationStatement) (*Result, error) {
	const step = "8.9"
	list, ok := cbor.Item(s.Statement).Array()
	if !ok || len(list) < 2 {
		return nil, refuse(step, "", "an array of two statements or more")
	}
	r := &Result{Format: s.Format}
	var types []string
	for _, item := range list {
		m, _ := item.Map()
		part := *s
		part.Type, part.Statement = "", m.Text("attStmt")
		if part.Format, ok = m.Text("fmt").Text(); !ok || part.Format == "compound" {
			return nil, refuse(step+" fmt", part.Format, "a format that is not compound")
		}
		inner, err := c.single(&part)
		if err != nil {
			return nil, err
		}
		r.Parts, types = append(r.Parts, inner), append(types, inner.Type)
		if inner.Entry != nil {
			r.Entry = inner.Entry
		}
	}
	r.Type = strings.Join(types, ", ")
	return r, nil
}

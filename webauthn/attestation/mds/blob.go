package mds

import (
	"cmp"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mapae/mapae/webauthn"
)

// Blob is a metadata BLOB that was verified (MetadataBLOBPayload).
type Blob struct {
	Number      int       // "no": higher with each issue
	NextUpdate  time.Time // midnight UTC of the day when the next one is due at the latest
	LegalHeader string
	Entries     []Entry

	byAAGUID map[webauthn.AAGUID]*Entry
	byKey    map[string]*Entry
}

// CheckDue fails with ErrOverdue from the day after the next update on, and
// grace longer.
func (b *Blob) CheckDue(now time.Time, grace time.Duration) error {
	if now.Before(b.NextUpdate.AddDate(0, 0, 1).Add(grace)) {
		return nil
	}
	return fmt.Errorf("%w: it was due on %s", ErrOverdue, b.NextUpdate.Format(time.DateOnly))
}

// ByAAGUID returns the entry of a model, and nil where there is none, for the
// AAGUID of zeros, and for no BLOB.
func (b *Blob) ByAAGUID(id webauthn.AAGUID) *Entry {
	if b == nil {
		return nil
	}
	return b.byAAGUID[id]
}

// ByCertificate returns the entry of the model whose attestation certificates
// have the key of this one (RFC 5280 §4.2.1.2, method 1), or nil.
func (b *Blob) ByCertificate(certificate *x509.Certificate) *Entry {
	if b == nil {
		return nil
	}
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(certificate.RawSubjectPublicKeyInfo, &info); err != nil {
		return nil
	}
	id := sha1.Sum(info.Key.Bytes)
	return b.byKey[string(id[:])]
}

// The payload as it is written; members that nobody here looks at are left out.
type payloadJSON struct {
	LegalHeader string      `json:"legalHeader"`
	No          *int        `json:"no"`
	NextUpdate  string      `json:"nextUpdate"`
	Entries     []entryJSON `json:"entries"`
}

type entryJSON struct {
	AAGUID         string        `json:"aaguid"`
	KeyIdentifiers []string      `json:"attestationCertificateKeyIdentifiers"`
	Statement      statementJSON `json:"metadataStatement"`
	Reports        []reportJSON  `json:"statusReports"`
}

type statementJSON struct {
	Description string   `json:"description"`
	Protocol    string   `json:"protocolFamily"`
	Types       []string `json:"attestationTypes"`
	Roots       []string `json:"attestationRootCertificates"`
}

type reportJSON struct {
	Status           Status `json:"status"`
	Effective        string `json:"effectiveDate"`
	Certificate      string `json:"certificate"`
	BatchCertificate string `json:"batchCertificate"`
	URL              string `json:"url"`
}

// maxEntries bounds the entries of a BLOB; there were some hundreds in 2025.
const maxEntries = 100_000

// readPayload reads a payload whose signature is right.
func readPayload(raw []byte) (*Blob, error) {
	var p payloadJSON
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("%w: payload: %w", ErrFormat, err)
	}
	if p.No == nil || len(p.Entries) > maxEntries {
		return nil, fmt.Errorf("%w: no number, or %d entries", ErrFormat, len(p.Entries))
	}
	due, err := time.Parse(time.DateOnly, p.NextUpdate)
	if err != nil {
		return nil, fmt.Errorf("%w: nextUpdate: %w", ErrFormat, err)
	}
	b := &Blob{
		Number: *p.No, NextUpdate: due, LegalHeader: p.LegalHeader, Entries: make([]Entry, len(p.Entries)),
		byAAGUID: map[webauthn.AAGUID]*Entry{}, byKey: map[string]*Entry{},
	}
	for i := range p.Entries {
		if err := p.Entries[i].read(&b.Entries[i]); err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", ErrFormat, i, err)
		}
		b.index(&b.Entries[i])
	}
	return b, nil
}

// index makes an entry findable. Where a model is there twice, what is said of
// it adds up.
func (b *Blob) index(e *Entry) {
	if e.AAGUID != (webauthn.AAGUID{}) {
		b.byAAGUID[e.AAGUID] = b.byAAGUID[e.AAGUID].and(e)
	}
	for _, id := range e.KeyIdentifiers {
		b.byKey[string(id)] = b.byKey[string(id)].and(e)
	}
}

func (j *entryJSON) read(e *Entry) error {
	e.Description, e.Protocol, e.Types = j.Statement.Description, j.Statement.Protocol, j.Statement.Types
	if j.AAGUID != "" {
		id, err := hex.DecodeString(strings.ReplaceAll(j.AAGUID, "-", ""))
		if err != nil || len(id) != len(e.AAGUID) {
			return fmt.Errorf("aaguid %.40q", j.AAGUID)
		}
		e.AAGUID = webauthn.AAGUID(id)
	}
	for _, text := range j.KeyIdentifiers {
		id, err := hex.DecodeString(text)
		if err != nil || len(id) != sha1.Size {
			return fmt.Errorf("key identifier %.40q", text)
		}
		e.KeyIdentifiers = append(e.KeyIdentifiers, id)
	}
	for _, text := range j.Statement.Roots {
		if certificate, err := x509.ParseCertificate(decodeCertificate(text)); err == nil {
			e.Anchors = append(e.Anchors, certificate)
		} else {
			e.Unreadable++
		}
	}
	for _, r := range j.Reports {
		report := Report{Status: r.Status, URL: r.URL}
		report.Effective, _ = time.Parse(time.DateOnly, r.Effective) // what can't be read is in effect
		// A certificate that can't be read narrows nothing.
		if certificate, err := x509.ParseCertificate(decodeCertificate(cmp.Or(r.Certificate, r.BatchCertificate))); err == nil {
			report.Certificate = certificate.Raw
		}
		e.Reports = append(e.Reports, report)
	}
	return nil
}

// decodeCertificate reads base64 with the line breaks that some makers leave
// in; nil where it is none.
func decodeCertificate(text string) []byte {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil
	}
	return der
}

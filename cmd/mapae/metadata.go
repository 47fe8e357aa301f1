package main

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation/mds"
)

// metadataCommand is mapae metadata.
type metadataCommand struct {
	Show metadataShowCommand `cmd:"" help:"Show what is in a file of FIDO metadata."`
}

// metadataShowCommand is mapae metadata show.
type metadataShowCommand struct {
	File       string   `arg:"" help:"A BLOB as the FIDO Alliance publishes it."`
	Root       []string `env:"-" sep:"none" placeholder:"FILE" help:"Certificates in PEM of which one must stand behind the BLOB. Repeat it for further files."`
	Signer     string   `env:"-" placeholder:"NAME" default:"mds.fidoalliance.org" help:"The name that the signing certificate must have."`
	Unverified bool     `env:"-" help:"Show it without verifying who made it."`
}

// Help is shown below the usage line.
func (*metadataShowCommand) Help() string {
	return `Prints number, next update and models, with the statuses that are reported of each. It asks no network. A BLOB that is not signed by whom it should be, or that is past its next update, is not shown; with --unverified it is.

Examples:

  mapae metadata show blob.jwt --root globalsign-r3.pem
  mapae metadata show blob.jwt --unverified`
}

// Run prints the BLOB on standard output.
func (c *metadataShowCommand) Run(std streams) error {
	if c.Unverified == (len(c.Root) > 0) {
		return mistake{errors.New("give either --root, to verify the BLOB, or --unverified")}
	}
	token, err := os.ReadFile(c.File)
	if err != nil {
		return mistake{err}
	}
	blob, err := c.read(token, time.Now())
	if err != nil {
		return fmt.Errorf("metadata: %s: %w", c.File, err)
	}
	if c.Unverified {
		fmt.Fprintln(std.err, "Not verified: anybody may have written this.")
	}
	return printBlob(std.out, blob)
}

func (c *metadataShowCommand) read(token []byte, now time.Time) (*mds.Blob, error) {
	if c.Unverified {
		return mds.InsecureRead(token)
	}
	trust := mds.Trust{Signer: c.Signer}
	for _, path := range c.Root {
		roots, err := readCertificates(path)
		if err != nil {
			return nil, mistake{err}
		}
		trust.Roots = append(trust.Roots, roots...)
	}
	blob, err := trust.Read(token, now)
	if err == nil {
		err = blob.CheckDue(now, 0)
	}
	return blob, err
}

// readCertificates reads a file of certificates in PEM, of which there must be
// at least one.
func readCertificates(path string) (all []*x509.Certificate, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, certificate)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no certificate in PEM", path)
	}
	return all, nil
}

func printBlob(w io.Writer, blob *mds.Blob) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "number\t%d\n", blob.Number)
	fmt.Fprintf(table, "next update\t%s\n", blob.NextUpdate.Format(time.DateOnly))
	fmt.Fprintf(table, "models\t%d\n", len(blob.Entries))
	fmt.Fprintf(table, "legal header\t%s\n", printable(blob.LegalHeader))
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(table, "MODEL\tPROTOCOL\tANCHORS\tSTATUS\tDESCRIPTION")
	for i := range blob.Entries {
		e := &blob.Entries[i]
		anchors := fmt.Sprint(len(e.Anchors))
		if e.Unreadable > 0 {
			anchors += fmt.Sprintf(" (and %d that can't be read)", e.Unreadable)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", modelOf(e), printable(e.Protocol), anchors, statusesOf(e), printable(e.Description))
	}
	return table.Flush()
}

// modelOf is the AAGUID of a model, or the first of its key identifiers.
func modelOf(e *mds.Entry) string {
	switch {
	case e.AAGUID != (webauthn.AAGUID{}):
		return e.AAGUID.String()
	case len(e.KeyIdentifiers) > 0:
		return hex.EncodeToString(e.KeyIdentifiers[0])
	}
	return "-"
}

// statusesOf lists what is reported, with the day from which on it is so.
func statusesOf(e *mds.Entry) string {
	var all []string
	for _, r := range e.Reports {
		text := printable(string(r.Status))
		if !r.Effective.IsZero() {
			text += " " + r.Effective.Format(time.DateOnly)
		}
		all = append(all, text)
	}
	if all == nil {
		return "-"
	}
	return strings.Join(all, ", ")
}

// printable keeps foreign text from steering the terminal, and on one line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, text)
}

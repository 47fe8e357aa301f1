package attestation

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"github.com/mapae/mapae/internal/cbor"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthn/attestation/mds"
)

// Bounds of x5c: a chain is rarely longer than four, and an RSA key of 65,536
// bits would take a third of a second to verify with.
const (
	maxChain   = 8
	maxRSABits = 8192
)

// readChain reads x5c, the attestation certificate first. Further certificates
// that can't be read are left out: they vouch for nothing.
func readChain(step string, m cbor.Map) ([]*x509.Certificate, error) {
	step += " x5c"
	list, ok := m.Text("x5c").Array()
	if !ok || len(list) == 0 || len(list) > maxChain {
		return nil, refuse(step, "", fmt.Sprint("an array of 1 to ", maxChain, " certificates"))
	}
	var chain []*x509.Certificate
	for i, item := range list {
		der, ok := item.Bytes()
		if !ok {
			return nil, refuse(step, "an entry of another type", "byte strings")
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil && i == 0 {
			return nil, refuseCause(step, err)
		}
		if err != nil {
			continue
		}
		if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSABits {
			return nil, refuse(step, fmt.Sprint("RSA with ", key.N.BitLen(), " bits"), "at most 8192")
		}
		chain = append(chain, certificate)
	}
	return chain, nil
}

// entry returns what metadata says of the model: by its AAGUID, or where it has
// none by the key of its certificate.
func (c *ceremony) entry(s *webauthn.AttestationStatement, path []*x509.Certificate) *mds.Entry {
	if s.Format != "fido-u2f" {
		return c.blob.ByAAGUID(s.AAGUID)
	}
	return c.blob.ByCertificate(path[0])
}

// trust makes steps 7.1.23 and 7.1.24 for a path: it must end at an anchor, or
// begin with one (package x509 takes a certificate among the roots for a path).
// It returns the whole path with the anchor.
func (c *ceremony) trust(s *webauthn.AttestationStatement, path []*x509.Certificate, entry *mds.Entry) ([]*x509.Certificate, error) {
	anchors := c.anchors(s, entry)
	leaf := path[0]
	options := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
		CurrentTime: c.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, a := range anchors {
		options.Roots.AddCert(a)
	}
	expired := false
	for _, certificate := range path {
		options.Intermediates.AddCert(certificate)
		expired = expired || c.now.Before(certificate.NotBefore) || c.now.After(certificate.NotAfter)
	}
	chains, err := withoutSAN(leaf).Verify(options)
	switch {
	case err == nil:
		return append([]*x509.Certificate{leaf}, chains[0][1:]...), nil
	case expired:
		return nil, distrust(ReasonExpired, leaf.Subject.String(), "certificates that are valid now")
	}
	return nil, distrust(ReasonChain, leaf.Issuer.String(), fmt.Sprint("one of ", len(anchors), " anchors"))
}

// anchors returns the anchors for a model. Where metadata knows those of the
// very model, a general one does not do.
func (c *ceremony) anchors(s *webauthn.AttestationStatement, entry *mds.Entry) []*x509.Certificate {
	out := entry.Roots()
	narrow := len(out) > 0
	for _, a := range c.Anchors {
		if a.Formats != nil && !slices.Contains(a.Formats, s.Format) {
			continue
		}
		if a.AAGUIDs == nil && narrow || a.AAGUIDs != nil && !slices.Contains(a.AAGUIDs, s.AAGUID) {
			continue
		}
		out = append(out, a.Certificate)
	}
	return out
}

// oidSAN is the subject alternative name, which is critical in certificates of
// TPMs and holds no name that package x509 knows (§8.3.1).
var oidSAN = asn1.ObjectIdentifier{2, 5, 29, 17}

// withoutSAN returns the certificate with that extension marked as handled.
func withoutSAN(leaf *x509.Certificate) *x509.Certificate {
	handled := *leaf
	handled.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), oidSAN.Equal)
	return &handled
}

// extension returns the value of an extension, and nil where there is none.
func extension(certificate *x509.Certificate, id asn1.ObjectIdentifier) (value []byte, critical bool) {
	for _, e := range certificate.Extensions {
		if e.Id.Equal(id) {
			return e.Value, e.Critical
		}
	}
	return nil, false
}

var (
	oidAAGUID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4} // id-fido-gen-ce-aaguid
	oidSerial = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 2} // id-fido-gen-ce-sernum
)

// checkAAGUID verifies id-fido-gen-ce-aaguid, where it is there (§8.2.1).
func checkAAGUID(step string, leaf *x509.Certificate, aaguid webauthn.AAGUID) error {
	step += " id-fido-gen-ce-aaguid"
	value, critical := extension(leaf, oidAAGUID)
	if value == nil {
		return nil
	}
	if critical {
		return refuse(step, "critical", "an extension that is not")
	}
	inner, err := octets(value)
	if err != nil {
		return refuseCause(step, err)
	}
	if !bytes.Equal(inner, aaguid[:]) {
		return refuse(step, fmt.Sprintf("%x", inner), aaguid.String())
	}
	return nil
}

// readSerial returns id-fido-gen-ce-sernum, which tells the very device (§8.2.2).
func readSerial(leaf *x509.Certificate) ([]byte, error) {
	value, critical := extension(leaf, oidSerial)
	if value == nil {
		return nil, nil
	}
	inner, err := octets(value)
	if err != nil || critical {
		return nil, refuse("8.2.2 id-fido-gen-ce-sernum", "", "an octet string that is not critical")
	}
	return inner, nil
}

// octets reads a DER octet string and nothing behind it.
func octets(der []byte) (value []byte, err error) {
	rest, err := asn1.Unmarshal(der, &value)
	if err == nil && len(rest) > 0 {
		err = errors.New("data after the octet string")
	}
	return value, err
}

// path returns the certificates of a result and of its parts.
func (r *Result) path() []*x509.Certificate {
	out := r.Path
	for _, part := range r.Parts {
		out = append(out[:len(out):len(out)], part.path()...)
	}
	return out
}

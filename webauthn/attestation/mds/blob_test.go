package mds

import (
	"testing"

	"github.com/mapae/mapae/webauthn"
)

// FuzzPayload reads what the right key has signed: it looks for panics, and for
// entries that can't be found.
func FuzzPayload(f *testing.F) {
	f.Add([]byte(`{"no":1,"nextUpdate":"2026-12-01","entries":[{"aaguid":"01020300-0000-0000-0000-000000000000","statusReports":[{"status":"REVOKED","effectiveDate":"2024-01-01"}]}]}`))
	f.Add([]byte(`{"no":1,"nextUpdate":"2026-12-01","entries":[{"attestationCertificateKeyIdentifiers":["0000000000000000000000000000000000000000"],"statusReports":[{"certificate":"AAAA"}]}]}`))
	f.Add([]byte(`{"no":0,"nextUpdate":"2026-12-01","entries":[{"metadataStatement":{"attestationRootCertificates":["MAA="]}},{},null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := readPayload(data)
		if (b == nil) == (err == nil) {
			t.Fatalf("BLOB %v with error %v", b, err)
		}
		if err != nil {
			return
		}
		for i := range b.Entries {
			e := &b.Entries[i]
			if e.AAGUID != (webauthn.AAGUID{}) && b.ByAAGUID(e.AAGUID) == nil {
				t.Errorf("entry %d is not found", i)
			}
			for _, r := range e.Reports {
				r.Concerns(e.Roots())
			}
		}
	})
}

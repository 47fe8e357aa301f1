package attestation_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mapae/mapae/webauthn/attestation"
	"github.com/mapae/mapae/webauthn/attestation/mds"
)

// A company accepts certified keys that stay on their device, and nothing else.
func Example() {
	ca := theCA() // in life: the root behind the FIDO Alliance's signature
	dir, err := os.MkdirTemp("", "mds")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	token, err := ca.SignMetadata([]byte(`{"no":1,"nextUpdate":"2119-01-01","entries":[]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	file := filepath.Join(dir, "blob.jwt")
	if err := os.WriteFile(file, token, 0o600); err != nil {
		fmt.Println(err)
		return
	}

	service := &mds.Service{Trust: mds.Trust{Roots: certificates(ca.Root)}, File: file}
	if err := service.Refresh(context.Background()); err != nil { // again at service.Due()
		fmt.Println(err)
		return
	}
	verifier := &attestation.Verifier{
		Metadata: service,
		Policy:   attestation.Policy{RequiredStatus: []mds.Status{mds.FIDOCertifiedL1, mds.FIDOCertifiedL2}, DeviceBound: true},
	}
	fmt.Println(verifier.Metadata.Blob().Number, verifier.Metadata.Due().Year())
	// Output: 1 2119
}

// Package mds owns FIDO metadata (MDS3): what makers and the FIDO Alliance say
// about models of authenticators, as one signed BLOB.
//
//	service := &mds.Service{Trust: mds.Trust{Roots: roots}, File: "blob.jwt"}
//	err := service.Refresh(ctx)              // now, and again at service.Due()
//	entry := service.Blob().ByAAGUID(aaguid)
//
// [Trust.Read] verifies a BLOB that the caller has; a [Service] keeps the last
// good one and renews it. The file comes first: without a URL nothing is fetched.
//
// A BLOB is believed where its signature is right, its certificate is of the
// wanted name and leads to a root that the caller gave, it is not older than
// the one before, and its next update is not overdue. Whether certificates
// were revoked is not looked up anywhere (no CRL is fetched, no OCSP asked): it
// is known from the lists that the caller brings.
//
// It starts no goroutine and has no root of its own.
package mds

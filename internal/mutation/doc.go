// Package mutation owns the proof that each check of the verifier is tested:
// patches that each take one check away (or bend it), below testdata/mutations
// of the package that they change, and a test that applies them one at a time
// and expects that package's own tests to fail. It never changes a file of the
// repository: go test is given an overlay.
//
// A patch is a unified diff against the root of the repository. Where nothing
// can fail for it, its first line is "Survives: " and why.
//
//	go test ./internal/mutation                       # all patches apply; some are run
//	MAPAE_MUTATIONS=all go test -timeout 2h ./internal/mutation
package mutation

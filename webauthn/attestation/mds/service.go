package mds

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultSigner is the name in the certificate of the FIDO Alliance.
const DefaultSigner = "mds.fidoalliance.org"

// Trust says whose BLOBs are believed.
type Trust struct {
	Roots  []*x509.Certificate // what the BLOB's certificate must lead to
	Signer string              // DNS name in that certificate; empty: DefaultSigner

	// CRLs are revocation lists that the caller has. None is ever fetched, and one
	// that is not by the issuer of a certificate says nothing.
	CRLs []*x509.RevocationList
}

// Read verifies a BLOB: a compact JWS of at most 64 MiB, surrounding white
// space left out. It fails with ErrFormat, ErrSignature, ErrChain, ErrSigner or
// ErrRevoked; whether the BLOB is overdue is the caller's to judge.
func (t *Trust) Read(token []byte, now time.Time) (*Blob, error) {
	payload, err := t.openJWS(token, now)
	if err != nil {
		return nil, err
	}
	return readPayload(payload)
}

// InsecureRead reads a BLOB without verifying who made it, to look into it. It
// fails with ErrFormat.
func InsecureRead(token []byte) (*Blob, error) {
	j, err := splitJWS(token)
	if err != nil {
		return nil, err
	}
	return readPayload(j.payload)
}

// Service keeps the last good BLOB. Its methods may be called by several
// goroutines at once, also on nil; its fields must not be changed meanwhile.
type Service struct {
	Trust  Trust
	File   string       // read first, and written after a fetch; empty: none
	URL    string       // fetched where the file is absent or due; empty: never
	Client *http.Client // nil: one that gives up after a minute

	// Grace is how long after its next update a BLOB is still read. Zero: it is
	// refused from that day on.
	Grace time.Duration

	Clock func() time.Time // nil: time.Now

	refreshing sync.Mutex
	current    atomic.Pointer[Blob]
}

// fetchTimeout bounds a fetch by the default client.
const fetchTimeout = time.Minute

// Blob returns the last good BLOB; nil before the first, and for no service.
func (s *Service) Blob() *Blob {
	if s == nil {
		return nil
	}
	return s.current.Load()
}

// Due returns when to call Refresh again: at the next update of the BLOB in
// use; the zero time where there is none.
func (s *Service) Due() time.Time {
	if b := s.Blob(); b != nil {
		return b.NextUpdate
	}
	return time.Time{}
}

func (s *Service) now() time.Time {
	if s.Clock == nil {
		return time.Now()
	}
	return s.Clock()
}

// Refresh reads the file, and where what is then in use is missing or due, it
// fetches the URL and writes the file. Whatever fails, the last good BLOB stays
// in use, and the error says what is wrong: those of Read, ErrRollback,
// ErrOverdue, or of the file and the network. Call it at the start, at Due, and
// some hours after a failure.
func (s *Service) Refresh(ctx context.Context) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	var failed error
	if s.File != "" {
		failed = s.readFile()
	}
	b := s.Blob()
	if s.URL == "" {
		if failed == nil && b == nil {
			failed = errors.New("mds: neither File nor URL is set")
		}
		return failed
	}
	if b != nil && s.now().Before(b.NextUpdate) {
		return failed
	}
	token, err := s.fetch(ctx)
	if err == nil {
		err = s.take(token)
	}
	if err != nil {
		return fmt.Errorf("mds: refresh from %s: %w", s.URL, errors.Join(err, failed))
	}
	if s.File == "" {
		return nil
	}
	return replaceFile(s.File, token)
}

// readFile takes the BLOB of the file; that it is absent is no mistake where
// it can be fetched.
func (s *Service) readFile() error {
	f, err := os.Open(s.File)
	if errors.Is(err, fs.ErrNotExist) && s.URL != "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mds: %w", err)
	}
	defer f.Close()
	token, err := readBounded(f)
	if err == nil {
		err = s.take(token)
	}
	if err != nil {
		return fmt.Errorf("mds: %s: %w", s.File, err)
	}
	return nil
}

// take verifies a BLOB and puts it into use unless it is older than the one in
// use, or overdue.
func (s *Service) take(token []byte) error {
	now := s.now()
	b, err := s.Trust.Read(token, now)
	if err != nil {
		return err
	}
	if last := s.Blob(); last != nil && b.Number < last.Number {
		return fmt.Errorf("%w: %d after %d", ErrRollback, b.Number, last.Number)
	}
	if err := b.CheckDue(now, s.Grace); err != nil {
		return err
	}
	s.current.Store(b)
	return nil
}

func (s *Service) fetch(ctx context.Context) ([]byte, error) {
	client := s.Client
	if client == nil {
		client = &http.Client{Timeout: fetchTimeout}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", response.Status)
	}
	return readBounded(response.Body)
}

// readBounded reads one byte more than a BLOB may have at most; Read says so.
func readBounded(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, maxBlob+1)) }

// replaceFile writes a file whole or not at all.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".mds-*")
	if err != nil {
		return fmt.Errorf("mds: keep the BLOB: %w", err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("mds: keep the BLOB: %w", err)
	}
	return nil
}

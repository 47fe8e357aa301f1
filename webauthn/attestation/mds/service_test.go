package mds_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mapae/mapae/webauthn/attestation/mds"
)

// bench is a service with a file, an address and a clock that the test sets.
type bench struct {
	*mds.Service
	now     time.Time
	asked   atomic.Int32 // how often the address was
	publish atomic.Pointer[[]byte]
}

func newBench(t *testing.T, file, url bool) *bench {
	t.Helper()
	b := &bench{now: today}
	b.Service = &mds.Service{Trust: trust(newCA(t, "mds")), Clock: func() time.Time { return b.now }}
	if file {
		b.File = filepath.Join(t.TempDir(), "blob.jwt")
	}
	if url {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.asked.Add(1)
			if p := b.publish.Load(); p != nil {
				w.Write(*p)
			} else {
				http.Error(w, "nothing here", http.StatusNotFound)
			}
		}))
		t.Cleanup(server.Close)
		b.URL = server.URL
	}
	return b
}

// token is a BLOB of the right signer.
func token(t *testing.T, no int, nextUpdate string) []byte {
	t.Helper()
	return sign(t, newCA(t, "mds"), payload(no, nextUpdate))
}

func (b *bench) write(t *testing.T, token []byte) {
	t.Helper()
	if err := os.WriteFile(b.File, token, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) offer(token []byte) { b.publish.Store(&token) }

// refresh demands an outcome, and what BLOB is then in use.
func (b *bench) refresh(t *testing.T, want error, number int) {
	t.Helper()
	if err := b.Refresh(context.Background()); !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("refresh: %v, want %v", err, want)
	}
	if got := b.Blob(); number == 0 && got != nil || number != 0 && (got == nil || got.Number != number) {
		t.Errorf("BLOB %+v is in use, want number %d", got, number)
	}
}

func TestTheFileComesFirstAndNothingIsFetchedBeforeItIsDue(t *testing.T) {
	t.Parallel()
	b := newBench(t, true, true)
	b.write(t, token(t, 5, "2026-12-01"))
	b.offer(token(t, 6, "2027-01-01"))
	b.refresh(t, nil, 5)
	if b.asked.Load() != 0 || !b.Due().Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("asked %d times, due at %v", b.asked.Load(), b.Due())
	}
	b.now = b.Due()
	b.refresh(t, nil, 6)
	// What was fetched is in the file, for the next start.
	again := newBench(t, false, false)
	again.File, again.now = b.File, b.now
	again.refresh(t, nil, 6)
}

func TestWithoutAFileItIsFetched(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, true)
	b.offer(token(t, 5, "2026-12-01"))
	b.refresh(t, nil, 5)
	b.refresh(t, nil, 5)
	if b.asked.Load() != 1 {
		t.Errorf("asked %d times", b.asked.Load())
	}
}

func TestAFileThatIsNotThereYetIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t, true, true)
	b.offer(token(t, 5, "2026-12-01"))
	b.refresh(t, nil, 5)
	if info, err := os.Stat(b.File); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v", info, err)
	}
}

// TestRollback is the row BI-326 of bad-inputs.tsv: the last good BLOB is kept,
// and the operator is told.
func TestRollback(t *testing.T) {
	t.Parallel()
	b := newBench(t, true, false)
	b.write(t, token(t, 5, "2026-12-01"))
	b.refresh(t, nil, 5)
	b.write(t, token(t, 4, "2027-12-01"))
	b.refresh(t, mds.ErrRollback, 5)
	b.write(t, token(t, 5, "2026-12-01"))
	b.refresh(t, nil, 5)
	b.write(t, token(t, 6, "2026-12-01"))
	b.refresh(t, nil, 6)
}

// TestOverdue is the other half of the row BI-326.
func TestOverdue(t *testing.T) {
	t.Parallel()
	b := newBench(t, true, false)
	b.write(t, token(t, 5, "2026-11-21"))
	b.refresh(t, nil, 5) // due today

	b.now = today.AddDate(0, 0, 1)
	b.refresh(t, mds.ErrOverdue, 5) // the last good one is kept, and the alarm is given
	b.Grace = 24 * time.Hour
	b.refresh(t, nil, 5)

	late := newBench(t, true, false)
	late.write(t, token(t, 5, "2026-11-20"))
	late.refresh(t, mds.ErrOverdue, 0)
}

func TestFailuresOfTheAddressAreTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer []byte
		want   error
		says   string
	}{
		"not there":            {nil, nil, "404"},
		"not a BLOB":           {[]byte("<html>"), mds.ErrFormat, "can't be read"},
		"of another authority": {sign(t, newCA(t, "other"), payload(9, "2027-01-01")), mds.ErrChain, "no root"},
		"older":                {token(t, 4, "2027-01-01"), mds.ErrRollback, "4 after 5"},
		"too long":             {make([]byte, 64<<20+1), mds.ErrFormat, "more than"},
	} {
		b := newBench(t, false, true)
		b.offer(token(t, 5, "2026-12-01"))
		b.refresh(t, nil, 5)
		b.now = b.Due()
		if b.publish.Store(nil); c.answer != nil {
			b.offer(c.answer)
		}
		err := b.Refresh(context.Background())
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if b.Blob().Number != 5 {
			t.Errorf("%s: BLOB %d is in use", name, b.Blob().Number)
		}
	}
}

func TestFailuresOfTheFileAreTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, true, false)
	b.refresh(t, os.ErrNotExist, 0)
	b.write(t, []byte("nonsense"))
	b.refresh(t, mds.ErrFormat, 0)
	b.File = filepath.Dir(b.File)
	if err := b.Refresh(context.Background()); err == nil {
		t.Error("a folder was read")
	}
	b.File = ""
	if err := b.Refresh(context.Background()); err == nil {
		t.Error("nothing is set, and that is fine")
	}
}

func TestAFileThatCanNotBeWrittenIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, true)
	b.File = filepath.Join(t.TempDir(), "missing", "blob.jwt")
	b.offer(token(t, 5, "2026-12-01"))
	b.refresh(t, os.ErrNotExist, 5)
}

func TestABadFileIsMendedByTheAddress(t *testing.T) {
	t.Parallel()
	b := newBench(t, true, true)
	b.write(t, []byte("nonsense"))
	b.offer(token(t, 5, "2026-12-01"))
	b.refresh(t, nil, 5)
	b.refresh(t, nil, 5)
}

func TestAFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "ey")
		w.(http.Flusher).Flush()
		<-stop
	}))
	defer server.Close()
	defer close(stop)
	b := newBench(t, false, false)
	b.URL, b.Client = server.URL, server.Client()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := b.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	b.URL = "http://\x7f"
	if err := b.Refresh(context.Background()); err == nil {
		t.Error("an address that is none")
	}
}

func TestNoServiceHasNoBlob(t *testing.T) {
	t.Parallel()
	var none *mds.Service
	if none.Blob() != nil || !none.Due().IsZero() || !(&mds.Service{}).Due().IsZero() {
		t.Error("a BLOB out of nothing")
	}
	now := &mds.Service{Trust: trust(newCA(t, "mds")), File: filepath.Join(t.TempDir(), "blob.jwt")}
	if err := os.WriteFile(now.File, token(t, 1, time.Now().AddDate(0, 0, 1).Format(time.DateOnly)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := now.Refresh(context.Background()); err != nil {
		t.Errorf("without a clock: %v", err)
	}
}

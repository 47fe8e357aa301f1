package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// until returns a deadline of a second from now.
func until(parent context.Context) *deadline {
	return &deadline{parent: parent, at: time.Now().Add(time.Second)}
}

func TestARequestEndsAtItsDeadlineWhoeverWaits(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(*deadline){
		"itself":            func(d *deadline) { <-d.Done() },
		"a child":           func(d *deadline) { ctx, end := context.WithCancel(d); defer end(); <-ctx.Done() },
		"a child with more": func(d *deadline) { ctx, end := context.WithTimeout(d, time.Hour); defer end(); <-ctx.Done() },
		"nobody":            func(*deadline) { time.Sleep(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, start := until(t.Context()), time.Now()
				if at, ok := d.Deadline(); !ok || !at.Equal(start.Add(time.Second)) || d.Err() != nil {
					t.Errorf("begins with %v, %v, %v", at, ok, d.Err())
				}
				wait(d)
				if took := time.Since(start); took != time.Second || !errors.Is(d.Err(), context.DeadlineExceeded) {
					t.Errorf("after %v: %v", took, d.Err())
				}
				<-d.Done()
				d.end()
				if err := d.Err(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("at its end: %v", err)
				}
			})
		})
	}
}

func TestARequestEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	for name, waits := range map[string]bool{"somebody waits": true, "nobody waits": false} {
		parent, leave := context.WithTimeout(t.Context(), time.Minute)
		d := &deadline{parent: parent, at: time.Now().Add(time.Hour)}
		if at, _ := d.Deadline(); !at.Before(d.at) {
			t.Errorf("%s: the parent's deadline is not heard of: %v", name, at)
		}
		if waits {
			d.Done()
		}
		leave()
		if waits {
			<-d.Done()
		}
		if err := d.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatARequestEndedWithStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, leave := context.WithCancel(t.Context())
		defer leave()
		d := until(parent)
		time.Sleep(time.Second)
		for range 2 {
			if err := d.Err(); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			leave()
		}
		<-d.Done()
	})
}

func TestWhoWaitsForARequestThatIsOverIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, start := until(t.Context()), time.Now()
		d.end()
		if err := d.Err(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		child, leave := context.WithCancel(d)
		defer leave()
		<-child.Done()
		if took := time.Since(start); took != 0 || !errors.Is(d.Err(), context.Canceled) {
			t.Errorf("after %v: %v", took, d.Err())
		}
	})
}

func TestTheEndOfARequestIsToldToWhoWaits(t *testing.T) {
	t.Parallel()
	d := until(t.Context())
	child, leave := context.WithCancel(d)
	defer leave()
	d.end()
	<-child.Done()
	if !errors.Is(d.Err(), context.Canceled) || !errors.Is(child.Err(), context.Canceled) {
		t.Errorf("%v, %v", d.Err(), child.Err())
	}
}

func TestARequestThatWaitsInVainIsAnsweredBeforeTheServerCutsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newWorld(t).site
		rec, start := httptest.NewRecorder(), time.Now()
		s.exchange(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), func(_ http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		})
		if took := time.Since(start); took != requestTimeout || rec.Code != http.StatusInternalServerError {
			t.Errorf("%d after %v", rec.Code, took)
		}
	})
}

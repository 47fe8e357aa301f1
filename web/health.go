package web

import (
	"context"
	"io"
	"net/http"
	"time"
)

// readyTimeout is how long the store may take to answer that it is there.
const readyTimeout = 2 * time.Second

// healthy answers ok while the process serves.
func (s *Site) healthy(w http.ResponseWriter, _ *http.Request) error {
	return say(w, http.StatusOK, "ok\n")
}

// ready answers ok while the store can be read.
func (s *Site) ready(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.auth.Ready(ctx); err != nil {
		on(r).err = err
		return say(w, http.StatusServiceUnavailable, "unavailable\n")
	}
	return say(w, http.StatusOK, "ok\n")
}

func say(w http.ResponseWriter, status int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the client is gone where it fails
	return nil
}

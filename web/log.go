package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mapae/mapae"
)

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int // 0: nothing written yet
}

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 && status >= 200 {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	return rec.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// exchange answers r by handle, with an exchange in its context, the security
// headers, and one line in the log.
func (s *Site) exchange(w http.ResponseWriter, r *http.Request, handle handler) {
	start := time.Now()
	ex := s.newExchange(r)
	rec := &recorder{ResponseWriter: w}
	limit := &deadline{parent: r.Context(), at: start.Add(requestTimeout)}
	defer limit.end()
	ex.Context = limit
	r = r.WithContext(ex)
	ex.setHeaders(w.Header())
	if len(r.TransferEncoding) > 0 && r.ProtoMajor == 1 {
		// A Content-Length beside it is no longer to be seen here. What a proxy
		// in front may take for a second request is never read.
		w.Header().Set("Connection", "close")
	}
	defer func() { s.logRequest(r, ex, rec.status, time.Since(start)) }()
	defer func() {
		if p := recover(); p != nil {
			s.panicked(rec, r, p)
		}
	}()
	if err := handle(rec, r); err != nil {
		s.fail(rec, r, err)
	}
}

// panicked answers for a handler that panicked. Where the answer had begun the
// connection is cut, so that nobody takes half of it for the whole.
func (s *Site) panicked(rec *recorder, r *http.Request, p any) {
	s.log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request_id", on(r).id),
		slog.String("panic", cut(fmt.Sprint(p))), slog.String("stack", string(debug.Stack())))
	if rec.status != 0 || p == http.ErrAbortHandler {
		panic(http.ErrAbortHandler)
	}
	s.fail(rec, r, &mapae.Error{Code: mapae.CodeInternal, Err: fmt.Errorf("panic: %v", p)})
}

// logRequest writes the one line of a request, and tells Config.Observe. The
// path is the route's pattern: paths and queries that people typed stay out of
// logs.
func (s *Site) logRequest(r *http.Request, ex *exchange, status int, took time.Duration) {
	if s.cfg.Observe != nil {
		s.cfg.Observe(r.Method, ex.route, status, took)
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	line := slog.NewRecord(time.Now(), level, "request", 0) // no line of code: it would always be this one
	line.AddAttrs(
		slog.String("method", cut(r.Method)), slog.String("route", ex.route), slog.Int("status", status),
		slog.Duration("duration", took), slog.String("request_id", ex.id), slog.String("address", ex.client.Address),
	)
	if ex.err != nil {
		line.AddAttrs(slog.String("error", string(codeOf(ex.err))), slog.String("cause", cut(ex.err.Error())))
	}
	_ = s.log.Handler().Handle(r.Context(), line) // as slog.Logger does
}

// maxField is how many bytes of a field that a client wrote are logged.
const maxField = 256

// cut shortens text to maxField bytes of valid UTF-8. Handlers of slog escape
// line breaks and control characters.
func cut(text string) string {
	if len(text) > maxField {
		end := maxField
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

package web

import (
	"log/slog"
	"net/http"
	"time"
)

// Server returns a server for h (nil: the site itself) at the TCP address
// addr, with bounds on what slow and broken clients can hold: 3 s for a
// request's head of at most 16 KiB, 10 s for all of it, 15 s for the answer,
// 60 s without a request. The caller starts it and shuts it down.
func (s *Site) Server(addr string, h http.Handler) *http.Server {
	if h == nil {
		h = s
	}
	return &http.Server{
		Addr: addr, Handler: h,
		ReadHeaderTimeout: 3 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: 60 * time.Second,
		MaxHeaderBytes: 16<<10 - 4<<10, // net/http reads 4 KiB more than it is told
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

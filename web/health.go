package web

import (
	"context"
	"io"
	"net/http"
	"time"
)

// readyTimeout is how long the store may take to answer that it is there.
const readyTimeout = 2 * time.Second

// inquiryHeader asks how a request arrives; its value is what
// mapae.Auth.SealInquiry returns.
const inquiryHeader = "Mapae-Inquiry"

// healthy answers ok while the process serves, and an operator's inquiry with
// how it arrived. An inquiry that does not open is none.
func (s *Site) healthy(w http.ResponseWriter, r *http.Request) error {
	if text := r.Header.Get(inquiryHeader); text != "" && s.auth.OpenInquiry(text) == nil {
		return answer(w, s.arrivalOf(r))
	}
	return say(w, http.StatusOK, "ok\n")
}

// Arrival is how a request reaches a server, behind whatever stands in front:
// the answer of GET /healthz to a Mapae-Inquiry.
type Arrival struct {
	Host           string   `json:"host"`            // the Host header
	TLS            bool     `json:"tls"`             // the server itself was asked by https
	Peer           string   `json:"peer"`            // who the connection is from: address and port
	Client         string   `json:"client"`          // whose request it is taken for, see Config.TrustedProxies; empty: nobody's
	ForwardedFor   []string `json:"forwarded_for"`   // X-Forwarded-For
	ForwardedHost  string   `json:"forwarded_host"`  // X-Forwarded-Host
	ForwardedProto string   `json:"forwarded_proto"` // X-Forwarded-Proto
	TrustedProxies []string `json:"trusted_proxies"` // Config.TrustedProxies
	Now            string   `json:"now"`             // the server's clock: ISO 8601, UTC, milliseconds
}

func (s *Site) arrivalOf(r *http.Request) Arrival {
	a := Arrival{
		Host: r.Host, TLS: r.TLS != nil, Peer: r.RemoteAddr, Client: on(r).client.Address,
		ForwardedFor: append([]string{}, r.Header.Values("X-Forwarded-For")...), ForwardedHost: r.Header.Get("X-Forwarded-Host"), ForwardedProto: r.Header.Get("X-Forwarded-Proto"),
		TrustedProxies: []string{}, Now: stamp(s.now()),
	}
	for _, network := range s.cfg.TrustedProxies {
		a.TrustedProxies = append(a.TrustedProxies, network.String())
	}
	return a
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

package web

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
)

// statuses is the HTTP status of each code.
var statuses = map[mapae.Code]int{
	mapae.CodeBadRequest:           http.StatusBadRequest,
	mapae.CodeCeremonyInvalid:      http.StatusBadRequest,
	mapae.CodeRegistrationRejected: http.StatusBadRequest,
	mapae.CodeLastFactor:           http.StatusBadRequest,
	mapae.CodeUnauthenticated:      http.StatusUnauthorized,
	mapae.CodeAuthenticationFailed: http.StatusUnauthorized,
	mapae.CodeSecondFactorRequired: http.StatusUnauthorized,
	mapae.CodePasskeyUnknown:       http.StatusUnauthorized,
	mapae.CodeOriginRejected:       http.StatusForbidden,
	mapae.CodeStepUpRequired:       http.StatusForbidden,
	mapae.CodeForbidden:            http.StatusForbidden,
	mapae.CodeFrozen:               http.StatusForbidden,
	mapae.CodeNotFound:             http.StatusNotFound,
	mapae.CodeMethodNotAllowed:     http.StatusMethodNotAllowed,
	mapae.CodeCredentialExists:     http.StatusConflict,
	mapae.CodeLoginTaken:           http.StatusConflict,
	mapae.CodeLimitReached:         http.StatusConflict,
	mapae.CodeConflict:             http.StatusConflict,
	mapae.CodeBodyTooLarge:         http.StatusRequestEntityTooLarge,
	mapae.CodeUnsupportedMediaType: http.StatusUnsupportedMediaType,
	mapae.CodeRateLimited:          http.StatusTooManyRequests,
	mapae.CodeInternal:             http.StatusInternalServerError,
	mapae.CodeUnavailable:          http.StatusServiceUnavailable,
}

// statusError answers err with a status of its own.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// problem is an error as clients see it: a problem detail (RFC 9457) with the
// members of the JSON API beside its own.
type problem struct {
	Type       string     `json:"type"`
	Title      string     `json:"title"` // of the status, in English
	Status     int        `json:"status"`
	Detail     string     `json:"detail"`   // the sentence for people, in their language
	Instance   string     `json:"instance"` // names the request
	Success    bool       `json:"success"`
	Code       mapae.Code `json:"code"`
	Message    string     `json:"message"` // as Detail
	Field      string     `json:"field,omitempty"`
	Reason     string     `json:"reason,omitempty"`      // what is wrong with Field; or the check that a new passkey failed, for who is signed in
	RetryAfter int        `json:"retry_after,omitempty"` // seconds
	RequestID  string     `json:"request_id"`

	Signals *signalsJSON `json:"signals,omitempty"` // with passkey_unknown

	*secondStepJSON // with second_factor_required
}

// codeOf is the code that err is answered with. What is no Error of ours is
// internal.
func codeOf(err error) mapae.Code {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return mapae.CodeBodyTooLarge
	}
	var known *mapae.Error
	if errors.As(err, &known) && statuses[known.Code] != 0 {
		return known.Code
	}
	return mapae.CodeInternal
}

// newProblem is err as the client of r sees it: never its cause.
func (s *Site) newProblem(r *http.Request, err error) problem {
	code := codeOf(err)
	p := problem{Type: "about:blank", Status: statuses[code], Code: code, RequestID: on(r).id, Instance: "urn:mapae:request:" + on(r).id}
	var own *statusError
	if errors.As(err, &own) {
		p.Status = own.status
	}
	var known *mapae.Error
	if errors.As(err, &known) && known.Code == code {
		p.Field = known.Field
		p.RetryAfter = int(math.Ceil(known.RetryAfter.Seconds()))
	}
	var check *webauthn.Error
	if code == mapae.CodeRegistrationRejected && on(r).current != nil && errors.As(err, &check) {
		p.Reason = string(check.Check)
	}
	var unknown *unknownError
	if errors.As(err, &unknown) {
		p.Signals = s.signalUnknown(unknown.id)
	}
	var due *secondStepError
	if errors.As(err, &due) {
		p.secondStepJSON = due.show()
	}
	p.Title = http.StatusText(p.Status)
	p.Detail = s.text(r, "error."+string(code))
	if code == mapae.CodeBadRequest && known != nil && known.Field != "" {
		p.Reason = string(known.Flaw)
		p.Detail = s.pages.locales.reader(r).fault(known)
	}
	p.Message = p.Detail
	return p
}

// fail answers r with err: a page to who reads pages, else problem+json. Where
// the answer has begun it only keeps err for the log.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
	on(r).err = err
	if rec, ok := w.(*recorder); ok && rec.status != 0 {
		return
	}
	p := s.newProblem(r, err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized && on(r).client.App {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if again := on(r).again; again != nil && (p.Status < http.StatusInternalServerError || p.Field == "provider") && s.wantsPage(r) {
		again(w, p)
		return
	}
	if s.wantsPage(r) {
		s.pages.render(w, r, p.Status, "error", errorData{Status: p.Status, Title: s.text(r, errorTitle(p.Status)), Sentence: s.sentence(r, p, "error."+string(p.Code))})
		return
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers: can't be
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client is gone where it fails
}

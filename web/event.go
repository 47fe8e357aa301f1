package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/strictjson"
)

// Bounds of a page of events.
const (
	usualEvents = 50
	maxEvents   = 200
	eventIDSize = 16
)

// eventJSON is one thing that happened to the user's account.
type eventJSON struct {
	ID         string           `json:"id"`
	At         string           `json:"at"`
	Type       mapae.EventType  `json:"type"`
	Method     mapae.MethodName `json:"method,omitempty"`
	Credential string           `json:"credential,omitempty"` // ID of the passkey, base64url
	Reason     string           `json:"reason,omitempty"`     // why it failed
	SessionID  string           `json:"session_id,omitempty"`
	Address    string           `json:"address"`
	UserAgent  string           `json:"user_agent"`
	RequestID  string           `json:"request_id"`
	App        bool             `json:"app"`
}

func showEvent(e mapae.Event) eventJSON {
	return eventJSON{e.ID.String(), stamp(e.At), e.Type, e.Method, encode64(e.Credential), e.Reason, e.SessionID.String(), e.Address, e.UserAgent, e.RequestID, e.App}
}

// pageOfEvents are those that the query asks for, and how many it asks for.
func (s *Site) pageOfEvents(r *http.Request) (list []mapae.Event, limit int, err error) {
	before, limit, err := readPage(r)
	if err != nil {
		return nil, 0, err
	}
	list, err = s.auth.Events(r.Context(), *on(r).current, before, limit)
	return list, limit, err
}

// events answers what happened to the user's account, newest first: ?limit= of
// them (at most 200), ?before= the event with that ID. What comes next is before
// the last one of a full page.
func (s *Site) events(w http.ResponseWriter, r *http.Request) error {
	list, limit, err := s.pageOfEvents(r)
	if err != nil {
		return err
	}
	out := struct {
		Success bool        `json:"success"`
		Events  []eventJSON `json:"events"`
		Next    *string     `json:"next"` // value of before for the next page; null: there is none
	}{Success: true, Events: []eventJSON{}}
	for _, e := range list {
		out.Events = append(out.Events, showEvent(e))
	}
	if len(list) == limit {
		out.Next = &out.Events[limit-1].ID
	}
	return answer(w, out)
}

// readPage reads ?before= and ?limit=, each once at most.
func readPage(r *http.Request) (before mapae.EventID, limit int, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", 0, badRequest("", "the query can't be read")
	}
	limit = usualEvents
	for name, values := range query {
		switch name {
		case "before":
			id, err := strictjson.DecodeBase64([]byte(values[0]))
			if err != nil || len(id) != eventIDSize || len(values) > 1 {
				return "", 0, badRequest("before", "not the ID of an event")
			}
			before = mapae.EventID(id)
		case "limit":
			limit, err = strconv.Atoi(values[0])
			if err != nil || limit < 1 || limit > maxEvents || len(values) > 1 {
				return "", 0, badRequest("limit", "1 to 200")
			}
		}
	}
	return before, limit, nil
}

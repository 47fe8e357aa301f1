package web

import (
	"net/http"
	"time"

	"github.com/mapae/mapae"
)

// activityData is what the page "activity" shows.
type activityData struct {
	Rows  []activityRow
	Older string // the ?before= of the next page; empty: there is none
}

// activityRow is one thing that happened to the account.
type activityRow struct {
	Key     string // of its sentence
	At      time.Time
	Device  string // User-Agent, or empty
	Address string
}

// activityAs are the events that share a sentence; all others have one under
// their own name.
var activityAs = map[mapae.EventType]string{
	mapae.EventSignUpFailed: "failed", mapae.EventPasskeyAddFailed: "failed", mapae.EventTOTPAddFailed: "failed",
	mapae.EventIdentityLinkFailed: "failed", mapae.EventEmailVerifyFailed: "failed",
	mapae.EventRecoveryIssued: "issued", mapae.EventSignInIssued: "issued", mapae.EventInvitationIssued: "issued",
}

// activityKey is the key of the sentence for e.
func activityKey(e mapae.EventType) string {
	if shared := activityAs[e]; shared != "" {
		return "activity." + shared
	}
	return "activity." + string(e)
}

// activityPage draws what happened to the account, newest first, as events
// answers it.
func (s *Site) activityPage(w http.ResponseWriter, r *http.Request) error {
	list, limit, err := s.pageOfEvents(r)
	if err != nil {
		return err
	}
	var data activityData
	for _, e := range list {
		data.Rows = append(data.Rows, activityRow{activityKey(e.Type), e.At, e.UserAgent, e.Address})
	}
	if len(list) == limit {
		data.Older = list[limit-1].ID.String()
	}
	s.pages.render(w, r, http.StatusOK, "activity", data)
	return nil
}

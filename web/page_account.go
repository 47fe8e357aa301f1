package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mapae/mapae"
)

// accountData is what the page "account" shows.
type accountData struct {
	User     mapae.User
	Passkeys []passkeyCard
	Sessions []sessionCard
	Linked   []linkedRow
	Account  mapae.Account
	Offers   map[string]bool // methods that people can add
	All      int             // recovery codes that are made at once
	Verify   bool            // the address can be proven by mail, and is not
	Frozen   time.Time       // until then nobody changes how to sign in; zero: it is not frozen
	Lift     bool            // a freeze or a suspension can be asked to be lifted
	Confirm  string          // where to go before a first passkey can be added, or empty
	Notice   string          // a sentence about what was done
	Alert    string          // a sentence about why it was not
}

// passkeyCard is one passkey on the page.
type passkeyCard struct {
	ID         string // credential ID, base64url
	Name       string
	Model      mapae.Model // told by the AAGUID; zero: not known
	Badge      string      // key of the exception worth telling, or empty
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
	Device     string    // User-Agent of the last use
	Current    bool      // used in this session
	LastWayIn  bool      // can't be removed
	Renaming   bool      // without scripts: its form is open
	Removing   bool      // without scripts: its question is asked
}

// sessionCard is one signed-in device on the page.
type sessionCard struct {
	ID, Device, Address string
	CreatedAt, SeenAt   time.Time
	Current             bool
}

// notices are what the account page can be told to have done; each has a
// sentence.
var notices = []string{
	"welcome", "signed_up", "added", "renamed", "removed", "ended", "ended_others",
	"linked", "unlinked", "password_set", "password_removed", "totp_added", "totp_removed", "recovered", "cancelled",
	"verified", "unfrozen", "email_changed",
}

// accountPage draws the account page.
func (s *Site) accountPage(w http.ResponseWriter, r *http.Request) error {
	data := accountData{}
	if did := r.URL.Query().Get("did"); slices.Contains(notices, did) {
		data.Notice = s.text(r, "account.notice."+did)
	}
	return s.renderAccount(w, r, http.StatusOK, data)
}

// renderAccount fills in what the account has, and draws the page.
func (s *Site) renderAccount(w http.ResponseWriter, r *http.Request, status int, data accountData) error {
	cur := *on(r).current
	var err error
	if data.Account, err = s.auth.Account(r.Context(), cur); err != nil {
		return err
	}
	sessions, err := s.auth.Sessions(r.Context(), cur)
	if err != nil {
		return err
	}
	data.User, data.Verify = cur.User, s.provesAddresses() && cur.User.EmailKey == "" && cur.User.Email != ""
	data.Passkeys = passkeyCards(data.Account, cur.Session, s.auth.Config().RP.ID, s.offers(mapae.MethodPassword))
	data.showDoubt(cur.User, s.auth.Frozen(cur.User))
	data.Linked = s.linkedRows(data.Account.Identities)
	for i, c := range data.Account.Passkeys {
		data.Passkeys[i].Model, _ = s.auth.Model(c.AAGUID)
	}
	data.Offers, data.All = map[string]bool{}, allCodes
	for _, name := range s.methodNames() {
		data.Offers[string(name)] = true
	}
	if len(data.Passkeys) == 0 && !cur.Session.Meets(s.now(), mapae.Within(s.auth.Config().FreshFor)) {
		data.Confirm = s.url("/sign-in?step_up=1&next=" + url.QueryEscape(s.url("/account")))
	}
	query := r.URL.Query()
	for i, card := range data.Passkeys {
		data.Passkeys[i].Renaming = card.ID == query.Get("rename")
		data.Passkeys[i].Removing = card.ID == query.Get("remove")
	}
	for _, one := range sessions {
		data.Sessions = append(data.Sessions, sessionCard{
			ID: one.ID.String(), Device: one.UserAgent, Address: one.Address,
			CreatedAt: one.CreatedAt, SeenAt: one.SeenAt, Current: one.ID == cur.Session.ID,
		})
	}
	s.pages.render(w, r, status, "account", data)
	return nil
}

// showDoubt fills in what was done because somebody said "This was not me".
func (d *accountData) showDoubt(u mapae.User, frozen bool) {
	if frozen {
		d.Frozen = u.FrozenUntil
	}
	d.Lift = frozen || slices.ContainsFunc(d.Account.Passkeys, func(c mapae.Credential) bool { return !c.SuspendedAt.IsZero() })
}

// passkeyCards shows what the session's user has. The last passkey that can
// sign in on its own is marked; the rule itself is the domain's.
func passkeyCards(a mapae.Account, session mapae.Session, rpID string, passwords bool) []passkeyCard {
	own := a.Passkeys
	signsIn := func(c mapae.Credential) bool { return c.FirstFactor && c.RPID == rpID && c.SuspendedAt.IsZero() }
	var cards []passkeyCard
	for i, c := range own {
		others := slices.Delete(slices.Clone(own), i, i+1)
		cards = append(cards, passkeyCard{
			ID: encode64(c.ID), Name: c.Name, Badge: badge(c), CreatedAt: c.CreatedAt, LastUsedAt: c.LastUsedAt, Device: c.LastUsedAgent,
			Current:   slices.ContainsFunc(session.Uses, func(u mapae.Use) bool { return slices.Equal(u.Credential, c.ID) }),
			LastWayIn: !(passwords && a.Password) && !a.EmailCode && !a.External && len(a.Identities) == 0 && !slices.ContainsFunc(others, signsIn),
		})
	}
	return cards
}

// badge is the key of what is not as with most passkeys.
func badge(c mapae.Credential) string {
	outside := slices.ContainsFunc(c.Transports, func(t string) bool { return t == "usb" || t == "nfc" || t == "ble" })
	switch {
	case !c.SuspendedAt.IsZero():
		return "account.passkey.suspended"
	case !c.FirstFactor:
		return "account.passkey.second_step"
	case outside && !slices.Contains(c.Transports, "internal") && !slices.Contains(c.Transports, "hybrid"):
		return "account.passkey.security_key"
	case !c.BackupEligible:
		return "account.passkey.device_only"
	case !c.BackupState:
		return "account.passkey.not_backed_up"
	}
	return ""
}

// accountForm does what a form of the account page asks for and answers 303;
// what can't be done is said on the page.
func (s *Site) accountForm(w http.ResponseWriter, r *http.Request) error {
	actions := map[string]func(http.ResponseWriter, *http.Request) (page string, err error){
		"sign-out": s.signOutForm, "rename": s.renameForm, "remove": s.removeForm, "end": s.endForm, "end-others": s.endOthersForm,
		"cancel-recovery": s.cancelRecoveryForm, "unfreeze": s.unfreezeForm,
	}
	action := actions[r.PathValue("action")]
	if action == nil {
		return errNoRoute
	}
	if err := readForm(r); err != nil {
		return err
	}
	page, err := action(w, r)
	switch code := codeOf(err); {
	case err == nil:
		return s.seeOther(w, r, page)
	case code == mapae.CodeStepUpRequired:
		return s.confirmFirst(w, r, backToAccount(r))
	case code == mapae.CodeBadRequest:
		on(r).err = err
		return s.renderAccount(w, r, statuses[code], accountData{Alert: s.newProblem(r, err).Detail})
	case code == mapae.CodeLastFactor:
		on(r).err = err
		return s.renderAccount(w, r, statuses[code], accountData{Alert: s.text(r, "account.last.why")})
	default:
		return err
	}
}

// backToAccount is where a form of the account page goes on after a step-up:
// with the question of removal open where there was one.
func backToAccount(r *http.Request) string {
	if id := r.PostForm.Get("id"); id != "" {
		return "/account?remove=" + url.QueryEscape(id)
	}
	return "/account"
}

// formID decodes the form's id, as pathID does a path's.
func formID(r *http.Request) ([]byte, error) {
	r.SetPathValue("id", r.PostForm.Get("id"))
	return pathID(r)
}

func (s *Site) signOutForm(w http.ResponseWriter, r *http.Request) (string, error) {
	return "/sign-in?did=signed-out", s.endCurrent(w, r)
}

func (s *Site) renameForm(_ http.ResponseWriter, r *http.Request) (string, error) {
	id, err := formID(r)
	if err == nil {
		_, err = s.auth.RenamePasskey(r.Context(), on(r).client, *on(r).current, id, strings.TrimSpace(r.PostForm.Get("name")))
	}
	return "/account?did=renamed", err
}

func (s *Site) removeForm(_ http.ResponseWriter, r *http.Request) (string, error) {
	id, err := formID(r)
	if err == nil {
		err = s.auth.RemovePasskey(r.Context(), on(r).client, *on(r).current, id)
	}
	return "/account?did=removed", err
}

func (s *Site) endForm(w http.ResponseWriter, r *http.Request) (string, error) {
	id, err := formID(r)
	if err == nil {
		err = s.auth.EndSession(r.Context(), on(r).client, *on(r).current, mapae.SessionID(id))
	}
	return "/account?did=ended", err
}

func (s *Site) endOthersForm(w http.ResponseWriter, r *http.Request) (string, error) {
	a, err := s.auth.EndOtherSessions(r.Context(), on(r).client, *on(r).current)
	if err == nil {
		s.handOver(w, r, a)
	}
	return "/account?did=ended_others", err
}

func (s *Site) cancelRecoveryForm(_ http.ResponseWriter, r *http.Request) (string, error) {
	return "/account?did=cancelled", s.auth.CancelRecovery(r.Context(), on(r).client, *on(r).current)
}

// unfreezeForm lifts the freeze and the suspensions. Who has not just used a
// passkey that nobody doubts is asked for it first.
func (s *Site) unfreezeForm(_ http.ResponseWriter, r *http.Request) (string, error) {
	return "/account?did=unfrozen", s.auth.Unfreeze(r.Context(), on(r).client, *on(r).current)
}

package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/mapae/mapae"
)

// linkData is what the page "link" shows: what a mailed link does, before it
// does so. Opening the page changes nothing, for scanners of mail open it too.
type linkData struct {
	Kind  string // of the sentences: not_me, undo, cancel, signin
	Path  string // where the form goes
	Code  string
	About string // the address that comes back, or nothing
	Over  bool   // the link can't be used any more
	Done  bool
}

// mailedPage draws the page of a link that look says can be used.
func (s *Site) mailedPage(kind, path string, look func(r *http.Request, code string) (about string, err error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		data := linkData{Kind: kind, Path: path, Code: r.URL.Query().Get("code")}
		about, err := look(r, data.Code)
		if err != nil && codeOf(err) != mapae.CodeCeremonyInvalid {
			return err
		}
		status := http.StatusOK
		if err != nil {
			status, data = http.StatusBadRequest, linkData{Kind: kind, Over: true}
			on(r).err = err
		}
		data.About = about
		s.pages.render(w, r, status, "link", data)
		return nil
	}
}

// mailedForm acts on a link; what can't be used any more is said on its page.
func (s *Site) mailedForm(kind string, act func(w http.ResponseWriter, r *http.Request, code string) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := readForm(r); err != nil {
			return err
		}
		on(r).again = func(w http.ResponseWriter, p problem) {
			if p.Code == mapae.CodeCeremonyInvalid {
				s.pages.render(w, r, p.Status, "link", linkData{Kind: kind, Over: true})
				return
			}
			s.pages.render(w, r, p.Status, "error", errorData{Status: p.Status, Title: s.text(r, errorTitle(p.Status)), Sentence: p.Detail})
		}
		return act(w, r, r.PostForm.Get("code"))
	}
}

// linkRoutes are the pages that mails lead to.
func (s *Site) linkRoutes() []row {
	nothingSaid := func(look func(*http.Request, string) error) func(*http.Request, string) (string, error) {
		return func(r *http.Request, code string) (string, error) { return "", look(r, code) }
	}
	notice := nothingSaid(func(r *http.Request, code string) error { _, err := s.auth.Notice(r.Context(), code); return err })
	waiting := nothingSaid(func(r *http.Request, code string) error {
		_, err := s.auth.WaitingRecovery(r.Context(), code)
		return err
	})
	signIn := nothingSaid(func(r *http.Request, code string) error { return s.auth.SignInLink(r.Context(), code) })
	undo := func(r *http.Request, code string) (string, error) { return s.auth.EmailUndo(r.Context(), code) }
	return []row{
		{get, "/not-me", page, anyone, stale, nothing, none, s.mailedPage("not_me", "/not-me", notice)},
		{post, "/not-me", form, anyone, stale, failures, small, s.mailedForm("not_me", s.disown(s.auth.DisownNotice))},
		{get, "/undo-email", page, anyone, stale, nothing, none, s.mailedPage("undo", "/undo-email", undo)},
		{post, "/undo-email", form, anyone, stale, failures, small, s.mailedForm("undo", s.disown(s.auth.UndoEmail))},
		{get, "/cancel-recovery", page, anyone, stale, nothing, none, s.mailedPage("cancel", "/cancel-recovery", waiting)},
		{post, "/cancel-recovery", form, anyone, stale, failures, small, s.mailedForm("cancel", s.cancelByLink)},
		{get, "/sign-in-link", page, anyone, stale, nothing, none, s.mailedPage("signin", "/sign-in-link", signIn)},
		{post, "/sign-in-link", form, anyone, stale, failures, small, s.mailedForm("signin", s.signInByLink)},
	}
}

// cancelByLink ends a recovery that waits.
func (s *Site) cancelByLink(w http.ResponseWriter, r *http.Request, code string) error {
	if err := s.auth.DisownRecovery(r.Context(), on(r).client, code); err != nil {
		return err
	}
	s.pages.render(w, r, http.StatusOK, "link", linkData{Kind: "cancel", Done: true})
	return nil
}

// signInByLink signs in by the operator's link.
func (s *Site) signInByLink(w http.ResponseWriter, r *http.Request, code string) error {
	step, err := s.auth.SignInByLink(r.Context(), s.bind(w, r), code)
	switch {
	case err != nil:
		return err
	case step.Second != nil:
		return s.renderSecond(w, r, http.StatusOK, proofData{Ticket: step.Second.Ticket, ways: step.Second.Methods})
	}
	return s.welcome(w, r, step.Admitted, "")
}

// disown acts on what the owner says was not them, and goes on with the recovery
// that it began.
func (s *Site) disown(act func(context.Context, mapae.Client, string) (mapae.NotMe, error)) func(http.ResponseWriter, *http.Request, string) error {
	return func(w http.ResponseWriter, r *http.Request, code string) error {
		out, err := act(r.Context(), s.bind(w, r), code)
		if err != nil {
			return err
		}
		data := recoverData{Step: "more", Ticket: out.Recovery.Ticket, Alert: s.text(r, "link.disowned")}
		data.Methods = slices.DeleteFunc(s.leftProofs(proofData{ways: s.auth.RecoveryMethods()}.Methods()), func(m mapae.MethodName) bool { return m == mapae.MethodEmailCode })
		if out.Recovery.Ready {
			data.Step = "ready"
		}
		s.renderRecover(w, r, http.StatusOK, data)
		return nil
	}
}

// recoverByLink turns the operator's link into a recovery that is ready.
func (s *Site) recoverByLink(w http.ResponseWriter, r *http.Request) (recoverData, error) {
	step, err := s.auth.BeginIssuedRecovery(r.Context(), s.bind(w, r), r.PostForm.Get("code"))
	return recoverData{Step: "ready", Ticket: step.Ticket}, err
}

// recoverMail mails a code as a proof, and asks for it.
func (s *Site) recoverMail(w http.ResponseWriter, r *http.Request) (recoverData, error) {
	form := r.PostForm
	var ticket string
	err := s.mailing(r, func() (err error) {
		ticket, err = s.auth.MailRecoveryCode(r.Context(), s.bind(w, r), form.Get("ticket"), s.pages.locales.reader(r).Lang)
		return err
	})
	data := recoverData{Step: "proof", Ticket: ticket, Methods: s.leftProofs(form.Get("methods")), Mailed: true}
	if len(data.Methods) < len(s.leftProofs(proofData{ways: s.auth.RecoveryMethods()}.Methods())) {
		data.Step = "more"
	}
	return data, err
}

package web

import (
	"net/http"

	"github.com/mapae/mapae"
)

// languageMark ends the name of the cookie that keeps the language that a
// person chose, as a BCP 47 tag. It is no secret, but scripts need not read it.
const languageMark = "-language"

// languageLife is how long a chosen language is kept, in seconds: a year.
const languageLife = 365 * 24 * 60 * 60

// chosenLanguage returns what the language cookie of r says, or nothing.
func chosenLanguage(r *http.Request) string {
	ex := on(r)
	if ex == nil || ex.client.App {
		return ""
	}
	return ex.cookie(languageMark)
}

// languageForm keeps the language that a person chose: in a cookie, and with
// the account of who is signed in, so that mails are written in it. The person
// comes back to where the choice was made.
func (s *Site) languageForm(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	chosen, ok := s.pages.locales.exact(r.PostForm.Get("language"))
	if !ok {
		return badRequest("language", "no such language")
	}
	if cur, ok := s.current(r); ok {
		if _, err := s.auth.ChangeAccount(r.Context(), on(r).client, cur, mapae.AccountChange{Locale: &chosen.tag}); err != nil {
			return err
		}
	}
	o := on(r).origin
	o.setCookie(w, o.cookie+languageMark, chosen.tag, languageLife, http.SameSiteLaxMode)
	next := localPath(r.PostForm.Get("next"))
	http.Redirect(w, r, or(next, s.url("/")), http.StatusSeeOther)
	return nil
}

// choice is a language that people can choose.
type choice struct {
	Tag, Name string // BCP 47; its name in itself
	Current   bool
}

// Languages are all that there are, where there is a choice and the page can
// be asked for again in another one: a page that answers a form can't.
func (v view) Languages() []choice {
	if v.here == "" || len(v.locales.all) < 2 {
		return nil
	}
	var all []choice
	for _, one := range v.locales.all {
		all = append(all, choice{one.tag, one.name, one.tag == v.Lang})
	}
	return all
}

// Here is the address of the page, as a path.
func (v view) Here() string { return v.here }

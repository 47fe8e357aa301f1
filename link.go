package mapae

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// LinkPrefix starts the code of a mailed link, so that it is never taken for a
// ticket or a token.
const LinkPrefix = "ml_"

// sealLinkCode issues the code of a link that is mailed. Opening the link's
// page changes nothing, for scanners of mail open every link; what the person
// then posts turns the code into its effect or into a ticket. It is not bound
// to a browser: a mail is read where it is read.
func (a *Auth) sealLinkCode(t ticket, life time.Duration) (string, error) {
	return a.sealUnder(sealLink, LinkPrefix, t, life)
}

// openLink opens the code of a link and checks purpose and life. Every failure
// is CodeCeremonyInvalid. Who acts on it spends it in the transaction of the
// effect.
func (a *Auth) openLink(code string, want purpose) (ticket, error) {
	t, err := a.openUnder(sealLink, LinkPrefix, code)
	if err == nil && t.Purpose != want {
		err = fmt.Errorf("purpose %d, want %d", t.Purpose, want)
	}
	if err == nil {
		err = a.checkLife(time.UnixMicro(t.Issued), t.endsAt())
	}
	if err != nil {
		return ticket{}, fail(CodeCeremonyInvalid, fmt.Errorf("link: %w", err))
	}
	return t, nil
}

// linkUser returns the user of an opened link, who is enabled.
func (a *Auth) linkUser(ctx context.Context, t ticket) (User, error) {
	u, err := a.store.User(ctx, UserID(t.UserID))
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return User{}, broken("read a user", err)
	case err != nil || u.Disabled():
		return User{}, fail(CodeCeremonyInvalid, errors.New("link: the user has changed"))
	}
	return u, nil
}

// pageURL is the address of a page in a mail: path is that below the pages'
// own, such as "/reset"; a code that is not empty goes with it.
func (a *Auth) pageURL(path, code string) string {
	if code != "" {
		path += "?code=" + url.QueryEscape(code)
	}
	return a.cfg.PagesURL + path
}

// pagesURL is the first origin that browsers ask for pages at.
func (rp RelyingParty) pagesURL() string {
	for _, o := range rp.Origins {
		if strings.HasPrefix(o, "https://") || strings.HasPrefix(o, "http://") {
			return o
		}
	}
	return ""
}

// checkPagesURL demands one of the origins, and a path in its clean form.
func (rp RelyingParty) checkPagesURL(text string) error {
	if text == rp.pagesURL() {
		return nil // an origin, or none that could have pages: what is wrong with either is told of elsewhere
	}
	for _, o := range rp.AllOrigins() {
		if path, ok := strings.CutPrefix(text, o); ok && (path == "" || path[0] == '/') {
			u, err := url.Parse(text)
			if err == nil && u.RawQuery == "" && u.Fragment == "" && !strings.HasSuffix(text, "/") && !strings.Contains(path, "//") {
				return nil
			}
		}
	}
	return fmt.Errorf("PagesURL %q is not one of the origins with the path that the pages are mounted at, without a slash at its end", text)
}

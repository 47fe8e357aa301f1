package federated

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/mapae/mapae"
)

// Kakao lets people sign in with a Kakao account, by OAuth 2.0.
type Kakao struct {
	ClientID     string // the app's REST API key
	ClientSecret string // from the app's security settings
	HTTP         *http.Client
}

// Provider checks the settings. Name kakao, label Kakao, issuer
// https://kauth.kakao.com.
func (k Kakao) Provider() (mapae.Provider, error) {
	return OAuth2{
		Name: "kakao", Label: "Kakao", Issuer: "https://kauth.kakao.com",
		AuthURL: "https://kauth.kakao.com/oauth/authorize", TokenURL: "https://kauth.kakao.com/oauth/token",
		UserInfoURL: "https://kapi.kakao.com/v2/user/me", ClientID: k.ClientID, ClientSecret: k.ClientSecret,
		Scopes: []string{"account_email", "profile_nickname"}, HTTP: k.HTTP, Read: readKakao,
		fresh: url.Values{"prompt": {"login"}},
	}.Provider()
}

// readKakao reads who /v2/user/me is about. An address is proven where it is
// both verified and still the account's (valid).
func readKakao(answer []byte) (mapae.Profile, error) {
	o, err := readObject(answer)
	if err != nil {
		return mapae.Profile{}, err
	}
	id, ok := o.number("id")
	if !ok || id <= 0 {
		return mapae.Profile{}, errors.New("no numeric id")
	}
	account := o.inner("kakao_account")
	return mapae.Profile{
		Subject: strconv.FormatInt(id, 10), Name: account.inner("profile").text("nickname"), Email: account.text("email"),
		EmailVerified: account.flag("is_email_valid") && account.flag("is_email_verified"),
	}, nil
}

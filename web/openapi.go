package web

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
)

// openAPI describes the JSON API (OpenAPI 3.1). Tests hold it to the routes and
// to real answers.
//
//go:embed openapi.json
var openAPI []byte

// describe answers the description, with the URLs that this site has.
func (s *Site) describe(w http.ResponseWriter, _ *http.Request) error {
	text := openAPI
	for placeholder, url := range map[string]string{"https://site.example/base": s.firstOrigin() + s.cfg.Base, "https://site.example": s.firstOrigin()} {
		quoted, err := json.Marshal(url)
		if err != nil {
			return err
		}
		text = bytes.ReplaceAll(text, []byte(`"`+placeholder+`"`), quoted)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // the client is gone where it fails
	return nil
}

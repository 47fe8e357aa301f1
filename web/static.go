package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// embedded is what pages load besides themselves.
//
//go:embed static/icon.svg static/page.css sdk/mapae.js sdk/elements.js sdk/page.js
var embedded embed.FS

// assetFile is a file as it is served, plain and compressed: the same for
// everybody, so compressing it can't tell anything.
type assetFile struct {
	contentType string
	hash        string // of its content, in its immutable name
	plain       []byte
	gzip        func() ([]byte, error) // compresses once, when it is first asked for
}

// assets are found by their own name (mapae.js) and by their immutable name
// (mapae-0123456789abcdef.js).
type assets map[string]*assetFile

// contentTypes of what is embedded, by extension: what the machine's own table
// says does not matter.
var contentTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

// newAssets reads the embedded files, and gives them the look of the brand. The
// page's script imports the module by its immutable name, so that a page never
// meets the module of another version.
func newAssets(brand Brand) (assets, error) {
	all := assets{}
	for _, file := range []string{"static/icon.svg", "static/page.css", "sdk/mapae.js", "sdk/elements.js", "sdk/page.js"} {
		content, err := embedded.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := path.Base(file)
		switch {
		case name == "page.css":
			content = append(content, brand.style()...)
		case name == "icon.svg" && brand.Logo != nil:
			content = brand.Logo
		case name == "page.js":
			content = bytes.ReplaceAll(content, []byte(`"./mapae.js"`), []byte(`"./`+all.hashed("mapae.js")+`"`))
		}
		sum := sha256.Sum256(content)
		a := &assetFile{contentTypes[path.Ext(name)], hex.EncodeToString(sum[:8]), content, sync.OnceValues(func() ([]byte, error) { return compress(content) })}
		all[name] = a
		all[all.hashed(name)] = a
	}
	return all, nil
}

// hashed returns the immutable name of the asset name.
func (all assets) hashed(name string) string {
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "-" + all[name].hash + ext
}

func compress(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// module serves a script under the name that other people's pages import: they
// ask each time whether it has changed.
func (s *Site) module(name string) handler {
	return func(w http.ResponseWriter, r *http.Request) error { return s.pages.assets[name].serveIfChanged(w, r) }
}

func (a *assetFile) serveIfChanged(w http.ResponseWriter, r *http.Request) error {
	etag := `W/"` + a.hash + `"`
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", etag)
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return a.serve(w, r)
}

// immutable serves the asset under the name that has its hash: that content
// for ever.
func (a *assetFile) immutable(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return a.serve(w, r)
}

func (a *assetFile) serve(w http.ResponseWriter, r *http.Request) error {
	body := a.plain
	w.Header().Add("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var err error
		if body, err = a.gzip(); err != nil {
			return err
		}
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, err := w.Write(body)
	return err
}

package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/strictjson"
)

// member is a member that a handler reads from a JSON body. What else stands
// in the body is read as strictly and passed over.
type member struct {
	name     string
	text     *string  // takes a string
	object   *[]byte  // takes an object as it stands
	flag     *bool    // takes true or false
	maybe    **string // takes a string; stays nil where there is none
	optional bool
}

// readJSON reads the body, one JSON object, into members. An empty body is {}.
// Errors: CodeBadRequest, with the member at fault where there is one;
// CodeBodyTooLarge.
func readJSON(r *http.Request, members ...member) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	found := map[string]bool{}
	s := strictjson.New(body)
	for m := s.Object(); m.Next(); {
		name := string(m.Name)
		found[name] = true
		readMember(s, name, members)
		if err := s.Err(); err != nil {
			return &mapae.Error{Code: mapae.CodeBadRequest, Field: fieldName(name, members), Flaw: mapae.FlawMalformed, Err: err}
		}
	}
	if err := s.End(); err != nil {
		return &mapae.Error{Code: mapae.CodeBadRequest, Err: err}
	}
	for _, want := range members {
		if !want.optional && want.maybe == nil && !found[want.name] {
			return missing(want.name)
		}
	}
	return nil
}

// missing returns the CodeBadRequest for a member that is not there.
func missing(member string) error {
	return &mapae.Error{Code: mapae.CodeBadRequest, Field: member, Flaw: mapae.FlawMissing, Err: errors.New("missing")}
}

func readMember(s *strictjson.Scanner, name string, members []member) {
	for _, want := range members {
		switch {
		case want.name != name:
		case want.object != nil:
			*want.object = s.RawObject()
			return
		case want.flag != nil:
			*want.flag = readFlag(s)
			return
		case want.maybe != nil:
			text := string(s.Text())
			*want.maybe = &text
			return
		default:
			*want.text = string(s.Text())
			return
		}
	}
	s.Raw()
}

func readFlag(s *strictjson.Scanner) bool {
	switch raw := string(s.Raw()); raw {
	case "true", "false":
		return raw == "true"
	}
	s.Fail("expected true or false")
	return false
}

// fieldName is name if the handler reads it: what a client made up is not
// repeated to it.
func fieldName(name string, members []member) string {
	for _, want := range members {
		if want.name == name {
			return name
		}
	}
	return ""
}

func readBody(r *http.Request) ([]byte, error) {
	body := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), 4<<10)+bytes.MinRead))
	_, err := body.ReadFrom(r.Body)
	if err == nil {
		return body.Bytes(), nil
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &statusError{http.StatusRequestTimeout, &mapae.Error{Code: mapae.CodeBadRequest, Err: err}}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &mapae.Error{Code: mapae.CodeBadRequest, Err: errors.New("the body ends early")}
	}
	return nil, &mapae.Error{Code: mapae.CodeBadRequest, Err: err}
}

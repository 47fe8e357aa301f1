package web

import "github.com/mapae/mapae"

// fieldFlaw is one way in which one member can be wrong.
type fieldFlaw struct {
	field string
	flaw  mapae.Flaw
}

// fieldSentences say what is wanted of a member that people type.
var fieldSentences = map[fieldFlaw]string{
	{"email", mapae.FlawMissing}:        "form.email.missing",
	{"email", mapae.FlawMalformed}:      "form.email.invalid",
	{"email", mapae.FlawTooLong}:        "form.email.too_long",
	{"name", mapae.FlawMissing}:         "form.name.missing",
	{"name", mapae.FlawMalformed}:       "form.name.invisible",
	{"name", mapae.FlawTooLong}:         "form.name.too_long",
	{"name", mapae.FlawSpaces}:          "form.name.spaces",
	{"name", mapae.FlawInvisible}:       "form.name.invisible",
	{"password", mapae.FlawMissing}:     "form.password.missing",
	{"password", mapae.FlawMalformed}:   "form.password.malformed",
	{"password", mapae.FlawTooShort}:    "form.password.too_short",
	{"password", mapae.FlawTooLong}:     "form.password.too_long",
	{"password", mapae.FlawCommon}:      "form.password.common",
	{"password", mapae.FlawPersonal}:    "form.password.personal",
	{"language", mapae.FlawMalformed}:   "error.field.language",
	{"locale", mapae.FlawMalformed}:     "error.field.language",
	{"locale", mapae.FlawTooLong}:       "error.field.language",
	{"limit", mapae.FlawMalformed}:      "error.field.limit",
	{"credential", mapae.FlawMalformed}: "error.field.credential",
}

// fault is the sentence for a member that is at fault: what is wanted of it, or,
// of those that programs send, that it is missing or wrong.
func (rd reader) fault(e *mapae.Error) string {
	key := fieldSentences[fieldFlaw{e.Field, e.Flaw}]
	switch {
	case key != "" && e.Limit > 0:
		return rd.N(key, e.Limit)
	case key != "":
		return rd.T(key)
	case e.Flaw == mapae.FlawMissing:
		return rd.T("error.field.missing", "Field", e.Field)
	}
	return rd.T("error.field.malformed", "Field", e.Field)
}

// besideField are the members whose fields on pages have room for a sentence.
var besideField = map[string]bool{"email": true, "name": true, "password": true}

// fault is what a page says beside one of its fields; zero: nothing.
type fault struct{ Field, Sentence string }

// Of returns the sentence beside the field, empty where it is not at fault.
func (f fault) Of(field string) string {
	if f.Field == field {
		return f.Sentence
	}
	return ""
}

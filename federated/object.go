package federated

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// object is one JSON object of a provider, read so that it has one meaning:
// exact names, none twice, valid UTF-8, nothing behind it.
type object map[string]json.RawMessage

var errJSON = errors.New("not a JSON object")

// readObject reads the object in data.
func readObject(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: invalid UTF-8", errJSON)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errJSON
	}
	all := object{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errJSON, err)
		}
		key, _ := name.(string)
		if _, again := all[key]; again {
			return nil, fmt.Errorf("%w: %q is there twice", errJSON, key)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%w: %w", errJSON, err)
		}
		all[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("%w: %w", errJSON, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows it", errJSON)
	}
	return all, nil
}

// has reports whether the member is there and not null.
func (o object) has(name string) bool {
	value, ok := o[name]
	return ok && string(value) != "null"
}

// text is the member where it is a string, else "".
func (o object) text(name string) string {
	var text string
	if value := o[name]; len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}

// flag reports whether the member is true, and not a word or number that looks
// like it.
func (o object) flag(name string) bool { return string(o[name]) == "true" }

// number is the member where it is a whole number, else false.
func (o object) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(string(o[name]), 10, 64)
	return n, err == nil
}

// date is the member where it is a NumericDate (RFC 7519 §2), else false.
func (o object) date(name string) (seconds float64, ok bool) {
	seconds, err := strconv.ParseFloat(string(o[name]), 64)
	return seconds, err == nil && seconds > 0 && seconds < 1<<40
}

// inner is the member where it is an object; else an empty one.
func (o object) inner(name string) object {
	value, err := readObject(o[name])
	if err != nil {
		return object{}
	}
	return value
}

// texts is the member where it is a string or an array of strings.
func (o object) texts(name string) []string {
	if one := o.text(name); one != "" {
		return []string{one}
	}
	var many []string
	if json.Unmarshal(o[name], &many) != nil {
		return nil
	}
	return many
}

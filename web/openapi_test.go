package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mapae/mapae"
)

// operation is what the description says of a method of a path.
type operation struct {
	Summary     string
	Security    []map[string][]string
	Parameters  []map[string]any
	RequestBody map[string]any
	Responses   map[string]map[string]any
}

// description is the document, as far as these tests read it.
type description struct {
	all   map[string]any
	Paths map[string]map[string]json.RawMessage
}

// documented reads the document once.
var documented = sync.OnceValue(func() *description {
	d := &description{}
	if err := errors.Join(json.Unmarshal(openAPI, &d.all), json.Unmarshal(openAPI, d)); err != nil {
		panic(err)
	}
	return d
})

// operation returns what is said of a method, or nil.
func (d *description) operation(path, method string) *operation {
	raw, ok := d.Paths[path][strings.ToLower(method)]
	if !ok {
		return nil
	}
	op := new(operation)
	if err := json.Unmarshal(raw, op); err != nil {
		panic(err)
	}
	return op
}

// pathOf returns the documented path that a request's is one of, or nothing.
func (d *description) pathOf(path string) string {
	path = strings.TrimSuffix(path, "/")
	if d.Paths[path] != nil {
		return path
	}
	for template := range d.Paths {
		if before, after, ok := strings.Cut(template, "{id}"); ok && strings.HasPrefix(path, before) && strings.HasSuffix(path, after) {
			if id := strings.TrimSuffix(strings.TrimPrefix(path, before), after); id != "" && !strings.Contains(id, "/") {
				return template
			}
		}
	}
	return ""
}

// resolve follows a reference within the document.
func (d *description) resolve(node map[string]any) map[string]any {
	for {
		ref, ok := node["$ref"].(string)
		if !ok {
			return node
		}
		var at any = d.all
		for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			at = at.(map[string]any)[step]
		}
		if node, ok = at.(map[string]any); !ok {
			panic("nothing at " + ref)
		}
	}
}

// schema returns that of a body in a response or request, or nil.
func (d *description) schema(node map[string]any, contentType string) map[string]any {
	content, _ := d.resolve(node)["content"].(map[string]any)
	media, _ := content[contentType].(map[string]any)
	schema, _ := media["schema"].(map[string]any)
	return schema
}

// validate returns what is wrong with a value. It is a validator of the part of
// JSON Schema that the document uses, but strict: a member that no schema names
// is a mistake of the document.
func (d *description) validate(schema map[string]any, value any, at string) error {
	schema = d.resolve(schema)
	var wrong []error
	bad := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("%s: "+format, append([]any{at}, args...)...))
	}
	for keyword, want := range schema {
		switch keyword {
		case "description", "format", "required", "additionalProperties":
		case "type":
			if got := typeOf(value); got != want && (want != "number" || got != "integer") {
				bad("%v is no %v", value, want)
			}
		case "const":
			if value != want {
				bad("%v is not %v", value, want)
			}
		case "enum":
			if !slices.Contains(want.([]any), value) {
				bad("%v is none of %v", value, want)
			}
		case "pattern":
			if text, ok := value.(string); !ok || !regexp.MustCompile(want.(string)).MatchString(text) {
				bad("%v does not match %v", value, want)
			}
		case "minItems":
			if list, _ := value.([]any); float64(len(list)) < want.(float64) {
				bad("%d items", len(list))
			}
		case "items":
			list, _ := value.([]any)
			for i, item := range list {
				wrong = append(wrong, d.validate(want.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i)))
			}
		case "properties":
			wrong = append(wrong, d.validateMembers(schema, value, at))
		case "anyOf":
			wrong = append(wrong, d.validateAny(want.([]any), value, at))
		default:
			bad("the keyword %s is not checked", keyword)
		}
	}
	return errors.Join(wrong...)
}

func (d *description) validateMembers(schema map[string]any, value any, at string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return nil // "type" says so
	}
	var wrong []error
	properties := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := object[name.(string)]; !ok {
			wrong = append(wrong, fmt.Errorf("%s: no %s", at, name))
		}
	}
	for name, member := range object {
		if property, ok := properties[name].(map[string]any); ok {
			wrong = append(wrong, d.validate(property, member, at+"."+name))
		} else if schema["additionalProperties"] != true {
			wrong = append(wrong, fmt.Errorf("%s: %s is not documented", at, name))
		}
	}
	return errors.Join(wrong...)
}

func (d *description) validateAny(schemas []any, value any, at string) error {
	var wrong []error
	for _, one := range schemas {
		err := d.validate(one.(map[string]any), value, at)
		if err == nil {
			return nil
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

func typeOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
	}
	return "number"
}

// checkAnswer returns how a JSON answer to a request differs from what is
// documented. path is without Base.
func (d *description) checkAnswer(method, path string, status int, contentType string, body []byte) error {
	if method == http.MethodHead || contentType != "application/json" && contentType != "application/problem+json" {
		return nil
	}
	op := d.operation(d.pathOf(path), method)
	node := map[string]any{"$ref": "#/components/responses/Problem"}
	if contentType == "application/json" {
		if op == nil {
			return fmt.Errorf("%s %s answers JSON and is not documented", method, path)
		}
		if node = op.Responses[fmt.Sprint(status)]; node == nil {
			return fmt.Errorf("%s %s: status %d is not documented", method, path, status)
		}
	}
	schema := d.schema(node, contentType)
	if schema == nil {
		return fmt.Errorf("%s %s: an answer of %s is not documented", method, path, contentType)
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	return d.validate(schema, value, method+" "+path)
}

// checkRequest returns how a JSON body differs from what is documented.
func (d *description) checkRequest(method, path string, body []byte) error {
	op := d.operation(d.pathOf(path), method)
	switch {
	case op == nil:
		return fmt.Errorf("%s %s is not documented", method, path)
	case op.RequestBody == nil && len(body) == 0:
		return nil
	case op.RequestBody == nil:
		return fmt.Errorf("%s %s takes no body", method, path)
	case len(body) == 0:
		body = []byte("{}")
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	return d.validate(d.schema(op.RequestBody, "application/json"), value, method+" "+path)
}

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	d, left := documented(), map[string]bool{}
	for path, methods := range d.Paths {
		for method := range methods {
			if method != "servers" {
				left[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	for _, row := range allRows(newWorld(t).site) {
		if row.face == page || row.face == form || row.face == static {
			continue // for people and their browsers
		}
		op := d.operation(row.path, row.method)
		if op == nil {
			t.Errorf("%s %s is not described", row.method, row.path)
			continue
		}
		delete(left, row.method+" "+row.path)
		spring := strings.HasPrefix(row.path, "/webauthn/")
		if got, want := securityOf(op), demanded(row, spring); got != want {
			t.Errorf("%s %s: security is %s, the route demands %s", row.method, row.path, got, want)
		}
		if takes := op.RequestBody != nil; takes && row.body == none || !takes && row.method != "GET" && row.method != "DELETE" {
			t.Errorf("%s %s: a body is described: %v", row.method, row.path, takes)
		}
		if op.Summary == "" || op.Responses["default"] == nil || len(op.Responses) != 2 {
			t.Errorf("%s %s: %+v", row.method, row.path, op)
		}
		if has := len(op.Parameters) > 0 && d.resolve(op.Parameters[0])["name"] == "id"; has != strings.Contains(row.path, "{id}") {
			t.Errorf("%s %s: its id is described: %v", row.method, row.path, has)
		}
	}
	for _, other := range slices.Sorted(maps.Keys(left)) {
		t.Errorf("%s is described and is no route", other)
	}
}

func securityOf(op *operation) string {
	var ways []string
	for _, way := range op.Security {
		ways = append(ways, strings.Join(slices.Sorted(maps.Keys(way)), "+"))
	}
	slices.Sort(ways)
	return strings.Join(ways, "|")
}

// demanded says in the words of securityOf what a row asks for.
func demanded(r row, browsersOnly bool) string {
	switch r.needs {
	case signedIn:
		if browsersOnly {
			return "session"
		}
		return "bearer|session"
	case ticketed:
		return "ticket"
	case either:
		return "bearer|session|ticket"
	case confirmed:
		return "bearer+ticket|session+ticket"
	}
	switch r.path {
	case "/api/auth/recover/start", // where the recovery is to wait
		"/api/auth/signup", "/api/auth/signup/passkey/options": // where the address was proven
		return "|ticket"
	}
	return ""
}

// What the document refers to is there, and nothing else is.
func TestEveryPartOfTheDescriptionIsUsed(t *testing.T) {
	t.Parallel()
	d := documented()
	used := map[string]bool{}
	for _, ref := range regexp.MustCompile(`"\$ref": "#/components/([a-zA-Z]+/[a-zA-Z0-9]+)"`).FindAllSubmatch(openAPI, -1) {
		used[string(ref[1])] = true
		d.resolve(map[string]any{"$ref": "#/components/" + string(ref[1])}) // panics where there is none
	}
	for kind, parts := range d.all["components"].(map[string]any) {
		for name := range parts.(map[string]any) {
			if kind != "securitySchemes" && !used[kind+"/"+name] {
				t.Errorf("nobody refers to %s %s", kind, name)
			}
		}
	}
	codes := d.all["components"].(map[string]any)["schemas"].(map[string]any)["Problem"].(map[string]any)["properties"].(map[string]any)["code"].(map[string]any)["enum"].([]any)
	for code := range statuses {
		if !slices.Contains(codes, any(string(code))) {
			t.Errorf("the code %s is not described", code)
		}
	}
	if len(codes) != len(statuses) {
		t.Errorf("%d codes are described, there are %d", len(codes), len(statuses))
	}
}

func TestTheDescriptionNamesTheSitesOwnURLs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *mapae.Config, c *Config) { c.Base = "/auth" })
	a := w.person().send("GET", "/openapi.json", "").want(t, 200, "")
	var doc struct {
		Servers []struct{ URL string }
		Paths   map[string]struct{ Servers []struct{ URL string } }
	}
	if err := json.Unmarshal(a.body, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Servers[0].URL != home+"/auth" || doc.Paths["/login/webauthn"].Servers[0].URL != home || strings.Contains(string(a.body), "site.example") {
		t.Errorf("servers are %v and %v", doc.Servers, doc.Paths["/login/webauthn"].Servers)
	}
}

func TestTheValidatorKnowsGoodFromBad(t *testing.T) {
	t.Parallel()
	d := documented()
	good := `{"success":true,"passkeys":[{"id":"AA","name":"x","created_at":"2026-03-01T12:00:00.000Z","last_used_at":null,"first_factor":true,"synced":true,"backup_eligible":true,"aaguid":"x","provider":null,"kind":"platform","transports":["usb"],"current":false}]}`
	check := func(body string) error {
		return d.checkAnswer("GET", "/api/webauthn/", 200, "application/json", []byte(body))
	}
	if err := check(good); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string][2]string{
		"a member more": {`"success"`, `"more":1,"success"`}, "a member less": {`"name":"x",`, ``}, "null": {`"x"`, `null`}, "no time": {`12:00:00.000Z`, `12:00`},
		"a number": {`["usb"]`, `[1]`}, "no array": {`["usb"]`, `{}`}, "failure": {`true`, `false`}, "another last use": {`"last_used_at":null`, `"last_used_at":0`},
		"no base64url": {`"AA"`, `"A="`}, "a kind of its own": {`"platform"`, `"phone"`},
	} {
		if err := check(strings.Replace(good, edit[0], edit[1], 1)); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	for _, c := range []struct {
		method, path, contentType string
		status                    int
	}{{"GET", "/api/nothing", "application/json", 200}, {"PUT", "/api/webauthn", "application/json", 200}, {"GET", "/api/webauthn", "application/json", 201}, {"GET", "/api/webauthn", "application/problem+json", 400}} {
		if err := d.checkAnswer(c.method, c.path, c.status, c.contentType, []byte(good)); err == nil {
			t.Errorf("%+v passes", c)
		}
	}
}

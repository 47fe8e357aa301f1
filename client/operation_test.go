package client_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mapae/mapae/client"
)

// recorder answers every request with nothing, and notes what was asked.
type recorder struct {
	mu    sync.Mutex
	asked []string // method and path, without a slash at its end
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, req.Method+" "+strings.TrimSuffix(req.URL.Path, "/"))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: req}, nil
}

// anyKey makes and uses passkeys that nobody takes.
type anyKey struct{}

func (anyKey) Create([]byte) ([]byte, error) { return []byte("{}"), nil }
func (anyKey) Get([]byte) ([]byte, error)    { return []byte("{}"), nil }

// callAll calls every method of a client that asks the server something, with
// anything.
func callAll(t *testing.T) (asked []string) {
	t.Helper()
	r := new(recorder)
	c := client.New("https://example.com", anyKey{})
	c.HTTP.Transport = r
	name := "any"
	values := []any{t.Context(), "any", []byte("{}"), 1, anyKey{}, client.AccountChange{Name: &name}, &client.SecondFactor{Ticket: "any", Options: []byte("{}")}}
	methods := reflect.ValueOf(c)
	for i := range methods.NumMethod() {
		m := methods.Method(i)
		if kind := m.Type(); kind.NumIn() == 0 || kind.In(0) != reflect.TypeFor[context.Context]() {
			continue // Token, SetToken
		}
		var in []reflect.Value
		for j := range m.Type().NumIn() {
			at := slices.IndexFunc(values, func(v any) bool { return reflect.TypeOf(v).AssignableTo(m.Type().In(j)) })
			if at < 0 {
				t.Fatalf("%s takes a %v: the test has none", methods.Type().Method(i).Name, m.Type().In(j))
			}
			in = append(in, reflect.ValueOf(values[at]))
		}
		before := len(r.asked)
		m.Call(in)
		if len(r.asked) == before {
			t.Errorf("%s asks the server nothing", methods.Type().Method(i).Name)
		}
	}
	return r.asked
}

// notAsked are the operations that no client of this package asks for.
var notAsked = map[string]string{
	"GET /api/auth/federated/{provider}/callback":  "a provider sends the browser there",
	"POST /api/auth/federated/{provider}/callback": "a provider sends the browser there",
	"GET /openapi.json":                            "this description",
	"GET /healthz":                                 "for what watches the server",
	"GET /readyz":                                  "for what watches the server",
}

// TestEachOperationHasACallAndEachCallAnOperation compares the description of
// the JSON API with what a client asks for.
func TestEachOperationHasACallAndEachCallAnOperation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../web/openapi.json")
	must(t, err)
	var described struct {
		Paths map[string]map[string]json.RawMessage
	}
	must(t, json.Unmarshal(text, &described))
	operations := map[string]bool{}
	for path, methods := range described.Paths {
		if methods["servers"] != nil {
			continue // of other contracts, and below /.well-known/
		}
		for method := range methods {
			operations[strings.ToUpper(method)+" "+path] = false
		}
	}
	for _, asked := range callAll(t) {
		asked = strings.ReplaceAll(strings.Replace(asked, "/federated/any/", "/federated/{provider}/", 1), "/any", "/{id}")
		if _, ok := operations[asked]; !ok {
			t.Errorf("%s is asked for, and not described", asked)
		}
		operations[asked] = true
	}
	for operation, called := range operations {
		if called == (notAsked[operation] != "") {
			t.Errorf("%s: called %v; why it is not: %q", operation, called, notAsked[operation])
		}
	}
	if len(operations) < 60 {
		t.Errorf("%d operations", len(operations))
	}
}

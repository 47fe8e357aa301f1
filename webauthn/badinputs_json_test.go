package webauthn_test

import (
	"strings"
	"testing"

	"github.com/mapae/mapae/webauthn"
)

// both makes a case of each ceremony from one edit of its body.
func both(row, name string, check webauthn.Check, edit func(string) string) []badInput {
	return []badInput{
		{row, name + " (registration)", check, registrationBody(edit)},
		{row, name + " (assertion)", check, assertionBody(edit)},
	}
}

func constant(s string) func(string) string { return func(string) string { return s } }

// addMember puts the text of a member in front of the others.
func addMember(text string) func(string) string { return replace("{", "{"+text+",") }

func badJSON() []badInput {
	return append(append(badText(), badMembers()...), badResponseMembers()...)
}

func badText() (all []badInput) {
	const encoding = webauthn.CheckEncoding
	add := func(row, name string, check webauthn.Check, edit func(string) string) {
		all = append(all, both(row, name, check, edit)...)
	}

	add("BI-041", "not JSON", encoding, constant("<xml/>"))
	add("BI-041", "nothing", encoding, constant(""))
	add("BI-043", "null", encoding, constant("null"))
	add("BI-043", "array", encoding, constant("[]"))
	add("BI-044", "a second object behind", encoding, func(s string) string { return s + "{}" })
	add("BI-044", "garbage behind", encoding, func(s string) string { return s + "x" })
	add("BI-044", "white space behind", "", func(s string) string { return s + " \r\n\t" })
	add("BI-046", "RAWID", encoding, replace(`"rawId"`, `"RAWID"`))
	add("BI-046", "Id", encoding, replace(`"id"`, `"Id"`))
	add("BI-046", "Response", encoding, replace(`"response"`, `"Response"`))
	add("BI-046", "member twice", encoding, addMember(`"type":"public-key"`))
	add("BI-046", "member twice, once escaped", encoding, addMember(`"\u0074ype":"public-key"`))
	add("BI-046", "unknown member twice", encoding, addMember(`"x":1,"x":1`))
	add("BI-047", "unknown members", "", addMember(`"future":{"a":[1,-2.5e3,true,false,null,"\ud83d\ude00"]},"other":""`))
	add("BI-047", "no attachment", "", atTop("authenticatorAttachment", absent{}))
	add("BI-047", "attachment null", "", atTop("authenticatorAttachment", nil))
	add("BI-047", "attachment of the future", "", atTop("authenticatorAttachment", "implant"))
	add("BI-047", "attachment a number", encoding, atTop("authenticatorAttachment", 1))
	add("BI-047", "no extension results", "", atTop("clientExtensionResults", absent{}))
	add("BI-049", "invalid UTF-8", encoding, addMember("\"name\":\"\xff\""))
	add("BI-049", "control character", encoding, addMember("\"name\":\"\x01\""))
	add("BI-050", "lone high surrogate", encoding, addMember(`"name":"\ud800"`))
	add("BI-050", "lone low surrogate", encoding, addMember(`"name":"\udc00x"`))
	add("BI-050", "two high surrogates", encoding, addMember(`"name":"\ud800\ud800"`))
	add("BI-052", "1e400", encoding, addMember(`"n":1e400`))
	add("BI-052", "10,000 digits", encoding, addMember(`"n":`+strings.Repeat("1", 10_000)))
	add("BI-052", "leading zero", encoding, addMember(`"n":01`))
	add("BI-041", "more than 64 KiB", encoding, addMember(`"x":"`+strings.Repeat("x", 64<<10)+`"`))
	add("BI-041", "33 members", encoding, addMember(manyMembers(33)))
	return all
}

func badMembers() (all []badInput) {
	const encoding = webauthn.CheckEncoding
	add := func(row, name string, check webauthn.Check, edit func(string) string) {
		all = append(all, both(row, name, check, edit)...)
	}
	add("BI-053", "no id", encoding, atTop("id", absent{}))
	add("BI-053", "no rawId", encoding, atTop("rawId", absent{}))
	add("BI-055", "id not base64url", encoding, atTop("id", "!!"))
	add("BI-055", "id and rawId not base64url", encoding, members(func(m map[string]any) { m["id"], m["rawId"] = "!!", "!!" }))
	add("BI-055", "id a number", encoding, atTop("id", 1))
	add("BI-056", "id is not rawId", encoding, atTop("id", "AAAA"))
	add("BI-058", "no type", encoding, atTop("type", absent{}))
	add("BI-058", "another type", encoding, atTop("type", "password"))
	add("BI-059", "type a number", encoding, atTop("type", 1))
	add("BI-059", "type null", encoding, atTop("type", nil))
	add("BI-061", "no response", encoding, atTop("response", absent{}))
	add("BI-062", "response a string", encoding, atTop("response", "x"))
	add("BI-062", "response null", encoding, atTop("response", nil))
	add("BI-064", "clientDataJSON a number", encoding, inResponse("clientDataJSON", 1))
	add("BI-064", "no clientDataJSON", encoding, inResponse("clientDataJSON", absent{}))
	add("BI-065", "clientDataJSON empty", encoding, inResponse("clientDataJSON", ""))
	add("BI-073", "extension results an array", webauthn.CheckExtension, atTop("clientExtensionResults", []any{}))
	add("BI-073", "extension results null", webauthn.CheckExtension, atTop("clientExtensionResults", nil))
	add("BI-073", "extension results deep", encoding, addMember(`"deep":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)))
	add("BI-073", "rk a string", "", atTop("clientExtensionResults", map[string]any{"credProps": map[string]any{"rk": "yes"}}))
	add("BI-073", "credProps a number", "", atTop("clientExtensionResults", map[string]any{"credProps": 1}))
	return all
}

func badResponseMembers() (all []badInput) {
	const encoding = webauthn.CheckEncoding
	onCreate := func(row, name string, check webauthn.Check, edit func(string) string) {
		all = append(all, badInput{row, name, check, registrationBody(edit)})
	}
	onGet := func(row, name string, check webauthn.Check, edit func(string) string) {
		all = append(all, badInput{row, name, check, assertionBody(edit)})
	}
	for row, name := range map[string]string{"BI-067": "authenticatorData", "BI-068": "signature"} {
		for label, value := range map[string]any{"missing": absent{}, "a number": 1, "not base64url": "a+b=", "empty": "", "null": nil} {
			onGet(row, name+" "+label, encoding, inResponse(name, value))
		}
	}
	for label, value := range map[string]any{"missing": absent{}, "a number": 1, "not base64url": "a+b=", "null": nil} {
		onCreate("BI-064", "attestationObject "+label, encoding, inResponse("attestationObject", value))
	}
	all = append(all,
		badInput{"BI-070", "attestation-shaped response at sign-in", encoding, func(t *testing.T) error {
			_, err := webauthn.ParseAssertion(create(t, newKey("shape"), webauthn.ES256))
			return err
		}},
		badInput{"BI-071", "assertion-shaped response at registration", encoding, func(t *testing.T) error {
			a := newKey("shape")
			registered(t, a, webauthn.ES256)
			_, err := webauthn.ParseRegistration(get(t, a))
			return err
		}},
	)
	onGet("BI-070", "user handle of 65 bytes", encoding, inResponse("userHandle", b64(make([]byte, 65))))
	onGet("BI-070", "user handle a number", encoding, inResponse("userHandle", 1))
	onGet("BI-070", "credential ID of 1,024 bytes", encoding, members(func(m map[string]any) {
		m["id"] = b64(make([]byte, 1024))
		m["rawId"] = m["id"]
	}))
	onCreate("BI-070", "transports not a list", encoding, inResponse("transports", "usb"))
	onCreate("BI-070", "transports of numbers", encoding, inResponse("transports", []int{1}))
	onCreate("BI-070", "transports without end", encoding, inResponse("transports", strings.Split(strings.Repeat("usb ", 17), " ")))
	onCreate("BI-070", "transport of 33 bytes", encoding, inResponse("transports", []string{strings.Repeat("u", 33)}))
	onCreate("BI-070", "no transports", "", inResponse("transports", absent{}))
	return all
}

func manyMembers(n int) string {
	var names []string
	for i := range n {
		names = append(names, `"m`+string(rune('a'+i))+`":0`)
	}
	return strings.Join(names, ",")
}

func badBase64() (all []badInput) {
	texts := map[string][]string{
		"BI-079": {"AAE="},
		"BI-080": {"A+AA", "A/AA"},
		"BI-082": {"AAF", "AB"},
		"BI-083": {"AA AA", " AAAA", `AA\nAA`, `AAAA\r`},
		"BI-085": {""},
		"BI-086": {"AA１１", "１２３４"},
	}
	for row, list := range texts {
		for _, text := range list {
			edit := func(body string) string {
				const start = `"id":"`
				i := strings.Index(body, start) + len(start)
				id := body[i : i+strings.IndexByte(body[i:], '"')]
				return strings.ReplaceAll(body, `"`+id+`"`, `"`+text+`"`)
			}
			all = append(all, both(row, "id "+text, webauthn.CheckEncoding, edit)...)
			all = append(all, both(row, "clientDataJSON "+text, webauthn.CheckEncoding, inResponse("clientDataJSON", strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(text)))...)
		}
	}
	return all
}

func TestARegistrationKeepsOnlyRealBooleansOfCredProps(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for name, c := range map[string]struct {
		results any
		want    *bool
	}{
		"true":          {map[string]any{"credProps": map[string]any{"rk": true}}, &yes},
		"false":         {map[string]any{"credProps": map[string]any{"rk": false}}, &no},
		"a string":      {map[string]any{"credProps": map[string]any{"rk": "yes"}}, nil},
		"null":          {map[string]any{"credProps": map[string]any{"rk": nil}}, nil},
		"not told":      {map[string]any{"credProps": map[string]any{}}, nil},
		"of no object":  {map[string]any{"credProps": true}, nil},
		"no extensions": {map[string]any{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := atTop("clientExtensionResults", c.results)(string(create(t, newKey("shape"), webauthn.ES256)))
			result, err := finishRegistration([]byte(body), registrationWant())
			if err != nil {
				t.Fatal(err)
			}
			got := result.Discoverable
			if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
				t.Errorf("discoverable = %v, want %v", got, c.want)
			}
			if string(result.ClientExtensions) != string(marshal(t, c.results)) {
				t.Errorf("extension results = %s", result.ClientExtensions)
			}
		})
	}
}

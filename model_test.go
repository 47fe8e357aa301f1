package mapae_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthn"
	"github.com/mapae/mapae/webauthntest"
)

var googles = webauthn.AAGUID{0xea, 0x9b, 0x8d, 0x66, 0x4d, 0x01, 0x1d, 0x21, 0x3c, 0xe4, 0xb6, 0xb4, 0x8c, 0xb5, 0x75, 0xd4}

// phone returns an authenticator of this model.
func phone(model webauthn.AAGUID) *webauthntest.Authenticator {
	a := webauthntest.New(origin)
	a.AAGUID = model
	return a
}

func TestAPasskeyIsNamedAfterItsModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := browser(1)
	in := w.signUp(c, phone(googles), "ann@example.com")
	named := func(want string) {
		t.Helper()
		own := must(w.Passkeys(w.ctx, w.current(in)))(t)
		for _, p := range own {
			if p.Name == want {
				return
			}
		}
		t.Errorf("no passkey is named %q: %+v", want, own)
	}
	named("Google Password Manager")
	w.addPasskey(c, in, phone(googles), "")
	named("Google Password Manager 2")
	w.addPasskey(c, in, phone(googles), "")
	named("Google Password Manager 3")
	w.addPasskey(c, in, phone(googles), "My phone")
	named("My phone")
	w.addPasskey(c, in, phone(webauthn.AAGUID{0xff}), "")
	named("Passkey")
	w.addPasskey(c, in, phone(webauthn.AAGUID{}), "")
	named("Passkey 2")
}

func TestTheShippedModelsAreWellFormed(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("models.tsv")
	if err != nil {
		t.Fatal(err)
	}
	models, err := mapae.ParseModels(data)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[mapae.ModelKind]int{}
	for _, m := range models {
		kinds[m.Kind]++
	}
	if len(models) < 100 || kinds[mapae.ModelPlatform] < 10 || kinds[mapae.ModelPasswordManager] < 10 || kinds[mapae.ModelSecurityKey] < 50 {
		t.Errorf("%d models: %v", len(models), kinds)
	}
	w := newWorld(t)
	if m, ok := w.Model(googles); !ok || m != (mapae.Model{Name: "Google Password Manager", Kind: mapae.ModelPlatform}) {
		t.Errorf("model is %+v, %v", m, ok)
	}
	if m, ok := w.Model(webauthn.AAGUID{}); ok {
		t.Errorf("the AAGUID of zeros is %+v", m)
	}
}

func TestTheOperatorNamesModelsToo(t *testing.T) {
	t.Parallel()
	models, err := mapae.ParseModels([]byte("# ours\r\n\nea9b8d66-4d01-1d21-3ce4-b6b48cb575d4\tplatform\tGoogle\n01020304-0506-0708-090a-0b0c0d0e0f10\tsecurity_key\tBadge"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *mapae.Config) { c.Methods = []mapae.Method{mapae.Passkey{Models: models}} })
	for id, want := range map[webauthn.AAGUID]string{
		googles: "Google", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}: "Badge",
		{0xba, 0xda, 0x55, 0x66, 0xa7, 0xaa, 0x40, 0x1f, 0xbd, 0x96, 0x45, 0x61, 0x9a, 0x55, 0x12, 0x0d}: "1Password",
	} {
		if m, ok := w.Model(id); !ok || m.Name != want {
			t.Errorf("%v is %+v, want %s", id, m, want)
		}
	}
}

func TestModelsThatCanNotBeReadAreRefusedWithTheirLine(t *testing.T) {
	t.Parallel()
	const id = "01020304-0506-0708-090a-0b0c0d0e0f10"
	for name, c := range map[string]struct{ text, fault string }{
		"spaces for tabs":           {id + " platform Name", "1 fields"},
		"a field too many":          {id + "\tplatform\tName\t", "4 fields"},
		"upper case":                {strings.ToUpper(id) + "\tplatform\tName", "is not the AAGUID"},
		"no dashes":                 {strings.ReplaceAll(id, "-", "") + "\tplatform\tName", "is not the AAGUID"},
		"a digit too few":           {id[1:] + "\tplatform\tName", "is not the AAGUID"},
		"a digit too many":          {id + "0\tplatform\tName", "is not the AAGUID"},
		"no hex":                    {"x" + id[1:] + "\tplatform\tName", "is not the AAGUID"},
		"zeros":                     {"00000000-0000-0000-0000-000000000000\tplatform\tName", "is not the AAGUID"},
		"an unknown kind":           {id + "\tphone\tName", `kind "phone"`},
		"no name":                   {id + "\tplatform\t", "name"},
		"a long name":               {id + "\tplatform\t" + strings.Repeat("n", 61), "name"},
		"a name that can't be seen": {id + "\tplatform\tNa\u202eme", "name"},
		"the same twice":            {id + "\tplatform\tName\n" + id + "\tplatform\tOther", "line 2: " + id + " is there twice"},
		"a second line":             {"#\n\tplatform\tName", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if models, err := mapae.ParseModels([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("read %v, %v; want an error with %q", models, err, c.fault)
			}
		})
	}
	if _, err := mapae.ParseModels([]byte(id + "\tplatform\t" + strings.Repeat("마", 60))); err != nil {
		t.Errorf("a name of 60 characters: %v", err)
	}
	cfg := mapae.Config{Store: newWorld(t).store, Secrets: []mapae.RootKey{mapae.NewRootKey()}, RP: mapae.RelyingParty{ID: rpID, Origins: []string{origin}},
		Methods: []mapae.Method{mapae.Passkey{Models: map[webauthn.AAGUID]mapae.Model{{1}: {Name: "Name"}}}}}
	if _, err := mapae.New(cfg); err == nil || !strings.Contains(err.Error(), "kind") {
		t.Errorf("a model without a kind: %v", err)
	}
}

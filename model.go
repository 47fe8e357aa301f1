package mapae

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/mapae/mapae/webauthn"
)

// ModelKind says what holds a passkey.
type ModelKind string

const (
	ModelPlatform        ModelKind = "platform"         // what comes with a device or a browser
	ModelPasswordManager ModelKind = "password_manager" // an application
	ModelSecurityKey     ModelKind = "security_key"     // a thing of its own
)

// Model is a model of authenticator as people know it. It is told and not
// proven, unless an attestation was verified: good for a name in a list, and
// for nothing that must be true.
type Model struct {
	Name string // as its maker calls it, such as "Google Password Manager"
	Kind ModelKind
}

// maxModelName leaves room for a number in a passkey's name.
const maxModelName = maxName - len(" 100")

//go:embed models.tsv
var shippedModels []byte

// Model returns the model that an AAGUID names, where it is known: one of
// Passkey.Models, or one of those that Mapae ships. The AAGUID of zeros, which
// authenticators tell that keep their model to themselves, is none.
func (a *Auth) Model(id webauthn.AAGUID) (Model, bool) {
	m, ok := a.models[id]
	return m, ok
}

// ShippedModels returns the models that Mapae knows by itself.
func ShippedModels() map[webauthn.AAGUID]Model {
	models, err := ParseModels(shippedModels)
	if err != nil {
		panic("mapae: the embedded models: " + err.Error()) // built wrong
	}
	return models
}

// ParseModels reads names of models for Passkey.Models: in each line an AAGUID
// in the canonical form of a UUID, a ModelKind and a name of 1 to 60
// characters, with tabs between them. Empty lines and those that begin with "#"
// are passed over. The error names the line.
func ParseModels(data []byte) (map[webauthn.AAGUID]Model, error) {
	models := map[webauthn.AAGUID]Model{}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, m, err := parseModel(line)
		if err == nil && models[id] != (Model{}) {
			err = fmt.Errorf("%v is there twice", id)
		}
		if err != nil {
			return nil, fmt.Errorf("models, line %d: %w", number, err)
		}
		models[id] = m
	}
	return models, nil
}

func parseModel(line string) (id webauthn.AAGUID, m Model, err error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 3 {
		return id, m, fmt.Errorf("%d fields, want AAGUID, kind and name with tabs between them", len(fields))
	}
	digits := []byte(strings.ReplaceAll(fields[0], "-", ""))
	if hex.DecodedLen(len(digits)) == len(id) {
		_, err = hex.Decode(id[:], digits)
	}
	if err != nil || id.String() != fields[0] || id == (webauthn.AAGUID{}) {
		return id, m, fmt.Errorf("%q is not the AAGUID of a model", fields[0])
	}
	m = Model{Name: fields[2], Kind: ModelKind(fields[1])}
	return id, m, checkModel(m)
}

func checkModel(m Model) error {
	switch m.Kind {
	case ModelPlatform, ModelPasswordManager, ModelSecurityKey:
	default:
		return fmt.Errorf("kind %q: it is %s, %s or %s", m.Kind, ModelPlatform, ModelPasswordManager, ModelSecurityKey)
	}
	if err := checkName(m.Name + " 100"); err != nil || m.Name == "" {
		return fmt.Errorf("name %q: 1 to %d characters that can be seen", m.Name, maxModelName)
	}
	return nil
}

// withModels adds the names that the configuration has to those that are shipped.
func withModels(own map[webauthn.AAGUID]Model) map[webauthn.AAGUID]Model {
	all := ShippedModels()
	maps.Copy(all, own)
	return all
}

// freeName is the name that a passkey gets where its owner gave none: that of
// its model, or "Passkey", and the first number that none of own has.
func (a *Auth) freeName(c Credential, own []Credential) string {
	if c.Name != "" {
		return c.Name
	}
	base := "Passkey"
	if m, ok := a.Model(c.AAGUID); ok {
		base = m.Name
	}
	taken := map[string]bool{}
	for _, other := range own {
		taken[other.Name] = true
	}
	name := base
	for n := 2; taken[name]; n++ {
		name = base + " " + strconv.Itoa(n)
	}
	return name
}

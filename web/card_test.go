package web

import (
	"strings"
	"testing"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/webauthntest"
)

func TestACardShowsTheModelAndItsIcon(t *testing.T) {
	t.Parallel()
	models, err := mapae.ParseModels([]byte("01020304-0506-0708-0102-030405060708\tplatform\tA phone\n" +
		"01020304-0506-0708-0102-030405060709\tpassword_manager\tA vault\n01020304-0506-0708-0102-03040506070a\tsecurity_key\tA key\n"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *mapae.Config, _ *Config) { c.Methods = []mapae.Method{mapae.Passkey{Models: models}} })
	p := w.member(alice)
	icons := map[string]bool{}
	for id, m := range models {
		key := webauthntest.New(home)
		key.AAGUID = id
		if _, err := p.AddPasskey(w.ctx, key, "Mine"); err != nil {
			t.Fatal(err)
		}
		card := p.card(t)
		if !strings.Contains(card, `<span class="model">`+m.Name+"</span>") {
			t.Errorf("the card of %s does not say so:\n%s", m.Name, card)
		}
		icon, _, _ := strings.Cut(card[strings.Index(card, "<svg"):], "</svg>")
		icons[icon] = true
		if _, err := p.AddPasskey(w.ctx, webauthntest.New(home), ""); err != nil {
			t.Fatal(err)
		}
		if card := p.card(t); strings.Contains(card, `class="model"`) {
			t.Errorf("a model that is not known, or is the name already, is told:\n%s", card)
		}
	}
	if len(icons) != len(models) {
		t.Errorf("%d icons for %d kinds of models", len(icons), len(models))
	}
}

// card is the first card of the account page.
func (p person) card(t *testing.T) string {
	t.Helper()
	body := string(p.page("/account").body)
	_, from, ok := strings.Cut(body, `<li class="row" id="passkey-`)
	card, _, ended := strings.Cut(from, "</li>")
	if !ok || !ended {
		t.Fatalf("no card in\n%s", body)
	}
	return card
}

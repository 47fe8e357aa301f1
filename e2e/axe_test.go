package e2e

import (
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// axe returns the script of axe-core. Without it the test is skipped, and fails
// where CI is set.
func axe(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no axe-core: npm ci in this folder installs it")
	}
	return string(script)
}

// violations runs axe-core on the page, for WCAG 2.2 A and AA and its own best
// practices, and returns one line for each thing that it finds.
const violations = `axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.flatMap(
	wrong => wrong.nodes.map(node => wrong.id + ": " + wrong.help + ": " + node.html + " (" + node.any.concat(node.all).map(c => c.message).join("; ") + ")")))`

// accessible fails the test for what axe-core finds in the page in both colour
// schemes, in a narrow and in a wide window.
func (b *tab) accessible(script, what string) {
	b.t.Helper()
	if !eval[bool](b, "!!window.axe") && !eval[bool](b, script+"\n;!!window.axe") {
		b.t.Fatal("axe-core does not load")
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 1280} {
			media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
			b.do("change the window", chromedp.EmulateViewport(width, 844), call(emulation.SetEmulatedMedia, media))
			for _, wrong := range eval[[]string](b, violations) {
				b.t.Errorf("%s, %s, %d px: %s", what, scheme, width, wrong)
			}
		}
	}
	b.do("reset the window", chromedp.EmulateViewport(390, 844), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}))
}

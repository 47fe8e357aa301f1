package e2e

import (
	"fmt"
	"os"
	"testing"
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

// violations runs axe-core on the page and returns one line for each thing that
// it finds; %s are more options.
const violations = `axe.run(document, {resultTypes: ["violations"]%s}).then(found => found.violations.flatMap(
	wrong => wrong.nodes.map(node => wrong.id + ": " + wrong.help + ": " + node.html + " (" + node.any.concat(node.all).map(c => c.message).join("; ") + ")")))`

// coloured are the rules whose verdict colours can change. The stylesheet
// changes nothing but colours with the scheme, so that each width needs the
// others once.
const coloured = `, runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}`

// accessible fails the test for what axe-core finds in the page, for WCAG 2.2 A
// and AA and its own best practices, in both colour schemes, in a narrow and in
// a wide window; and for what does not fit there.
func (b *tab) accessible(script, what string) {
	b.t.Helper()
	if !eval[bool](b, "!!window.axe") && !eval[bool](b, script+"\n;!!window.axe") {
		b.t.Fatal("axe-core does not load")
	}
	for _, width := range []int64{320, 1280} {
		rules := ""
		b.through([]look{{"light", width, "light"}, {"dark", width, "dark"}}, func(l look) {
			for _, wrong := range eval[[]string](b, fmt.Sprintf(violations, rules)) {
				b.t.Errorf("%s, %s, %d px: %s", what, l.name, width, wrong)
			}
			if rules == "" {
				b.fits(what, l)
			}
			rules = coloured
		})
	}
}

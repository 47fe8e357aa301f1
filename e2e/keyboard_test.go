package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// press presses keys, one after the other.
func (b *tab) press(keys string) {
	b.t.Helper()
	b.do("press keys", chromedp.KeyEvent(keys))
}

// focusShown is a condition: where the focus is can be seen, by a line of at
// least 2 px around it, within the window.
const focusShown = `(el => {
	const {outlineStyle, outlineWidth} = getComputedStyle(el), {top, bottom, width} = el.getBoundingClientRect()
	return el === document.body || el.matches(":focus-visible") && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && bottom > 0 && top < innerHeight && width > 0
})(document.activeElement)`

// tabTo presses Tab until what is wanted has the focus, which must be seen
// wherever it comes by.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	b.see(selector)
	for range 60 {
		if eval[bool](b, "document.activeElement.matches("+quote(selector)+")") {
			return
		}
		b.press(kb.Tab)
		b.want(focusShown, "the focus is seen at "+eval[string](b, "document.activeElement.outerHTML.slice(0, 200)"))
	}
	b.t.Fatalf("the Tab key does not lead to %s", selector)
}

// TestAPersonWithAKeyboardSignsUpAndRemovesAPasskey has no mouse: everything is
// done with Tab, Enter, Space, Escape and letters.
func TestAPersonWithAKeyboardSignsUpAndRemovesAPasskey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := openTab(t)
	mine := b.attach(phone())
	b.visit(s.url + "/sign-in")
	b.tabTo(".links a[href*='/sign-up']")
	b.press(kb.Enter)
	b.at("/sign-up")
	b.tabTo("#email")
	b.press("ada@example.com")
	b.tabTo("#name")
	b.press("Ada Lovelace")
	b.tabTo("form .primary")
	b.press(" ")
	b.see("#codes-done")
	b.want("document.activeElement.id === 'codes-title'", "the codes' heading is read out after the system's dialogue")
	b.tabTo("#codes-done")
	b.press(kb.Enter)
	b.at("/account")

	key := b.attach(securityKey())
	mine.touches(false)
	b.tabTo("#add")
	b.press(" ")
	b.until("document.querySelectorAll('.row[data-id]').length === 2 && document.activeElement.id === 'notice'")
	b.tabTo(".row[data-id] [name=rename]")
	b.press(kb.Enter)
	b.until("document.activeElement.name === 'name'")
	b.press("Nonsense" + kb.Escape)
	b.until("document.activeElement.name === 'rename' && document.querySelector('.row h3').textContent !== 'Nonsense'")
	b.press(kb.Enter)
	b.until("document.activeElement.name === 'name'")
	b.press("Blue key" + kb.Enter)
	b.until("document.querySelector('.row h3').textContent === 'Blue key'")

	b.tabTo(".row[data-id] [name=remove]")
	b.press(kb.Enter)
	b.until("document.activeElement.closest('dialog[open]') && document.activeElement.textContent === 'Cancel'")
	b.want(focusShown, "the safe answer has the focus, and shows it")
	b.press(kb.Escape)
	b.until("!document.querySelector('dialog[open]') && document.activeElement.name === 'remove'")
	b.press(" ")
	b.see("dialog[open]")
	b.tabTo("dialog[open] .danger")
	b.press(kb.Enter)
	b.until("document.querySelectorAll('.row[data-id]').length === 1 && document.activeElement.id === 'notice'")
	key.touches(false)
	b.tabTo("header button")
	b.press(kb.Enter)
	b.at("/sign-in")
	b.tabTo("#passkey")
	mine.touches(true)
	b.press(" ")
	b.at("/account")
}

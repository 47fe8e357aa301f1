package e2e

import "testing"

// shifts is how far the page's parts moved without anybody's doing since it was
// loaded: the sum of its layout shifts (Layout Instability §3).
const shifts = `new Promise(done => {
	let sum = 0
	const observer = new PerformanceObserver(list => list.getEntries().forEach(e => { sum += e.hadRecentInput ? 0 : e.value }))
	observer.observe({type: "layout-shift", buffered: true})
	setTimeout(() => done(sum), 500)
})`

func TestNothingOnThePagesJumps(t *testing.T) {
	t.Parallel()
	s := methodSite(t)
	b := openTab(t)
	b.attach(phone()).touches(false)
	b.visit("data:text/html,<p>x</p><script>setTimeout(() => document.body.prepend(Object.assign(document.createElement('div'), {style: 'height:300px'})), 300)</script>")
	b.until("document.querySelector('div')")
	if moved := eval[float64](b, shifts); moved < .01 {
		t.Fatalf("a page that jumps is measured as %.4f", moved)
	}
	still := func(path string) {
		t.Helper()
		b.visit(s.url + path)
		b.at(path)
		if moved := eval[float64](b, shifts); moved >= .01 {
			t.Errorf("%s moves by %.4f", path, moved)
		}
	}
	still("/sign-in")
	still("/sign-up")
	signUpPassword(b, s, "ada@example.com")
	setUpApp(b, s)
	still("/account")
	still("/passkeys")
}

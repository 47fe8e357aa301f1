package e2e

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// pictures is the folder that pictures are wanted in, or empty: taking them is
// most of a run's time.
var pictures = os.Getenv("MAPAE_SCREENSHOTS")

// look is a window, and the colours that its person prefers.
type look struct {
	name   string
	width  int64
	scheme string
}

// looks are what every step is pictured in.
var looks = []look{
	{"320-light", 320, "light"}, {"390-light", 390, "light"}, {"390-dark", 390, "dark"},
	{"1280-light", 1280, "light"}, {"1280-dark", 1280, "dark"},
}

// frames are what every screen is pictured in.
var frames = []look{
	{"phone-light", 390, "light"}, {"phone-dark", 390, "dark"}, {"desktop-light", 1280, "light"}, {"desktop-dark", 1280, "dark"},
}

// through looks at the page as it is in each of the windows, then sets the
// usual one again.
func (b *tab) through(windows []look, f func(look)) {
	b.t.Helper()
	for _, l := range windows {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}}
		b.do("change the window", chromedp.EmulateViewport(l.width, 844), call(emulation.SetEmulatedMedia, media))
		f(l)
	}
	b.do("reset the window", chromedp.EmulateViewport(390, 844), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}))
}

// picture writes what the tab shows to a file.
func (b *tab) picture(folder, name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Errorf("picture of %s: %v", name, err)
		return
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// advert writes the part of the page that a window of that height shows, in at
// most 256 colours, for the README: a person copies it to docs/images.
func (b *tab) advert(l look, height int64) {
	b.t.Helper()
	b.through([]look{l}, func(l look) {
		b.do("change the window", chromedp.EmulateViewport(l.width, height))
		shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			b.t.Fatal(err)
		}
		folder := filepath.Join(pictures, "readme")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, l.name+".png"), fewColours(b.t, shot), 0o644); err != nil {
			b.t.Fatal(err)
		}
	})
}

// fewColours is a PNG in its 256 most frequent colours.
func fewColours(t *testing.T, shot []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	count := map[color.Color]int{}
	box := full.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			count[full.At(x, y)]++
		}
	}
	palette := color.Palette(slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] }))
	small := image.NewPaletted(box, palette[:min(256, len(palette))])
	draw.Draw(small, box, full, box.Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// pictureFailure leaves a picture of what a test did not expect, always.
func (b *tab) pictureFailure() {
	b.t.Helper()
	folder := pictures
	if folder == "" {
		folder = "screenshots"
	}
	b.picture(folder, strings.ReplaceAll(b.t.Name(), "/", "-")+"-failed")
}

// smallTargets lists the visible things to click that are lower or narrower
// than 44 px. The switches of the languages stand close together: there the
// height counts, and 24 px of width (WCAG 2.2, 2.5.8).
const smallTargets = `[...document.querySelectorAll("button,a,input:not([type=hidden]),summary")].filter(el => {
	const {width, height} = el.getBoundingClientRect()
	return el.checkVisibility({visibilityProperty: true}) && (height < 44 || width < (el.closest("p,footer") ? 24 : 44))
}).map(el => el.outerHTML).join("\n")`

// fits fails the test where the page scrolls sideways in that window, or where
// what is clicked is too small for a finger.
func (b *tab) fits(what string, l look) {
	b.t.Helper()
	if wide := eval[int](b, "document.documentElement.scrollWidth"); int64(wide) > l.width {
		b.t.Errorf("%s is %d px wide in a window of %d", what, wide, l.width)
	}
	if small := eval[string](b, smallTargets); small != "" {
		b.t.Errorf("%s at %d px: too small to hit: %s", what, l.width, small)
	}
}

// shoot looks at a step in a narrow and in a wide window, or takes its pictures
// in all where they are wanted.
func (b *tab) shoot(step string) {
	b.t.Helper()
	b.shots++
	windows := []look{looks[0], looks[3]}
	if pictures != "" {
		windows = looks
	}
	b.through(windows, func(l look) {
		b.fits(step, l)
		if pictures != "" {
			b.picture(pictures, fmt.Sprintf("%s-%02d-%s-%s", strings.ReplaceAll(b.t.Name(), "/", "-"), b.shots, step, l.name))
		}
	})
}

package web

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
)

// modules reads the dark modules back from the SVG of a QR code, without its border.
func modules(t *testing.T, uri string) [][]bool {
	t.Helper()
	data, isSVG := strings.CutPrefix(uri, "data:image/svg+xml;base64,")
	raw, err := base64.StdEncoding.DecodeString(data)
	if !isSVG || err != nil {
		t.Fatalf("%v in %q", err, uri)
	}
	var svg struct {
		ViewBox string `xml:"viewBox,attr"`
		Path    []struct {
			D string `xml:"d,attr"`
		} `xml:"path"`
	}
	ok(t, xml.Unmarshal(raw, &svg))
	var size, height int
	if _, err := fmt.Sscanf(svg.ViewBox, "0 0 %d %d", &size, &height); err != nil || size != height || len(svg.Path) != 2 {
		t.Fatalf("%v in %s", err, raw)
	}
	size -= 2 * quiet
	dark := make([][]bool, size)
	for y := range dark {
		dark[y] = make([]bool, size)
	}
	for run := range strings.SplitSeq(strings.TrimSuffix(svg.Path[1].D, "z"), "z") {
		var x, y, length, back int
		if _, err := fmt.Sscanf(run, "M%d %dh%dv1H%d", &x, &y, &length, &back); err != nil || back != x || x < quiet || x+length > size+quiet || y < quiet || y >= size+quiet {
			t.Fatalf("%v in run %q", err, run)
		}
		for i := range length {
			dark[y-quiet][x-quiet+i] = true
		}
	}
	return dark
}

func TestAQRCodeHasThePatternsThatScannersLookFor(t *testing.T) {
	t.Parallel()
	finder := []string{"#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"}
	for _, length := range []int{1, 150, 1500, 2900} {
		picture, err := qrCode(strings.Repeat("x", length))
		ok(t, err)
		dark := modules(t, picture.dataURI())
		size := len(dark)
		if (size-17)%4 != 0 || size < 21 || size > 177 { // ISO/IEC 18004 §6.3.1
			t.Errorf("%d bytes make %d modules", length, size)
		}
		for _, corner := range [][2]int{{0, 0}, {size - 7, 0}, {0, size - 7}} {
			for y, line := range finder {
				for x, want := range line {
					if dark[corner[1]+y][corner[0]+x] != (want == '#') {
						t.Errorf("%d bytes: the finder at %v is wrong at %d,%d", length, corner, x, y)
					}
				}
			}
		}
		for i := 8; i < size-8; i++ { // timing patterns
			if dark[6][i] != (i%2 == 0) || dark[i][6] != (i%2 == 0) {
				t.Errorf("%d bytes: the timing pattern is wrong at %d", length, i)
			}
		}
	}
	one, err := qrCode("otpauth://totp/a")
	ok(t, err)
	if other, err := qrCode("otpauth://totp/b"); err != nil || one == other {
		t.Errorf("two texts are one picture, %v", err)
	}
	if _, err := qrCode(strings.Repeat("x", 3000)); err == nil {
		t.Error("3,000 bytes fit")
	}
}

package web

import (
	"encoding/base64"
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the white border that a QR code needs, in modules (ISO/IEC 18004).
const quiet = 4

// qrPicture is a QR code with its border. Each module is one unit.
type qrPicture struct {
	Size int    // width and height, in modules
	Dark string // SVG path of the dark modules, drawn in runs
}

// qrCode draws text, at most 2,953 bytes, as a QR code.
func qrCode(text string) (qrPicture, error) {
	code, err := qr.Encode(text, qr.L, qr.Auto)
	if err != nil {
		return qrPicture{}, fmt.Errorf("draw a QR code of %d bytes: %w", len(text), err)
	}
	size := code.Bounds().Dx()
	dark := func(x, y int) bool { return x < size && code.At(x, y) == color.Black }
	var path strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			start := x
			for dark(x, y) {
				x++
			}
			if x > start {
				fmt.Fprintf(&path, "M%d %dh%dv1H%dz", start+quiet, y+quiet, x-start, start+quiet)
			}
		}
	}
	return qrPicture{size + 2*quiet, path.String()}, nil
}

// dataURI is the picture as an SVG image in a data URI, for the pages of
// others.
func (p qrPicture) dataURI() string {
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="%[2]s"/></svg>`, p.Size, p.Dark)
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg))
}

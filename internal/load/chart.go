package load

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Size of a chart, in pixels.
const (
	chartWidth, chartHeight = 860, 520
	panelLeft, panelWidth   = 80, 740
	panelHeight             = 150
	maxPoints               = 600 // of a line
)

// line is one line of a panel.
type line struct {
	label, color string
	of           func(Second) float64
}

// WriteChart writes the course of a phase as an SVG picture: operations a
// second above, times below. notes stand beneath the title.
func WriteChart(w io.Writer, p Phase, notes ...string) error {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="13">`+"\n",
		chartWidth, chartHeight, chartWidth, chartHeight)
	fmt.Fprintf(&out, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	fmt.Fprintf(&out, `<text x="%d" y="28" font-size="18" fill="#111">%.0f %ss a second, %d at a time; p50 %.2f ms, p99 %.2f ms</text>`+"\n",
		panelLeft, p.PerSecond, html.EscapeString(p.Name), p.Concurrency, p.P50, p.P99)
	for i, note := range notes {
		fmt.Fprintf(&out, `<text x="%d" y="%d" fill="#555">%s</text>`+"\n", panelLeft, 50+18*i, html.EscapeString(note))
	}
	top := 70 + 18*len(notes)
	course := thin(p.Course)
	drawPanel(&out, course, top, "a second", line{p.Name + "s a second", "#1a5fb4", func(s Second) float64 { return s.PerSecond }})
	drawPanel(&out, course, top+panelHeight+50, "ms", line{"p99", "#c01c28", func(s Second) float64 { return s.P99 }},
		line{"p50", "#26a269", func(s Second) float64 { return s.P50 }})
	out.WriteString("</svg>\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// drawPanel draws lines over one time axis and one scale from zero.
func drawPanel(out *strings.Builder, course []Second, y int, unit string, lines ...line) {
	top, end := 0.0, 0.0
	for _, s := range course {
		end = s.At
		for _, l := range lines {
			top = max(top, l.of(s))
		}
	}
	top, end = roundUp(top), max(end, 1)
	for i := range 5 {
		at := float64(y) + panelHeight*float64(i)/4
		fmt.Fprintf(out, `<path d="M%d %.1fh%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#555">%.4g</text>`+"\n",
			panelLeft, at, panelWidth, panelLeft-8, at+4, top*float64(4-i)/4)
	}
	fmt.Fprintf(out, `<text x="%d" y="%d" fill="#555">%s</text><text x="%d" y="%d" text-anchor="end" fill="#555">%.0f s</text>`+"\n",
		panelLeft, y+panelHeight+18, html.EscapeString(unit), panelLeft+panelWidth, y+panelHeight+18, end)
	for i, l := range lines {
		fmt.Fprintf(out, `<text x="%d" y="%d" fill="%s">%s</text>`, panelLeft+100+160*i, y+panelHeight+18, l.color, html.EscapeString(l.label))
		fmt.Fprintf(out, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="`, l.color)
		for _, s := range course {
			fmt.Fprintf(out, "%.1f,%.1f ", panelLeft+panelWidth*s.At/end, float64(y)+panelHeight*(1-l.of(s)/top))
		}
		out.WriteString(`"/>` + "\n")
	}
}

// roundUp is the next of 1, 2, 2.5, 5 and 10 times a power of ten; of nothing, 1.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if v <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// thin returns a course of at most maxPoints: of seconds that share a point the
// mean rate and the longest times.
func thin(course []Second) []Second {
	per := (len(course) + maxPoints - 1) / maxPoints
	if per <= 1 {
		return course
	}
	var thinned []Second
	for len(course) > 0 {
		n := min(per, len(course))
		point := course[n-1]
		point.PerSecond = 0
		for _, s := range course[:n] {
			point.PerSecond += s.PerSecond / float64(n)
			point.P50, point.P99 = max(point.P50, s.P50), max(point.P99, s.P99)
		}
		thinned, course = append(thinned, point), course[n:]
	}
	return thinned
}

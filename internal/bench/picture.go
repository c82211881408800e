package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// picture is an SVG that is drawn from the top down. Its style follows the
// reader's choice of a light or a dark page.
type picture struct {
	body   strings.Builder
	height int
}

const (
	pictureWidth = 760
	margin       = 16
)

const pictureStyle = `
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.small { font-size: 11.5px; fill: #59636e; }
.other { fill: #afb8c1; }
.alta { fill: #0a7b5c; }
.whisker { stroke: #1f2328; stroke-width: 1.5; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.s0 { fill: #4269d0; } .s1 { fill: #0a7b5c; } .s2 { fill: #6cc5b0; } .s3 { fill: #efb118; }
.s4 { fill: #ff725c; } .s5 { fill: #9c6b4e; } .s6 { fill: #a463f2; } .s7 { fill: #9498a0; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .small { fill: #9198a1; }
  .other { fill: #59636e; }
  .alta { fill: #2fbf8f; }
  .whisker { stroke: #e6edf3; }
  .grid { stroke: #3d444d; }
}
`

// String is the whole file. It has no background, so that it lies on any page.
func (p *picture) String() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">
<style>%s</style>
%s</svg>
`, pictureWidth, p.height, pictureWidth, p.height, pictureStyle, p.body.String())
}

func (p *picture) text(class, anchor string, x, y float64, s string) {
	fmt.Fprintf(&p.body, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`+"\n", class, anchor, x, y, html.EscapeString(s))
}

func (p *picture) rect(class string, x, y, w, h float64) {
	fmt.Fprintf(&p.body, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`+"\n", class, x, y, w, h)
}

func (p *picture) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&p.body, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

// roundUp is the next number of the kind 1, 2, 5, 10 … so that a scale ends well.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	size := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10} {
		if v <= step*size*(1+1e-9) {
			return step * size
		}
	}
	return 10 * size
}

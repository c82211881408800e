package web

import (
	"strings"
	"testing"
)

func TestBarChart(t *testing.T) {
	c := barChart{
		ID: "mails", Title: "Mails & more", Desc: `"><script>`, Labels: []string{"1 <b>", "2"},
		Series: []barSeries{{"Invite", []float64{3, 0}}, {"Reminder", []float64{1, 2}}},
	}
	p, err := c.draw()
	if err != nil {
		t.Fatal(err)
	}
	for variant, svg := range map[string]string{"wide": string(p.Wide), "narrow": string(p.Narrow)} {
		for _, want := range []string{
			`class="chart ` + variant, "<title", "Mails &amp; more", "&lt;script&gt;", "1 &lt;b&gt;", `class="fill-c1"`, `class="fill-c2"`,
			`class="fill-text"`, `class="stroke-grid"`,
		} {
			if !strings.Contains(svg, want) {
				t.Errorf("%s: no %s in\n%s", variant, want, svg)
			}
		}
		for _, forbidden := range []string{"style=", "<script", "<b>", "rgb(", "http"} {
			if strings.Contains(svg, forbidden) {
				t.Errorf("%s: %s in\n%s", variant, forbidden, svg)
			}
		}
	}
	if len(p.Legend) != 2 || p.Legend[1] != (LegendEntry{"c2", "Reminder"}) {
		t.Errorf("legend %v", p.Legend)
	}
}

// A drawing holds what is expected of it, or there is none.
func TestRepaintIsStrict(t *testing.T) {
	for sentence, drawing := range map[string]string{
		"a shape that is none":      `<svg><script style="fill:rgb(0,1,0)">alert(1)</script></svg>`,
		"a colour that is none":     `<svg><path d="M 0 0" style="fill:rgb(9,9,9)"/></svg>`,
		"a shape without a colour":  `<svg><path d="M 0 0"/></svg>`,
		"a drawing that breaks off": `<svg><path d="M 0 0" style="fill:rgb(0,1,0)"`,
	} {
		if got, err := repaint([]byte(drawing)); err == nil {
			t.Errorf("%s became %s", sentence, got)
		}
	}
}

func TestShortNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 250: "250", 9999: "9999", 12000: "12k", 12500: "12.5k", 3_400_000: "3.4M", 2.5: "2.5"} {
		if got := shortNumber(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

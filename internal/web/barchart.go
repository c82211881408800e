package web

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"strings"

	"github.com/go-analyze/charts"
)

// barChart is a chart of bars that stand on each other.
type barChart struct {
	ID     string // for the names of its parts within the page
	Title  string
	Desc   string // what it shows, for whoever can't see it
	Labels []string
	Series []barSeries
}

// barSeries is one layer of the bars.
type barSeries struct {
	Name   string
	Values []float64
}

// Picture is a chart as it stands in a page: one drawing for wide screens and one
// for phones, whose letters would be too small otherwise.
type Picture struct {
	Wide, Narrow template.HTML
	Legend       []LegendEntry
}

// LegendEntry names a colour of a chart.
type LegendEntry struct {
	Class, Name string
}

const mostSeries = 5 // as many colours as the style sheet has

// draw draws the chart.
func (c barChart) draw() (Picture, error) {
	var p Picture
	var err error
	if p.Wide, err = c.svg("wide", 640, 230, 13); err != nil {
		return p, fmt.Errorf("draw %s: %w", c.ID, err)
	}
	if p.Narrow, err = c.svg("narrow", 340, 220, 12); err != nil {
		return p, fmt.Errorf("draw %s: %w", c.ID, err)
	}
	for i, s := range c.Series {
		p.Legend = append(p.Legend, LegendEntry{fmt.Sprintf("c%d", i+1), s.Name})
	}
	return p, nil
}

func (c barChart) svg(variant string, width, height int, size float64) (template.HTML, error) {
	if len(c.Series) == 0 || len(c.Series) > mostSeries || len(c.Labels) == 0 {
		return "", errors.New("no figures, or more kinds of them than colours")
	}
	var values [][]float64
	for _, s := range c.Series {
		values = append(values, s.Values)
	}
	o := charts.NewBarChartOptionWithData(values)
	o.Theme = inkTheme()
	o.Padding = charts.NewBox(4, 12, 18, 4)
	o.StackSeries = charts.Ptr(true)
	o.Legend.Show = charts.Ptr(false)
	o.CategoryAxis.Labels = thinned(c.Labels, width/int(6*size))
	o.CategoryAxis.LabelCount = len(c.Labels)
	o.CategoryAxis.LabelFontStyle = charts.FontStyle{FontSize: size * 0.75}
	o.ValueAxis[0].LabelFontStyle = charts.FontStyle{FontSize: size * 0.75}
	o.ValueAxis[0].Min = charts.Ptr(0.0)
	o.ValueFormatter = shortNumber
	if most := c.highest(); most < 5 {
		o.ValueAxis[0].Max = charts.Ptr(5.0) // so that no line stands between whole numbers
		o.ValueAxis[0].LabelCount = 6
	}
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: width, Height: height})
	if err := painter.BarChart(o); err != nil {
		return "", err
	}
	drawn, err := painter.Bytes()
	if err != nil {
		return "", err
	}
	id := html.EscapeString(c.ID + "-" + variant)
	shapes, err := repaint(drawn)
	if err != nil {
		return "", err
	}
	return template.HTML(fmt.Sprintf(
		`<svg class="chart %s" viewBox="0 0 %d %d" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>%s</svg>`,
		variant, width, height, id, id, id, html.EscapeString(c.Title), id, html.EscapeString(c.Desc), shapes)), nil
}

// thinned keeps at most so many labels, evenly, so that none stands upon another;
// and none below the last of many bars, where it would not fit.
func thinned(labels []string, most int) []string {
	every := (len(labels) + most - 1) / most
	kept := make([]string, len(labels))
	for i := len(labels) - 1 - every/2; i >= 0; i -= every {
		kept[i] = labels[i]
	}
	return kept
}

func (c barChart) highest() (most float64) {
	for i := range c.Labels {
		sum := 0.0
		for _, s := range c.Series {
			sum += s.Values[i]
		}
		most = max(most, sum)
	}
	return most
}

// shortNumber writes the numbers of an axis: 0, 250, 12k, 3.4M.
func shortNumber(v float64) string {
	trim := func(v float64, unit string) string {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") + unit
	}
	switch {
	case v >= 1e6:
		return trim(v/1e6, "M")
	case v >= 1e4:
		return trim(v/1e3, "k")
	}
	return trim(v, "")
}

// inks are the colours that a chart is drawn with. They stand for classes of the
// style sheet, which knows what they are in light and in dark.
func inks() map[string]charts.Color {
	return map[string]charts.Color{
		"axis": charts.ColorRGB(1, 0, 0), "grid": charts.ColorRGB(2, 0, 0), "text": charts.ColorRGB(3, 0, 0), "ground": charts.ColorRGB(4, 0, 0),
		"c1": charts.ColorRGB(0, 1, 0), "c2": charts.ColorRGB(0, 2, 0), "c3": charts.ColorRGB(0, 3, 0), "c4": charts.ColorRGB(0, 4, 0), "c5": charts.ColorRGB(0, 5, 0),
	}
}

func inkTheme() charts.ColorPalette {
	ink := inks()
	return charts.MakeTheme(charts.ThemeOption{
		AxisStrokeColor: ink["axis"], AxisSplitLineColor: ink["grid"], BackgroundColor: ink["ground"], TextColor: ink["text"],
		SeriesColors: []charts.Color{ink["c1"], ink["c2"], ink["c3"], ink["c4"], ink["c5"]},
	})
}

// repaint writes the shapes of a drawing anew, with classes in place of the
// attributes "style", which the policy of the pages forbids and which know one
// colour scheme. Nothing but paths and texts comes through.
func repaint(drawn []byte) (string, error) {
	var out strings.Builder
	names := map[string]string{}
	for name, c := range inks() {
		names[fmt.Sprintf("rgb(%d,%d,%d)", c.R, c.G, c.B)] = name
	}
	d := xml.NewDecoder(bytes.NewReader(drawn))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out.String(), nil
		}
		if err != nil {
			return "", fmt.Errorf("read the drawing: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local == "svg" {
			continue
		}
		var shape drawnShape
		if err := d.DecodeElement(&shape, &start); err != nil {
			return "", fmt.Errorf("read a shape: %w", err)
		}
		class, err := inkClass(shape.Style, names)
		if err != nil {
			return "", err
		}
		switch {
		case strings.HasSuffix(class, "ground"):
		case start.Name.Local == "path":
			fmt.Fprintf(&out, `<path class="%s" d="%s"/>`, class, html.EscapeString(strings.Join(strings.Fields(shape.D), " ")))
		case start.Name.Local == "text":
			fmt.Fprintf(&out, `<text class="%s" x="%s" y="%s"%s>%s</text>`, class, html.EscapeString(shape.X), html.EscapeString(shape.Y),
				sizeOf(shape.Style), html.EscapeString(shape.Text))
		default:
			return "", fmt.Errorf("a drawing holds a shape %q, which nobody expects", start.Name.Local)
		}
	}
}

// drawnShape is what is read of a path or a text.
type drawnShape struct {
	D     string `xml:"d,attr"`
	X     string `xml:"x,attr"`
	Y     string `xml:"y,attr"`
	Style string `xml:"style,attr"`
	Text  string `xml:",chardata"`
}

// inkClass finds the one ink of a style, by the names of the colours: "fill-c1" or
// "stroke-grid".
func inkClass(style string, names map[string]string) (string, error) {
	for declaration := range strings.SplitSeq(style, ";") {
		property, value, _ := strings.Cut(declaration, ":")
		if property != "fill" && property != "stroke" || value == "none" {
			continue
		}
		if name, ok := names[value]; ok {
			return property + "-" + name, nil
		}
		return "", fmt.Errorf("a drawing has the colour %q, which is none of the inks", value)
	}
	return "", fmt.Errorf("a shape has no colour: %q", style)
}

// sizeOf keeps the size that the places of a text were measured with.
func sizeOf(style string) string {
	for declaration := range strings.SplitSeq(style, ";") {
		if size, ok := strings.CutPrefix(declaration, "font-size:"); ok {
			return ` font-size="` + html.EscapeString(size) + `"`
		}
	}
	return ""
}

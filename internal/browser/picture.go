package browser

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"

	"github.com/chromedp/chromedp"
)

// Picture is the whole page as a PNG of at most 256 colours, which pages of text
// have few more of: it is a third of the size.
func (p *Page) Picture() []byte {
	p.t.Helper()
	full, err := png.Decode(bytes.NewReader(p.whole()))
	if err != nil {
		p.t.Fatalf("read the picture: %v", err)
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, reduce(full)); err != nil {
		p.t.Fatalf("write the picture: %v", err)
	}
	return small.Bytes()
}

// mostTakes bounds how often a picture is taken until two are the same.
const mostTakes = 10

// whole takes the picture in a window as tall as the page, since frames outside of a
// window are not painted, and waits until nothing more appears.
func (p *Page) whole() []byte {
	p.t.Helper()
	tall := Eval[int64](p, "document.documentElement.scrollHeight")
	p.do("make the window taller", chromedp.EmulateViewport(p.look.Width, max(tall, height)))
	defer p.dress(p.look)
	var taken []byte
	for range mostTakes {
		Eval[bool](p, "new Promise(painted => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => painted(true), 100))))")
		before := taken
		if taken = ask(p, "take a picture", chromedp.CaptureScreenshot()); before != nil && bytes.Equal(before, taken) {
			break
		}
	}
	return taken
}

// mostColours is what a palette of PNG may hold.
const mostColours = 256

// reduce keeps the most frequent colours and paints the others in the nearest one.
func reduce(full image.Image) *image.Paletted {
	counts := map[color.RGBA]int{}
	area := full.Bounds()
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	byCount := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(number(a), number(b)))
	})
	var palette color.Palette
	for _, c := range byCount[:min(mostColours, len(byCount))] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	for _, c := range byCount {
		index[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(area, palette)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			small.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	return small
}

// number orders colours that are as frequent.
func number(c color.RGBA) int { return int(c.R)<<16 | int(c.G)<<8 | int(c.B) }

package main

import "fmt"

// stageBar is the picture of where the CPU time of a mail goes: one bar of all
// stages, and a legend with their figures.
func (f findings) stageBar() string {
	const (
		top, height = 38.0, 34.0
		columns     = 2
		rowHeight   = 22.0
		swatch      = 12.0
	)
	p := &picture{}
	p.text("title", "start", margin, 24, fmt.Sprintf("CPU of alta: %s microseconds a mail, by stage", number(f.stages.total())))
	width := float64(pictureWidth - 2*margin)
	x := float64(margin)
	for i, s := range allStages() {
		class := fmt.Sprintf("s%d", i)
		if part := f.stages.share(s) * width; part > 0 {
			p.rect(class, x, top, part, height)
			x += part
		}
		left := margin + float64(i%columns)*width/columns
		y := top + height + 20 + float64(i/columns)*rowHeight
		p.rect(class, left, y-swatch+1, swatch, swatch)
		p.text("label", "start", left+swatch+8, y, fmt.Sprintf("%s: %s us, %.0f %%", s, number(f.stages[s].median()), 100*f.stages.share(s)))
	}
	p.height = int(top+height+20) + (len(allStages())+1)/columns*int(rowHeight)
	return p.String()
}

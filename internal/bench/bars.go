package main

import (
	"fmt"
	"strings"
)

const (
	barHeight  = 18.0
	barStep    = 30.0
	labelWidth = 290.0
	valueWidth = 70.0 // right of the longest bar
)

// bars is the picture of the rates: on a wire without delay, and through the
// slow link, each with a scale of its own.
func (f findings) bars() string {
	p := &picture{}
	y := f.panel(p, 24, "Mails per second, loopback", senders())
	y = f.panel(p, y+16, fmt.Sprintf("Mails per second, SMTP server %d ms of round trip away", slowLink.Milliseconds()), linkSenders())
	p.text("small", "start", margin, y+8, fmt.Sprintf("Bars are medians of %d rounds, whiskers least and most; %d kept connections.", f.rounds, smtpConnections))
	p.height = int(y) + 24
	return p.String()
}

// panel draws one group of bars and returns where it ends.
func (f findings) panel(p *picture, y float64, title string, group []sender) float64 {
	most := 0.0
	for _, s := range group {
		most = max(most, f.results.of(s.measurement, rate).max())
	}
	scale := roundUp(most)
	width := pictureWidth - 2*margin - labelWidth - valueWidth
	at := func(v float64) float64 { return margin + labelWidth + v/scale*width }

	p.text("title", "start", margin, y, title)
	y += 14
	top := y
	rows := 0.0
	for _, s := range group {
		if len(f.results.of(s.measurement, rate)) > 0 {
			rows++
		}
	}
	for _, part := range []float64{0, 0.5, 1} {
		p.line("grid", at(part*scale), top, at(part*scale), top+rows*barStep)
		p.text("small", "middle", at(part*scale), top+rows*barStep+14, number(part*scale))
	}
	for _, s := range group {
		r := f.results.of(s.measurement, rate)
		if len(r) == 0 {
			continue
		}
		class := "other"
		if strings.HasPrefix(s.name, "alta") {
			class = "alta"
		}
		middle := y + barStep/2
		p.text("label", "end", margin+labelWidth-10, middle+4.5, s.name)
		p.rect(class, at(0), middle-barHeight/2, max(at(r.median())-at(0), 1), barHeight)
		p.line("whisker", at(r.min()), middle, at(r.max()), middle)
		for _, end := range []float64{r.min(), r.max()} {
			p.line("whisker", at(end), middle-4, at(end), middle+4)
		}
		p.text("label", "start", at(r.max())+8, middle+4.5, number(r.median()))
		y += barStep
	}
	return y + 30
}

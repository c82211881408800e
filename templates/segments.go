package templates

import (
	"html"
	"strings"
)

// slot is a place of a mail that shows a value of the user's own: which one, and
// how it is written there.
type slot struct {
	value   value
	writing writing
}

// value is one of the values that differ between the mails of a variant.
type value int

const (
	nameValue value = iota
	linkValue
	untilValue
	optOutValue
	valueCount
)

// writing is how a value is written.
type writing int

const (
	// verbatim is for text.
	verbatim writing = iota
	// inAttribute is how Href and OptOutHref write an address.
	inAttribute
	// inPage is how html/template writes a value in the text of an element, in a
	// quoted attribute and in a title. It has other ways for other places; a
	// template that needs one of them is executed.
	inPage
	writingCount
)

// pageEscaper is html/template's escaper for those places.
var pageEscaper = strings.NewReplacer(
	"\x00", "\uFFFD", `"`, "&#34;", "&", "&amp;", "'", "&#39;", "+", "&#43;", "<", "&lt;", ">", "&gt;")

func (w writing) write(s string) string {
	switch w {
	case inAttribute:
		return html.EscapeString(s)
	case inPage:
		return pageEscaper.Replace(s)
	default:
		return s
	}
}

// segments is a rendered text, cut where values stand: texts[0], slots[0],
// texts[1] and so on, so that there is one more text than there are slots.
type segments struct {
	texts []string
	slots []slot
}

// cut cuts a text that was rendered with the probe's values. It reports false
// where one of them is written in a way that is none of the writings.
func cut(rendered string, p *probe) (segments, bool) {
	var s segments
	for {
		at, found := p.next(rendered)
		if at < 0 {
			s.texts = append(s.texts, strings.Clone(rendered))
			return s, true
		}
		written := ""
		var place slot
		for w := range writingCount {
			if as := p.written[found][w]; strings.HasPrefix(rendered[at:], as) {
				place, written = slot{found, w}, as
			}
		}
		if written == "" {
			return segments{}, false
		}
		s.texts = append(s.texts, strings.Clone(rendered[:at]))
		s.slots = append(s.slots, place)
		rendered = rendered[at+len(written):]
	}
}

// join puts the values into the slots.
func (s *segments) join(f *filling) string {
	if len(s.slots) == 0 {
		return s.texts[0]
	}
	var b strings.Builder
	b.Grow(s.length(f))
	for i, place := range s.slots {
		b.WriteString(s.texts[i])
		b.WriteString(f[place.value][place.writing])
	}
	b.WriteString(s.texts[len(s.slots)])
	return b.String()
}

// appendTo is join into a buffer.
func (s *segments) appendTo(b []byte, f *filling) []byte {
	for i, place := range s.slots {
		b = append(b, s.texts[i]...)
		b = append(b, f[place.value][place.writing]...)
	}
	return append(b, s.texts[len(s.slots)]...)
}

// length is how many bytes there are with the values in the slots.
func (s *segments) length(f *filling) int {
	n := len(s.texts[len(s.slots)])
	for i, place := range s.slots {
		n += len(s.texts[i]) + len(f[place.value][place.writing])
	}
	return n
}

// filling holds the values of one mail in each writing that the mail needs.
type filling [valueCount][writingCount]string

// fill writes the values as the slots need them.
func (f *filling) fill(slots []slot, v *Variables) {
	for _, place := range slots {
		if to := &f[place.value][place.writing]; *to == "" {
			*to = place.writing.write(v.own(place.value))
		}
	}
}

// own returns a value of the user's own.
func (v *Variables) own(which value) string {
	switch which {
	case nameValue:
		return v.Name
	case linkValue:
		return v.Link
	case untilValue:
		return v.ValidUntil
	default:
		return v.OptOut
	}
}

package templates

import "strings"

// ownValues are the values of one mail that are the user's own.
type ownValues [valueCount]string

// there tells which of the values a mail has. In all mails of a variant they are the
// same ones.
func (v *Variables) there() (there [valueCount]bool) {
	for which := range valueCount {
		there[which] = v.own(which) != ""
	}
	return there
}

// set puts them into v, save for those that the variant has not.
func (o *ownValues) set(v *Variables, there [valueCount]bool) {
	for which, field := range [valueCount]*string{nameValue: &v.Name, linkValue: &v.Link, untilValue: &v.ValidUntil, optOutValue: &v.OptOut} {
		if *field = ""; there[which] {
			*field = o[which]
		}
	}
}

// probe is values that are found again in what was rendered with them, and
// that each way of writing changes in its own way.
type probe struct {
	ownValues
	marks   ownValues // what the values begin with
	written filling
}

func newProbe() *probe {
	p := &probe{marks: ownValues{nameValue: "q7Name7q", linkValue: "q7Link7q", untilValue: "q7Until7q", optOutValue: "q7OptOut7q"}}
	var ascii strings.Builder
	for c := range byte(0x80) {
		ascii.WriteByte(c)
	}
	for v, mark := range p.marks {
		p.ownValues[v] = mark + ascii.String() + "\u00a0\u00f1\u2028\ufdd0\ufffd\U0001f600\xff" + everyTrap
		for w := range writingCount {
			p.written[v][w] = w.write(p.ownValues[v])
		}
	}
	return p
}

// everyTrap holds what a place that is not plain text treats in a way of its own.
const everyTrap = `javascript:x "><script>alert('x')</script> --> {{.Link}} %zz%41 &amp; a=b+c` + "`$\\"

// next returns where the next value begins, or -1, and which one it is.
func (p *probe) next(s string) (int, value) {
	first, which := -1, nameValue
	for v, mark := range p.marks {
		if at := strings.Index(s, mark); at >= 0 && (first < 0 || at < first) {
			first, which = at, value(v)
		}
	}
	return first, which
}

// proves tells whether the variant writes what execution does. html/template
// refuses a special value in some places and writes a plain one, so there are
// both; and long and short ones, for the lines of the text.
func (m *mail) proves(r *variant, v Variables, there [valueCount]bool) bool {
	for _, proof := range []ownValues{
		{nameValue: "Ana", linkValue: "https://x.example/a", untilValue: "hoy", optOutValue: "https://x.example/u"},
		{nameValue: everyTrap, linkValue: sampleLink, untilValue: everyTrap, optOutValue: sampleLink + "&u=1"},
		{
			nameValue:   "Comercializadora Internacional de Productos Agr\u00edcolas y Pesqueros El \u00c1guila, S.A. de C.V.",
			linkValue:   "https://x.example/" + strings.Repeat("0123456789", 20),
			untilValue:  "mi\u00e9rcoles 30 de septiembre de 2026 a las 12:30 p.\u00a0m. (hora de Ciudad de M\u00e9xico)",
			optOutValue: "https://x.example/u/" + strings.Repeat("9876543210", 20),
		},
	} {
		proof.set(&v, there)
		want, err := m.write(&v)
		got, ok := m.fill(r, &v)
		if err != nil || !ok || got != want {
			return false
		}
	}
	return true
}

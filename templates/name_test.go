package templates

import (
	"strings"
	"testing"
	"unicode"

	"alta/pipeline"
)

// A name is greeted as it is given, unless it is none or would become a link.
func TestGreetingName(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"a full name stays whole", "María Fernanda Núñez Ortega", "María Fernanda Núñez Ortega"},
		{"an abbreviated name stays", "Ma. del Carmen D'Alessio-Peña", "Ma. del Carmen D'Alessio-Peña"},
		{"a company's form stays", "El Águila, S.A.P.I. de C.V.", "El Águila, S.A.P.I. de C.V."},
		{"markup is only text", "<b>Ana</b> & Luis", "<b>Ana</b> & Luis"},
		{"spaces fold into one", "  Ana \t Luisa\u00a0 Paz ", "Ana Luisa Paz"},
		{"a line break is a space", "Ana\r\nBcc: x", "Ana Bcc: x"},
		{"invisible characters go", "A\u200bna\u202e Paz\x00", "Ana Paz"},
		{"a character that is not UTF-8 goes", "Ana\xff Paz", "Ana Paz"},
		{"an empty name is none", "", ""},
		{"punctuation is no name", " - , . ", ""},
		{"digits are no name", "5512345678", ""},
		{"a URL is no name", "gana ya https://x.example", ""},
		{"a host is no name", "gana en x.example", ""},
		{"an address is no name", "ana@localhost", ""},
		{"an essay is no name", strings.Repeat("bla ", 26), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := greetingName(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// Whoever has no name is greeted without one.
func TestGreetingWithoutName(t *testing.T) {
	s := load(t, "")
	for _, d := range everyDelivery() {
		d.User.Name = "…"
		if c := render(t, s, d); !strings.Contains(c.Text, "\nHola:\n") || !strings.Contains(c.HTML, "<p style=\"margin:0 0 16px\">Hola:</p>") {
			t.Errorf("%s %s: no greeting without a name", d.User.Locale, d.Step)
		}
	}
}

func FuzzGreetingName(f *testing.F) {
	f.Add("María Fernanda")
	f.Add("Ana\r\nBcc: x\u202e")
	f.Add("<b>\xff x.example")
	f.Fuzz(func(t *testing.T, name string) {
		got := greetingName(name)
		if greetingName(got) != got {
			t.Errorf("%q becomes %q and then another name", name, got)
		}
		if strings.ContainsFunc(got, unicode.IsControl) || strings.TrimSpace(got) != got || strings.Contains(got, "://") {
			t.Errorf("%q becomes %q", name, got)
		}
		if got != "" && !strings.ContainsFunc(got, unicode.IsLetter) {
			t.Errorf("%q is no name", got)
		}
	})
}

// A long word of a name doesn't make the page wide.
func TestLongNameMayBreak(t *testing.T) {
	d := delivery(pipeline.ESMX, pipeline.Invite, pipeline.Individual)
	d.User.Name = strings.Repeat("Wolfeschlegelstein", 5)
	page := render(t, load(t, ""), d).HTML
	before, _, found := strings.Cut(page, d.User.Name)
	if !found || !strings.Contains(before[strings.LastIndex(before, "<div"):], "overflow-wrap:anywhere") {
		t.Error("the greeting does not break long words")
	}
}

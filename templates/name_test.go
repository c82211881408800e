package templates

import (
	"regexp"
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
		{"a shortened María needs no space", "Ma.Guadalupe Ríos", "Ma.Guadalupe Ríos"},
		{"nor does it in capitals", "MA.GUADALUPE RÍOS", "MA.GUADALUPE RÍOS"},
		{"a degree needs no space", "Lic.Juan Pérez", "Lic.Juan Pérez"},
		{"a title needs no space", "Dr.José Peña", "Dr.José Peña"},
		{"a title of four letters needs no space", "Mtra.Ana Luz", "Mtra.Ana Luz"},
		{"an initial needs no space", "María del C.Gómez", "María del C.Gómez"},
		{"accents written as marks of their own change nothing", "Dr.Jose\u0301 Pen\u0303a", "Dr.Jose\u0301 Pen\u0303a"},
		{"markup is only text", "<b>Ana & Luis", "<b>Ana & Luis"},
		{"a company may carry a year", "Grupo 2000-1, S.A.", "Grupo 2000-1, S.A."},
		{"spaces fold into one", "  Ana \t Luisa\u00a0 Paz ", "Ana Luisa Paz"},
		{"a line break is a space", "Ana\r\nBcc: x", "Ana Bcc: x"},
		{"invisible characters go", "A\u200bna\u202e Paz\x00", "Ana Paz"},
		{"a character that is not UTF-8 goes", "Ana\xff Paz", "Ana Paz"},
		{"an empty name is none", "", ""},
		{"punctuation is no name", " - , . ", ""},
		{"digits are no name", "5512345678", ""},
		{"a telephone number is no name", "llama al 55 1234 5678", ""},
		{"six digits are refused wherever they stand", "A1n2a3 P4a5z6", ""},
		{"digits of another script are digits", "Ana ５５１２３４", ""},
		{"digits in circles are digits", "Ana ⑤⑤①②③④", ""},
		{"a path is no name", "gana en t/premio", ""},
		{"an ideographic full stop is a dot", "gana en x。example", ""},
		{"a half-width ideographic full stop is a dot", "gana en x｡example", ""},
		{"a full-width full stop is a dot", "gana en x．example", ""},
		{"a one dot leader looks like a dot", "gana en x․example", ""},
		{"a dot behind an accent of its own is a dot", "gana en cafe\u0301.example", ""},
		{"a capitalized host is no abbreviation", "Entra a Bit.Ly", ""},
		{"nor is one of a single letter", "Entra a X.Com", ""},
		{"nor is one in capitals", "ENTRA A GANA.COM", ""},
		{"nor is one behind an abbreviation", "Dr.Gana.Com", ""},
		{"nor is a coded one", "Entra a Ma.Xn--P1ai", ""},
		{"nor is one in another script", "Entra a Ma.Рф", ""},
		{"a name that is also a country's domain is not risked", "Lic.Ma.Eugenia Paz", ""},
		{"a long word is no abbreviation", "Entra a Premio.Oficial", ""},
		{"a word in small letters is no abbreviation", "gana.Premio", ""},
		{"a small letter follows no abbreviation", "Ma.guadalupe", ""},
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
	host := regexp.MustCompile(`(?i)\pL\.(com|mx|do)( |$)`)
	f.Add("María Fernanda")
	f.Add("Ana\r\nBcc: x\u202e")
	f.Add("<b>\xff x.example")
	f.Add("Ma.Guadalupe X.Com")
	f.Add("llama al 55 1234 5678")
	f.Fuzz(func(t *testing.T, name string) {
		got := greetingName(name)
		if greetingName(got) != got {
			t.Errorf("%q becomes %q and then another name", name, got)
		}
		if strings.ContainsFunc(got, unicode.IsControl) || strings.TrimSpace(got) != got ||
			strings.ContainsAny(got, "/@。．｡․") || countDigits(got) > maxNameDigits || host.MatchString(got) {
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

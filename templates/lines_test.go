package templates

import (
	"html/template"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A text that is tidied with its slots open reads, once they are filled, as if it
// had been tidied with the values in it.
func TestTidyLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{
			"", " ", "  ", "\t", "\n", "\n\n", "\r\n", " \n", "a", "palabra", "ñandú ", " x\u00a0y ", strings.Repeat("z", 77), strings.Repeat("é", 79),
			strings.Repeat("muy larga ", 9), "----\n", "\xff", "\v", "\u2028",
		})
		text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "") })
		raw := segments{texts: []string{text.Draw(t, "text")}}
		for range rapid.IntRange(0, 6).Draw(t, "slots") {
			raw.slots = append(raw.slots, slot{value(rapid.IntRange(0, int(valueCount)-1).Draw(t, "value")), verbatim})
			raw.texts = append(raw.texts, text.Draw(t, "text"))
		}
		var f filling
		for v := range f {
			f[v][verbatim] = strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{" ", "\t", "ana", "ñ", "x\u00a0", "\r", strings.Repeat("w", 80), "\xff"}), 0, 9).Draw(t, "words"), "") + "."
			if !fitsALine(f[v][verbatim]) {
				t.Fatal("the test's value does not fit a line")
			}
		}
		want := plainText(raw.join(&f))
		tidied, some := tidyLines(raw)
		if !some {
			if len(raw.slots) > 0 || want != "\n" {
				t.Fatalf("%q is called blank", want)
			}
			return
		}
		if got := tidied.join(&f); got != want {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
		for v := range valueCount {
			if place := (slot{v, verbatim}); tidied.holdAlone(place) && !strings.ContainsAny(f[v][verbatim], " \t") &&
				!strings.Contains("\n"+want, "\n"+f[v][verbatim]+"\n") {
				t.Fatalf("no line is %q in %q", f[v][verbatim], want)
			}
		}
	})
}

// FuzzWriting holds what is written in pages against html/template itself, in each
// place where it is written so.
func FuzzWriting(f *testing.F) {
	f.Add("<b>Tom & \"Jerry\"+'x'\x00\xff ZgotmplZ")
	f.Add("q7Name7q\ufdd0\ufffe\u2028`={{.}}")
	page := template.Must(template.New("").Parse(`<title>{{.}}</title><p title="{{.}}" class='{{.}}'>{{.}}<textarea>{{.}}</textarea></p>`))
	f.Fuzz(func(t *testing.T, s string) {
		var got strings.Builder
		if err := page.Execute(&got, s); err != nil {
			t.Fatal(err)
		}
		w := inPage.write(s)
		if want := `<title>` + w + `</title><p title="` + w + `" class='` + w + `'>` + w + `<textarea>` + w + `</textarea></p>`; got.String() != want {
			t.Errorf("%q is written\n%s\nand by html/template\n%s", s, want, got.String())
		}
		if href := (&Variables{Link: s}).Href(); string(href) != `href="`+inAttribute.write(s)+`"` {
			t.Errorf("%q is written %q, in Href %q", s, inAttribute.write(s), href)
		}
	})
}

package templates

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Text is tidied for programs that show it as it is.
func TestPlainText(t *testing.T) {
	long := strings.Repeat("a", 100)
	for _, tc := range []struct{ name, in, want string }{
		{"empty lines fold into one", "\n\na\n\n \n\nb\n\n", "a\n\nb\n"},
		{"spaces at the end of a line go", "a \t\r\nb ", "a\nb\n"},
		{"a line of 78 characters stays", strings.Repeat("é", 78), strings.Repeat("é", 78) + "\n"},
		{"a longer line breaks at a space", strings.Repeat("ñ", 70) + " " + strings.Repeat("o", 8), strings.Repeat("ñ", 70) + "\noooooooo\n"},
		{"a long word stays whole", long, long + "\n"},
		{"a long word among others stands alone", "a " + long + " b", "a\n" + long + "\nb\n"},
		{"a space that does not break keeps words together", strings.Repeat("x", 75) + " p.\u00a0m.", strings.Repeat("x", 75) + "\np.\u00a0m.\n"},
		{"nothing is an empty line", "", "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := plainText(tc.in); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

func FuzzPlainText(f *testing.F) {
	f.Add("Hola, Ana:\n\n\nhttps://x.example/s?_al=TOKEN==\n")
	f.Add(strings.Repeat("palabra ", 30) + "\r\n\t" + strings.Repeat("z", 90))
	f.Fuzz(func(t *testing.T, text string) {
		got := plainText(text)
		if again := plainText(got); again != got {
			t.Errorf("tidied twice, %q becomes %q", got, again)
		}
		if !slices.Equal(strings.Fields(got), strings.Fields(text)) {
			t.Errorf("%q loses or gains words: %q", text, got)
		}
		for line := range strings.Lines(got) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > maxLine && strings.Contains(line, " ") {
				t.Errorf("a long line could break: %q", line)
			}
		}
	})
}

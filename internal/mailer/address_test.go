package mailer

import (
	"net/mail"
	"testing"
)

func TestIsDotAtoms(t *testing.T) {
	for spec, want := range map[string]bool{
		"ana@example.com": true, "ana.p-3+x_y@mail.example.com": true, "1@2": true,
		"": false, "@": false, "ana": false, "ana@": false, "@example.com": false, "ana@example@com": false,
		".ana@example.com": false, "ana.@example.com": false, "a..b@example.com": false, "ana@example.com.": false,
		"ana@.com": false, "ana b@example.com": false, `"ana"@example.com`: false, "ana@[127.0.0.1]": false,
		"ñ@example.com": false, "ana@ñ.example": false, "ana@example.com\n": false, "ana>@example.com": false,
	} {
		if got := isDotAtoms(spec); got != want {
			t.Errorf("%q: got %t", spec, got)
		}
	}
}

// What is read at a glance is what net/mail reads and writes.
func FuzzIsDotAtoms(f *testing.F) {
	for _, spec := range []string{"ana@example.com", "a.b-c_d+e@f.g", "a@b", ".@.", "a@b.", "-@-", "_+@x"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		if !isDotAtoms(spec) {
			return
		}
		parsed, err := mail.ParseAddress("<" + spec + ">")
		if err != nil || parsed.Address != spec || parsed.Name != "" || parsed.String() != "<"+spec+">" {
			t.Errorf("%q is read as %v, %v", spec, parsed, err)
		}
	})
}

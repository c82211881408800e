package mailer

import "testing"

func TestDisplayName(t *testing.T) {
	cases := []struct {
		sentence, name string
		shown          bool
	}{
		{"A name.", "José Núñez", true},
		{"Quotes and commas.", `José "Pepe" Núñez, hijo`, true},
		{"Initials have dots.", "J. R. Pérez", true},
		{"A company with a year.", "Grupo 1998, S.A.", true},
		{"Five digits.", "Taller 12345", true},
		{"Six digits may be a telephone number.", "Llama 55 12 34", false},
		{"Digits of another script.", "Llama ٥٥١٢٣٤", false},
		{"A slash is part of a link.", "gana.example/x", false},
		{"A slash in full width.", "gana／x", false},
		{"An address.", "ana@example.com", false},
		{"An at sign in full width.", "ana＠example", false},
		{"A small at sign.", "ana﹫example", false},
		{"A scheme.", "Gana HTTPS:gana", false},
		{"An ideographic full stop is a dot in a host name.", "gana。example", false},
		{"So is the one in full width.", "gana．example", false},
		{"So is the one in half width.", "gana｡example", false},
		{"A one dot leader looks like a dot.", "gana․example", false},
		{"None.", "", true},
	}
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			want := ""
			if c.shown {
				want = c.name
			}
			if got := displayName(c.name); got != want {
				t.Errorf("%q is shown as %q", c.name, got)
			}
			to, err := recipient(c.name, "ana@example.com")
			if err != nil || to.Name != want || to.path() != "<ana@example.com>" {
				t.Errorf("recipient %v, %v", to, err)
			}
		})
	}
}

package templates

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"alta/pipeline"
)

func brands() map[pipeline.Country]Brand {
	return map[pipeline.Country]Brand{
		pipeline.MX: {
			Name: "Nómada Pay", URL: "https://nomada.example/mx", SupportEmail: "ayuda@nomada.example",
			LegalName:  "Nómada Tecnología Financiera, S.A.P.I. de C.V.",
			Address:    "Av. Paseo de la Reforma 250, piso 12, Col. Juárez, 06600, Ciudad de México",
			PrivacyURL: "https://nomada.example/mx/aviso-de-privacidad?v=2&idioma=es",
		},
		pipeline.DO: {
			Name: "Nómada Pay", URL: "https://nomada.example/do", SupportEmail: "ayuda@nomada.example",
			LegalName:  "Nómada Dominicana, S.R.L.",
			Address:    "Av. Winston Churchill 1099, Piantini, Santo Domingo",
			PrivacyURL: "https://nomada.example/do/privacidad",
		},
	}
}

func load(t testing.TB, dir string) *Set {
	t.Helper()
	s, err := Load(Options{Dir: dir, Brands: brands()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func render(t testing.TB, s *Set, d *pipeline.Delivery) pipeline.Content {
	t.Helper()
	c, err := s.Render(d)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// overrides writes the files into a new folder.
func overrides(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// embeddedFile returns the text of an embedded template.
func embeddedFile(t testing.TB, name string) string {
	t.Helper()
	b, err := embedded.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// delivery is an invite, reminder or reissue to a user at home in the locale.
func delivery(l pipeline.Locale, s pipeline.Step, kind pipeline.UserType) *pipeline.Delivery {
	country, name := pipeline.MX, "María Fernanda Núñez Ortega"
	if l == pipeline.ESDO {
		country, name = pipeline.DO, "Ramón Emilio Peña"
	}
	if kind == pipeline.Business {
		name = map[pipeline.Country]string{
			pipeline.MX: "Comercializadora El Águila, S.A. de C.V.", pipeline.DO: "Colmado Hermanos Peña, S.R.L.",
		}[country]
	}
	d := sampleDelivery(l, s, country, kind, 1, name)
	d.Link.URL = pipeline.NewSecret("https://verify.example/s?_al=TOKEN==&r=a%2Fb")
	return d
}

// lasting is the delivery with a link that never expires.
func lasting(d *pipeline.Delivery) *pipeline.Delivery {
	const token = "AAECAwQFBgcICQoLDA0ODw"
	digest := pipeline.DigestTicket(token)
	d.Link = pipeline.Link{
		URL: pipeline.NewSecret("https://kyc.nomada.example" + pipeline.TicketPath + token), Ticket: &digest, IssuedAt: d.Link.IssuedAt,
	}
	return d
}

// everyDelivery returns one delivery of each step, locale, kind and round, with a
// link that expires and with one that does not.
func everyDelivery() []*pipeline.Delivery {
	var all []*pipeline.Delivery
	for _, l := range locales() {
		for _, s := range pipeline.Steps() {
			for _, kind := range []pipeline.UserType{pipeline.Individual, pipeline.Business} {
				for round := 1; round <= 4; round++ {
					d, other := delivery(l, s, kind), lasting(delivery(l, s, kind))
					d.Round, other.Round = round, round
					all = append(all, d, other)
				}
			}
		}
	}
	return all
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

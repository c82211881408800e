package app

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLegalWarningsNameWhatTheFooterLacks(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"nothing is set", "", []string{
			"mails to MX users lack brand.legal_name, brand.address, brand.MX.privacy_url",
			"mails to DO users lack brand.legal_name, brand.address, brand.DO.privacy_url",
		}},
		{"a company serves both countries, a privacy notice one", `
[brand]
legal_name = "Acme"
address = "Calle 1"
[brand.MX]
privacy_url = "https://acme.example/aviso"
`, []string{"mails to DO users lack brand.DO.privacy_url"}},
		{"a country has all of its own", `
[brand.DO]
legal_name = "Acme SRL"
address = "Calle 2"
privacy_url = "https://acme.example/privacidad"
`, []string{"mails to MX users lack brand.legal_name, brand.address, brand.MX.privacy_url"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, mustLoad(t, test.text).LegalWarnings()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The first sample of the page is what people copy.
func TestDocumentedSampleIsComplete(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```toml\n")
	sample, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/configuration.md has no sample")
	}
	environment := map[string]string{"ALTA_CAPA_API_KEY": "key", "ALTA_SMTP_PASSWORD": "password", "CREDENTIALS_DIRECTORY": t.TempDir()}
	c, err := LoadConfig("config.toml", []byte(sample), standardConfig(t), func(name string) string { return environment[name] })
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckReady(); err != nil {
		t.Error(err)
	}
	if warnings := append(c.Warnings, c.LegalWarnings()...); len(warnings) > 0 {
		t.Errorf("warnings: %q", warnings)
	}
}

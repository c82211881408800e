package app

import (
	"fmt"
	"strings"

	"alta/pipeline"
)

// LegalWarnings returns a sentence for each country whose mails lack something
// that their footer owes the reader: who the company is, where it is, and its
// privacy notice (MX: aviso de privacidad; DO: Ley 172-13).
func (c *Config) LegalWarnings() []string {
	var warnings []string
	for _, country := range []pipeline.Country{pipeline.MX, pipeline.DO} {
		brand := c.BrandFor(country)
		var missing []string
		for _, s := range []struct{ name, value string }{
			{"brand.legal_name", brand.LegalName},
			{"brand.address", brand.Address},
			{fmt.Sprintf("brand.%s.privacy_url", country), brand.PrivacyURL},
		} {
			if s.value == "" {
				missing = append(missing, s.name)
			}
		}
		if len(missing) > 0 {
			warnings = append(warnings, fmt.Sprintf("mails to %s users lack %s", country, strings.Join(missing, ", ")))
		}
	}
	return warnings
}

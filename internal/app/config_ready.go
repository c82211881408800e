package app

import "alta/pipeline"

// CheckReady returns a [*ConfigError] that names everything a command that
// sends mail still needs: the values that have no default, and the secrets that
// could not be read. Commands that only read or write the ledger work without.
func (c *Config) CheckReady() error {
	problems := c.secrets
	need := func(missing bool, setting, expected string) {
		if missing {
			problems = append(problems[:len(problems):len(problems)], c.problem(setting, "not set, expected "+expected))
		}
	}
	need(c.Capa.BaseURL == "", "capa.base_url", "the address of the partner API")
	need(c.Capa.APIKey.IsZero() && !c.secretFailed("capa.api_key_file"), "capa.api_key_file",
		"a file with the API key of the partner, or ALTA_CAPA_API_KEY in the environment")
	need(c.SMTP.Host == "", "smtp.host", "the host name of the SMTP server")
	need(c.SMTP.Username != "" && c.SMTP.Password.IsZero() && !c.secretFailed("smtp.password_file"), "smtp.password_file",
		"a file with the password of smtp.username, or ALTA_SMTP_PASSWORD in the environment")
	need(c.SMTP.Username == "" && (c.SMTP.Auth != "" || !c.SMTP.Password.IsZero()), "smtp.username",
		"the user that smtp.auth and the SMTP password belong to")
	need(c.SMTP.From == "", "smtp.from", `the sender, for example "Acme <hola@acme.example>"`)
	need(c.BrandFor(pipeline.MX).Name == "" || c.BrandFor(pipeline.DO).Name == "", "brand.name", "the name that mails speak in")
	return configError(problems)
}

// secretFailed tells whether the setting's secret was given and could not be
// read, which says more than that it is missing.
func (c *Config) secretFailed(setting string) bool {
	for _, p := range c.secrets {
		if p.Setting == setting {
			return true
		}
	}
	return false
}

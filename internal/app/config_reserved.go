package app

// warnReserved warns of each setting that is set although nothing in this
// release makes use of it, so that nobody counts on a page or a check that is
// not there.
func (c *Config) warnReserved(getenv func(string) string) {
	for _, reserved := range []struct{ name, value string }{
		{"operator.token_file", c.Operator.TokenFile},
		{"ALTA_OPERATOR_TOKEN", getenv("ALTA_OPERATOR_TOKEN")},
	} {
		if reserved.value != "" {
			c.Warnings = append(c.Warnings, reserved.name+" is set, but it is reserved: it has no effect in this release")
		}
	}
}

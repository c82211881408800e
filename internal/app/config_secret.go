package app

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"alta/pipeline"
)

// secretSource says where one secret comes from: the environment, which wins,
// or the file that a setting names.
type secretSource struct {
	what    string // "the partner's API key"
	setting string // "capa.api_key_file"
	env     string // "" for a secret that comes from a file only
	file    *string
	into    *pipeline.Secret
	form    secretForm
}

// secretForm says what a secret may look like.
type secretForm int

const (
	secretLine  secretForm = iota // one line of text
	secretToken                   // goes into a header: visible ASCII (RFC 9110, section 5.5), no blanks
	secretLines                   // several lines, as a PEM file has
)

func secretsOf(c *Config) []secretSource {
	return []secretSource{
		{what: "the API key of the partner", setting: "capa.api_key_file", env: "ALTA_CAPA_API_KEY", file: &c.Capa.APIKeyFile, into: &c.Capa.APIKey, form: secretToken},
		{what: "the database password", setting: "database.password_file", env: "ALTA_DATABASE_PASSWORD", file: &c.Database.PasswordFile, into: &c.Database.Password},
		{what: "the SMTP password", setting: "smtp.password_file", env: "ALTA_SMTP_PASSWORD", file: &c.SMTP.PasswordFile, into: &c.SMTP.Password},
		{what: "the DKIM key", setting: "smtp.dkim.key_file", file: &c.SMTP.DKIM.KeyFile, into: &c.SMTP.DKIM.Key, form: secretLines},
		{what: "the operator's token", setting: "operator.token_file", env: "ALTA_OPERATOR_TOKEN", file: &c.Operator.TokenFile, into: &c.Operator.Token, form: secretToken},
		{what: "the webhook secret of before", setting: "webhook.previous_secret_file", env: "ALTA_WEBHOOK_PREVIOUS_SECRET", file: &c.Webhook.PreviousSecretFile, into: &c.Webhook.Previous},
		{what: "the webhook secret", setting: "webhook.secret_file", env: "ALTA_WEBHOOK_SECRET", file: &c.Webhook.SecretFile, into: &c.Webhook.Secret},
		{what: "the secret of outgoing events", setting: "events.secret_file", env: "ALTA_EVENTS_SECRET", file: &c.Events.SecretFile, into: &c.Events.Secret, form: secretToken},
	}
}

// secretFiles are the secrets that a setting names a file for: those of secretsOf,
// and the data key and the key of the certificate, which have rules of their own.
func secretFiles(c *Config) []secretSource {
	all := []secretSource{{what: "the key of the certificate", setting: "operator.tls_key_file"}}
	return append(append(all, secretsOf(c)...), secretSource{what: "the data key", setting: keySetting, env: "ALTA_DATA_KEY"})
}

// isSecretFile tells whether the setting names a file with a secret.
func isSecretFile(name string) bool {
	return slices.ContainsFunc(secretFiles(&Config{}), func(s secretSource) bool { return s.setting == name })
}

// secretHint explains an unknown name that looks like a secret written into the
// file, "" for any other name.
func secretHint(name string) string {
	table, leaf := splitName(strings.ToLower(name))
	if !strings.Contains(leaf, "key") && !strings.Contains(leaf, "pass") &&
		!strings.Contains(leaf, "token") && !strings.Contains(leaf, "secret") {
		return ""
	}
	var fits []secretSource
	for _, s := range secretFiles(&Config{}) {
		ownTable, ownLeaf := splitName(s.setting)
		if ownTable == table && distance(leaf, ownLeaf) <= 2 {
			return "" // A slip of the pen in the name of the *_file setting.
		}
		word := strings.TrimSuffix(ownLeaf, "_file")
		if ownTable == table || strings.Contains(leaf, word) {
			fits = append(fits, s)
		}
	}
	const hint = "a secret does not belong in this file; "
	if len(fits) == 0 {
		return hint + "see the *_file settings and their environment variables"
	}
	// The one of the same table, if any, says it best.
	s := fits[0]
	for _, fit := range fits {
		if own, _ := splitName(fit.setting); own == table {
			s = fit
		}
	}
	text := hint + "put it into a file of its own and name that in " + s.setting
	if s.env != "" {
		text += ", or set " + s.env + " in the environment"
	}
	return text
}

// readSecrets resolves the *_file settings and reads the secrets. A secret that
// can't be read is a problem for whoever needs it, so the problems wait in
// c.secrets for [Config.CheckReady]: "alta status" must work for an operator who
// may not read the daemon's credentials.
func (c *Config) readSecrets(getenv func(string) string) {
	for _, s := range secretsOf(c) {
		if err := c.readSecret(s, getenv); err != nil {
			c.secrets = append(c.secrets, c.problem(s.setting, err.Error()))
		}
	}
}

func (c *Config) readSecret(s secretSource, getenv func(string) string) error {
	path, credential, pathErr := expandCredential(*s.file, getenv)
	if pathErr == nil {
		*s.file = c.resolve(path)
	}
	if s.env != "" {
		if value := trimNewline(getenv(s.env)); value != "" {
			if err := checkSecret(value, s.form); err != nil {
				return fmt.Errorf("the environment variable %s %w", s.env, err)
			}
			*s.into = pipeline.NewSecret(value)
			return nil
		}
	}
	if pathErr != nil || *s.file == "" {
		return pathErr
	}
	value, mode, err := readSecretFile(*s.file)
	if err != nil {
		return err
	}
	if err := checkSecret(value, s.form); err != nil {
		return fmt.Errorf("the file %q %w", *s.file, err)
	}
	// systemd guards the folder of its credentials, and shows an access list as
	// group bits.
	if mode&0o077 != 0 && !credential {
		c.Warnings = append(c.Warnings, fmt.Sprintf(
			"%s: other users of this machine can use the file %q (mode %04o); 'chmod 600' it", s.setting, *s.file, mode))
	}
	*s.into = pipeline.NewSecret(value)
	return nil
}

// readDataKey takes the data key from the environment and finds its file, which
// need not be there: it is made with the ledger.
func (c *Config) readDataKey(getenv func(string) string) {
	c.Database.Key = pipeline.NewSecret(trimNewline(getenv("ALTA_DATA_KEY")))
	path, _, err := expandCredential(c.Database.KeyFile, getenv)
	if err != nil {
		if c.Database.Key.IsZero() {
			c.secrets = append(c.secrets, c.problem(keySetting, err.Error()))
		}
		return
	}
	c.Database.KeyFile = c.resolve(path)
	if !c.Database.shared() {
		c.Database.KeyFile = cmp.Or(c.Database.KeyFile, c.Database.Path+".key")
	}
}

// expandCredential replaces a leading $CREDENTIALS_DIRECTORY, with or without
// braces, by the folder in which systemd puts a unit's credentials (LoadCredential
// of systemd.exec).
func expandCredential(path string, getenv func(string) string) (expanded string, credential bool, err error) {
	for _, variable := range []string{"${CREDENTIALS_DIRECTORY}/", "$CREDENTIALS_DIRECTORY/"} {
		name, ok := strings.CutPrefix(path, variable)
		if !ok {
			continue
		}
		dir := getenv("CREDENTIALS_DIRECTORY")
		if !filepath.IsAbs(dir) {
			return "", false, errors.New("names a file in ${CREDENTIALS_DIRECTORY}, which is not set: systemd sets it for a unit with LoadCredential=")
		}
		return filepath.Join(dir, name), true, nil
	}
	return path, false, nil
}

// readSecretFile reads a small regular file. A pipe or a device is refused, for
// it could block the start for ever. The path of a file that is not there is
// never repeated: it may be the secret itself, put in the wrong place.
func readSecretFile(path string) (string, fs.FileMode, error) {
	const largest = 64 << 10
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, fmt.Errorf("the file that it names can't be read (%w), expected the path of a file that holds the secret", withoutPath(err))
	}
	if !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("%q is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("the file %q can't be read: %w", path, withoutPath(err))
	}
	defer func() { _ = f.Close() }() // Nothing was written.
	data, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err != nil {
		return "", 0, fmt.Errorf("the file %q can't be read: %w", path, withoutPath(err))
	}
	if len(data) > largest {
		return "", 0, fmt.Errorf("the file %q is larger than 64 KiB, so it is no secret", path)
	}
	return trimNewline(string(data)), info.Mode().Perm(), nil
}

// checkSecret refuses what can't be the secret. The error never holds it.
func checkSecret(value string, form secretForm) error {
	switch {
	case strings.TrimSpace(value) == "":
		return errors.New("is empty")
	case !utf8.ValidString(value):
		return errors.New("is not UTF-8 text")
	case form != secretLines && hasControl(value):
		return errors.New("holds a line break or a control character, expected the secret and nothing else")
	case form == secretToken && strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("holds a blank or a character outside ASCII, expected the secret and nothing else")
	}
	return nil
}

// trimNewline removes the one line end that editors and echo add.
func trimNewline(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

// withoutPath returns the bare cause of an error of package os, whose own text
// repeats the path.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

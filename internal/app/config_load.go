package app

import (
	"maps"
	"path/filepath"
	"slices"
)

// LoadConfig reads the settings: the defaults first, then the user's file on
// top. Path names the file in messages, and its folder is where relative paths
// start; "" is for the defaults alone, and then they start at the working
// directory. The environment is asked for secrets and for
// CREDENTIALS_DIRECTORY only.
//
// It is strict: an unknown setting, a wrong type or a bad value makes a
// [*ConfigError], which lists every problem of the file. Values that only a
// sending command needs may be missing; see [Config.CheckReady].
func LoadConfig(path string, data, defaults []byte, getenv func(string) string) (*Config, error) {
	c := &Config{File: path}
	standard, err := readDocument("default config.toml", defaults, c)
	if err != nil {
		return nil, err
	}
	if err := configError(standard.problems); err != nil {
		return nil, err
	}
	name := path
	if name == "" {
		name = "config.toml"
	}
	own, err := readDocument(name, data, c)
	if err != nil {
		return nil, err
	}
	c.places = own.places

	check := &configCheck{config: c, refused: maps.Clone(own.refused)}
	check.run()
	if err := configError(slices.Concat(own.problems, check.problems)); err != nil {
		return nil, err
	}
	c.Source.SQLite = c.resolve(c.Source.SQLite)
	c.Templates.Dir = c.resolve(c.Templates.Dir)
	c.Database.Path = c.resolve(c.Database.Path)
	c.readSecrets(getenv)
	if c.Database.shared() {
		c.Database.DSN = c.Database.dsn()
	}
	c.readDataKey(getenv)
	c.warnWebhook()
	return c, nil
}

// resolve lets a relative path start at the folder of the file.
func (c *Config) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) || c.File == "" {
		return path
	}
	return filepath.Join(filepath.Dir(c.File), path)
}

// problem makes a problem of the setting, with its position when the file sets
// it.
func (c *Config) problem(name, text string) ConfigProblem {
	p := c.places[name]
	return ConfigProblem{File: c.File, Line: p.line, Column: p.column, Setting: name, Text: text}
}

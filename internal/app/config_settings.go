package app

import (
	"reflect"
	"strings"
)

// setting is one field of [Config] that a file can set.
type setting struct {
	name  string        // "smtp.dkim.domain"
	value reflect.Value // the field itself
}

// settingsOf lists the settings of the configuration in the order of its
// fields. Their names come from the TOML tags, so that there is one list.
func settingsOf(c *Config) []setting {
	var all []setting
	var walk func(prefix string, table reflect.Value)
	walk = func(prefix string, table reflect.Value) {
		for field, value := range table.Fields() {
			name := field.Tag.Get("toml")
			switch {
			case name == "" || name == "-":
			case value.Kind() == reflect.Struct:
				walk(prefix+name+".", value)
			default:
				all = append(all, setting{prefix + name, value})
			}
		}
	}
	walk("", reflect.ValueOf(c).Elem())
	return all
}

// tablesOf lists the tables that hold the settings, "smtp" and "smtp.dkim".
func tablesOf(settings []setting) map[string]bool {
	tables := map[string]bool{}
	for _, s := range settings {
		for name := s.name; ; {
			dot := strings.LastIndexByte(name, '.')
			if dot < 0 {
				break
			}
			name = name[:dot]
			tables[name] = true
		}
	}
	return tables
}

package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// ConfigError says everything that is wrong with a configuration. Its text
// names settings and harmless values; it never holds a secret.
type ConfigError struct {
	Problems []ConfigProblem // never empty; in the order of the file
}

// Error returns one line for each problem.
func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// ConfigProblem is one thing that is wrong.
type ConfigProblem struct {
	File    string // "" when there is no file
	Line    int    // counts from 1; 0 when the file does not name the setting
	Column  int    // counts from 1, in characters
	Setting string // the full name, for example "capa.timeout"; "" for bad TOML
	Text    string // what was found and what was expected
}

// String returns "FILE:LINE:COLUMN: SETTING: TEXT", without the parts that are
// not known.
func (p ConfigProblem) String() string {
	var b strings.Builder
	switch {
	case p.Line > 0:
		fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	case p.File != "":
		fmt.Fprintf(&b, "%s: ", p.File)
	}
	if p.Setting != "" {
		fmt.Fprintf(&b, "%s: ", p.Setting)
	}
	b.WriteString(p.Text)
	return b.String()
}

// configError wraps the problems, in the order of the file and those without a
// position last. It returns nil when there are none.
func configError(problems []ConfigProblem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b ConfigProblem) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &ConfigError{problems}
}

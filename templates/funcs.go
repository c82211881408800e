package templates

import "github.com/Masterminds/sprig/v3"

// allowed names the sprig functions that a template may call: text and lists,
// and each of them pure, bounded by its input and silent about values in its
// errors. The rest of sprig reads the environment, asks the network, draws
// random numbers, makes keys, repeats without bound, cuts UTF-8 in the middle
// of a character or writes English dates.
func allowed() []string {
	return []string{
		// Text.
		"contains", "hasPrefix", "hasSuffix", "lower", "nospace", "plural", "quote", "replace",
		"squote", "trim", "trimAll", "trimPrefix", "trimSuffix", "upper",
		// Defaults.
		"coalesce", "default", "empty", "ternary",
		// Lists.
		"compact", "first", "has", "join", "last", "list", "rest", "splitList", "uniq", "without",
	}
}

// functions returns what templates may call beyond Go's own functions.
func functions() map[string]any {
	all := sprig.GenericFuncMap()
	functions := make(map[string]any, len(allowed()))
	for _, name := range allowed() {
		functions[name] = all[name]
	}
	return functions
}

package app

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const wantDuration = `a duration such as "30s", "20m" or "24h"`

// mismatch says why a value does not fit a setting.
type mismatch struct {
	element  int // in an array; -1 for the value itself
	found    string
	expected string
}

// assign converts a TOML value, as go-toml decodes it into an any, to the type
// of the field and stores it there. A value that does not fit changes nothing.
func assign(field reflect.Value, value any) *mismatch {
	var (
		converted any
		expected  string
	)
	switch field.Interface().(type) {
	case string:
		return assignString(field, value)
	case time.Duration:
		return assignDuration(field, value)
	case []string:
		return assignArray(field, value, `an array of strings`)
	case []time.Duration:
		return assignArray(field, value, `an array of durations such as ["24h", "72h"]`)
	case bool:
		converted, expected = value, "true or false"
	case int:
		expected = "a whole number"
		if n, ok := value.(int64); ok {
			converted = int(n)
		}
	case float64:
		converted, expected = value, "a number"
		if n, ok := value.(int64); ok {
			converted = float64(n)
		}
	}
	if reflect.TypeOf(converted) != field.Type() {
		return &mismatch{-1, shown(value), expected}
	}
	field.Set(reflect.ValueOf(converted))
	return nil
}

func assignString(field reflect.Value, value any) *mismatch {
	s, ok := value.(string)
	if !ok {
		return &mismatch{-1, shown(value), "a string"}
	}
	field.SetString(s)
	return nil
}

func assignDuration(field reflect.Value, value any) *mismatch {
	s, ok := value.(string)
	if !ok {
		return &mismatch{-1, shown(value), wantDuration}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return &mismatch{-1, shown(s), wantDuration}
	}
	if d < 0 {
		return &mismatch{-1, shown(s), wantDuration + ", not below 0"}
	}
	field.SetInt(int64(d))
	return nil
}

func assignArray(field reflect.Value, value any, expected string) *mismatch {
	values, ok := value.([]any)
	if !ok {
		return &mismatch{-1, shown(value), expected}
	}
	array := reflect.MakeSlice(field.Type(), len(values), len(values))
	for i, v := range values {
		if m := assign(array.Index(i), v); m != nil {
			m.element = i
			return m
		}
	}
	field.Set(array)
	return nil
}

// shown writes a found value into a message: short, on one line, and without
// what a URL might hold besides its scheme and host, or what may be a secret.
func shown(value any) string {
	switch v := value.(type) {
	case string:
		return shownString(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case map[string]any:
		return "a table"
	case []any:
		return "an array"
	default:
		return "a date or time"
	}
}

// credentials is what a password in an address looks like, USER:PASSWORD@HOST.
var credentials = regexp.MustCompile(`[^\s:@]:[^\s@]+@`)

// mayBeSecret tells whether a value could be a key or a password that was put
// in the wrong place: it has a long word of letters and digits. Whoever wrote
// it finds it by its line.
func mayBeSecret(s string) bool {
	const least = 10
	return slices.ContainsFunc(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" .,:/@", r) }), func(word string) bool {
		return len(word) >= least && strings.ContainsFunc(word, unicode.IsLetter) && strings.ContainsFunc(word, unicode.IsDigit)
	})
}

func shownString(s string) string {
	const longest = 60
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		if urlScheme.FindString(scheme+":") != scheme+":" {
			scheme = "…"
		}
		host := rest
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			host = rest[:end] + "/…"
		}
		if strings.Contains(rest, "@") {
			host = "…"
		}
		s = scheme + "://" + host
	} else if credentials.MatchString(s) {
		s = "…"
	}
	if mayBeSecret(s) {
		s = "…"
	}
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// hasControl tells whether s holds a character that belongs in no header, URL
// or file name.
func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

// durationText writes a duration as a user would, "24h" for "24h0m0s".
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

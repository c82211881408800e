package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// query reads the parameters of a request, strictly: each stands once, and none is
// unknown.
type query struct {
	values url.Values
	err    error // the first that was met
}

func readQuery(raw string, known ...string) *query {
	q := &query{}
	if q.values, q.err = url.ParseQuery(raw); q.err != nil {
		q.err = Refuse(Malformed, "The query of the URL can't be read; percent-encode its values.")
		return q
	}
	for name, values := range q.values {
		switch {
		case !slices.Contains(known, name):
			q.refuse("The parameter %q is unknown. This path knows %s.", name, orNone(known))
		case len(values) > 1:
			q.refuse("The parameter %s stands %d times; give it once.", name, len(values))
		case !utf8.ValidString(values[0]):
			q.refuse("The parameter %s is not valid UTF-8.", name)
		}
	}
	return q
}

func orNone(known []string) string {
	if len(known) == 0 {
		return "none"
	}
	return strings.Join(known, ", ")
}

func (q *query) refuse(format string, args ...any) {
	if q.err == nil {
		q.err = Refuse(Malformed, format, args...)
	}
}

func (q *query) text(name string) string { return q.values.Get(name) }

// number is a whole number from 1 to most, and otherwise when nobody gives one.
func (q *query) number(name string, otherwise, most int) int {
	if !q.values.Has(name) {
		return otherwise
	}
	n, err := strconv.Atoi(q.text(name))
	if err != nil || n < 1 || n > most {
		q.refuse("%s must be a whole number from 1 to %d.", name, most)
		return otherwise
	}
	return n
}

// time is a moment as RFC 3339 has it, and otherwise when nobody gives one. A day
// behind it, there is still one: RFC 3339 has no year of five digits.
func (q *query) time(name string, otherwise time.Time) time.Time {
	if !q.values.Has(name) {
		return otherwise
	}
	at, err := time.Parse(time.RFC3339, q.text(name))
	if err != nil {
		q.refuse("%s must be a time such as 2026-05-03T14:00:00Z.", name)
		return otherwise
	}
	if at.UTC().Year() < 1 || !at.Before(time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)) {
		q.refuse("%s must lie in the years from 0001 on, and before 9999-12-31.", name)
		return otherwise
	}
	return at
}

// oneOf is a word of a list, or "" when nobody gives one.
func oneOf[W ~string](q *query, name string, words []W) W {
	word := W(q.text(name))
	if word != "" && !slices.Contains(words, word) {
		known := make([]string, len(words))
		for i, w := range words {
			known[i] = string(w)
		}
		q.refuse("%s must be one of %s.", name, strings.Join(known, ", "))
	}
	return word
}

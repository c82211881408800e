package templates

import (
	"time"

	"alta/pipeline"
)

// Formal tells whether the mails of the locale say usted, and not tú. The pages
// that a mail leads to speak as it does.
func (s *Set) Formal(l pipeline.Locale) bool { return s.languages[l].voice == formal }

// GreetingName returns the name as a greeting can use it, or "" when it can't.
// What it returns is still to be escaped.
func (s *Set) GreetingName(name string) string { return greetingName(name) }

// SpellOut writes a time in its own zone, to the minute before it, in the words of
// a locale that has templates; for any other it writes RFC 3339.
func (s *Set) SpellOut(l pipeline.Locale, t time.Time) string {
	calendar := s.languages[l].calendar
	if calendar == nil {
		return t.Format(time.RFC3339)
	}
	return spellOut(calendar, t)
}

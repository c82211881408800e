package roster

import "strings"

// sink hands the rows of one source on: good ones to each, problems to bad.
type sink struct {
	each  func(Row) error
	bad   func(Problem)
	zones map[string]bool
}

func newSink(each func(Row) error, bad func(Problem)) sink {
	return sink{each: each, bad: bad, zones: map[string]bool{}}
}

// row validates one row. The note is added to the reason of every problem.
func (s sink) row(line int, f Fields, note string) error {
	if f.blank() {
		s.refuse(line, "", "the row is empty"+note)
		return nil
	}
	u, problems := validate(f, s.zones)
	if len(problems) == 0 {
		return s.each(Row{Line: line, User: u})
	}
	for _, p := range problems {
		s.refuse(line, p.Column, p.Reason+note)
	}
	return nil
}

func (s sink) refuse(line int, column, reason string) {
	s.bad(Problem{Line: line, Column: column, Reason: reason})
}

func (f Fields) blank() bool {
	for _, cell := range [...]string{f.ID, f.Email, f.Name, f.Country, f.ExternalID, f.Locale, f.TimeZone, f.Type, f.Status} {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}

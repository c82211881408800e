package roster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Fields is one row as it came from outside: text, nothing checked.
type Fields struct {
	ID         string
	Email      string
	Name       string
	Country    string
	ExternalID string
	Locale     string
	TimeZone   string
	Type       string
	Status     string
}

func requiredColumns() []string { return []string{"id", "email", "name", "country"} }

func optionalColumns() []string {
	return []string{"external_id", "locale", "time_zone", "type", "status"}
}

func columns() []string { return append(requiredColumns(), optionalColumns()...) }

// expected is the end of every message about columns.
func expected() string {
	return fmt.Sprintf("expected %s and optionally %s",
		strings.Join(requiredColumns(), ", "), strings.Join(optionalColumns(), ", "))
}

// cell returns the place of a column, or nil when there is no such column.
func (f *Fields) cell(column string) *string {
	switch column {
	case "id":
		return &f.ID
	case "email":
		return &f.Email
	case "name":
		return &f.Name
	case "country":
		return &f.Country
	case "external_id":
		return &f.ExternalID
	case "locale":
		return &f.Locale
	case "time_zone":
		return &f.TimeZone
	case "type":
		return &f.Type
	case "status":
		return &f.Status
	}
	return nil
}

// header holds the column of each position.
type header []string

// newHeader accepts the columns in any order and any case. It refuses a column
// that it does not know: a misspelt optional column would be lost in silence.
func newHeader(names []string) (header, error) {
	var h header
	for i, name := range names {
		column := columnName(name)
		switch {
		case column == "":
			return nil, fmt.Errorf("column %d has no name: %s", i+1, expected())
		case !slices.Contains(columns(), column):
			return nil, fmt.Errorf("unknown column %s: %s", quote(name), expected())
		case slices.Contains(h, column):
			return nil, fmt.Errorf("column %q occurs twice", column)
		}
		h = append(h, column)
	}
	var missing []string
	for _, column := range requiredColumns() {
		if !slices.Contains(h, column) {
			missing = append(missing, column)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("missing column %s: %s", strings.Join(missing, ", "), expected())
	}
	return h, nil
}

// fields puts the cells, as many as the header has columns, in their places.
func (h header) fields(cells []string) Fields {
	var f Fields
	for i, column := range h {
		*f.cell(column) = cells[i]
	}
	return f
}

func columnName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// quote makes foreign text safe to show: short, and without control characters.
func quote(s string) string {
	const limit = 40
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit]) + "…"
	}
	return strconv.Quote(s)
}

package roster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

func isObject(l line) bool { return bytes.HasPrefix(bytes.TrimSpace(l.text), []byte("{")) }

// readJSONLines reads one object a line, see https://jsonlines.org.
func readJSONLines(lines *lineReader, s sink) error {
	for {
		next, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case next.blank():
			continue
		case next.long:
			s.refuse(next.number, "", reasonTooLong)
			continue
		}
		f, problems := parseObject(next.text)
		if len(problems) == 0 {
			if err := s.row(next.number, f, ""); err != nil {
				return err
			}
		}
		for _, p := range problems {
			s.refuse(next.number, p.Column, p.Reason)
		}
	}
}

// parseObject reads one flat object whose values are strings or null, and for
// ids whole numbers. Keys are compared as CSV headers are. It refuses a key that occurs twice: readers of
// JSON disagree on which value counts (RFC 8259, section 4).
func parseObject(text []byte) (Fields, []Problem) {
	var (
		f        Fields
		problems []Problem
		seen     []string
	)
	broken := func(err error) (Fields, []Problem) {
		return Fields{}, append(problems, Problem{Reason: jsonReason(err)})
	}
	d := json.NewDecoder(bytes.NewReader(text))
	start, err := d.Token()
	if err != nil {
		return broken(err)
	}
	if start != json.Delim('{') {
		return Fields{}, []Problem{{Reason: "is not a JSON object: expected one object a line"}}
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return broken(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return broken(err)
		}
		name, _ := key.(string) // inside an object the decoder yields nothing else
		column := columnName(name)
		cell := f.cell(column)
		switch {
		case cell == nil:
			problems = append(problems, Problem{Reason: fmt.Sprintf("unknown key %s: %s", quote(name), expected())})
			continue
		case slices.Contains(seen, column):
			problems = append(problems, Problem{Column: column, Reason: "occurs twice"})
			continue
		}
		seen = append(seen, column)
		value, err := textValue(column, raw)
		if err != nil {
			problems = append(problems, Problem{Column: column, Reason: err.Error()})
			continue
		}
		*cell = value
	}
	if _, err := d.Token(); err != nil {
		return broken(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Fields{}, append(problems, Problem{Reason: "has text after the object: expected one object a line"})
	}
	return f, problems
}

// textValue reads a string, or null as the empty string. Many systems number
// their users, so an id may be a whole number as well; it keeps its digits.
func textValue(column string, raw json.RawMessage) (string, error) {
	kind := ""
	switch raw[0] {
	case '"':
		if !utf8.Valid(raw) {
			// The decoder would replace the bad bytes; validation must see them.
			return string(raw), nil
		}
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case 'n':
		return "", nil
	case '{':
		kind = "an object"
	case '[':
		kind = "an array"
	case 't', 'f':
		kind = "a boolean"
	default:
		if column != "id" && column != "external_id" {
			kind = "a number"
			break
		}
		if bytes.ContainsAny(raw, ".eE") {
			return "", errors.New("is a number with a fraction or an exponent: expected a string or a whole number")
		}
		return string(raw), nil
	}
	return "", fmt.Errorf("is %s: expected a string", kind)
}

func jsonReason(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the JSON object does not end in this line: expected one object a line"
	}
	return fmt.Sprintf("is not valid JSON: %v", err)
}
